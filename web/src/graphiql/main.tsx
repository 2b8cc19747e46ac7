import 'graphiql/setup-workers/vite';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN, GraphiQL } from 'graphiql';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { live, session } from '../shared/current';
import { Purpose } from '../shared/Purpose';
import { SignIn } from '../shared/SignIn';
import { useStore } from '../shared/store';
import { checkPurpose } from '../dashboard/data/viewer';
import { caller, noteSchema, schemaRefusal, useCaller } from './caller';
import { EXAMPLES_PLUGIN } from './ExamplesPanel';
import { examples, firstTabs, variablesText } from './examples';
import { makeFetcher } from './fetcher';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import '../shared/tokens.css';
import './graphiql.css';

const fetcher = makeFetcher(session, live, noteSchema);
const plugins = [EXAMPLES_PLUGIN, explorerPlugin({ showAttribution: false }), HISTORY_PLUGIN];
const defaultTabs = firstTabs.map((id) => {
  const example = examples.find((candidate) => candidate.id === id);
  return { query: example?.query ?? '', variables: variablesText(example?.variables) };
});
// Where there is room for it, the list of examples is open at the first visit.
const roomy = window.matchMedia('(min-width: 60rem)').matches;

function Page() {
  const { token, notice } = useStore(session.store);
  if (token === null) return <SignIn page="GraphiQL" notice={notice} />;
  return <Editor key={token} token={token} />;
}

/** Whether numbers are whole, for those who may see them so; and that the editor cannot help without a schema. */
function Bar() {
  const viewer = useStore(caller);
  const refusal = useStore(schemaRefusal);
  return (
    <>
      {viewer?.scopes.includes('REVEAL') && <Purpose optional={viewer.role === 'ADMIN'} check={checkPurpose} />}
      {refusal !== null && (
        <p className="no-schema" role="status" data-testid="no-schema">
          The server does not tell its schema here, so the editor can neither complete nor check what is written, and there is no documentation. It says: {refusal}
        </p>
      )}
    </>
  );
}

function Editor({ token }: { token: string }) {
  useCaller(token);
  return (
    <div className="page">
      <Bar />
      <GraphiQL
        // Another caller may be shown another schema.
        fetcher={fetcher}
        plugins={plugins}
        defaultTabs={defaultTabs}
        defaultEditorToolsVisibility="variables"
        {...(roomy ? { visiblePlugin: EXAMPLES_PLUGIN } : {})}
        // Queries and variables may hold numbers, headers may hold tokens: nothing outlives the
        // tab, and headers are not kept at all.
        storage={window.sessionStorage}
        shouldPersistHeaders={false}
        inputValueDeprecation
        schemaDescription
      >
        <GraphiQL.Logo>
          <nav className="corner" aria-label="phoneregistry">
            <a href="/" data-testid="graphiql-dashboard-link">Dashboard</a>
            <button type="button" onClick={() => session.signOut()} data-testid="sign-out">Sign out</button>
          </nav>
        </GraphiQL.Logo>
      </GraphiQL>
    </div>
  );
}

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
