import { useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';
import { useState } from 'react';
import { session } from '../shared/current';
import { asApiError } from '../shared/errors';
import { useStore } from '../shared/store';
import { caller } from './caller';
import { runnable, variablesText, type Example } from './examples';
import { fetchWith } from './fetcher';

async function run(query: string): Promise<unknown> {
  const response = await fetchWith(session)('/graphql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ query }),
  });
  return ((await response.json()) as { data?: unknown }).data ?? null;
}

function ExamplesPanel() {
  const actions = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const scopes = useStore(caller)?.scopes ?? [];
  const [problem, setProblem] = useState<string | null>(null);

  async function open(example: Example) {
    setProblem(null);
    let variables = example.variables;
    if (example.prepare) {
      try {
        const found = await example.prepare(run);
        if (found === null) setProblem(example.missing ?? null);
        else variables = { ...variables, ...found };
      } catch (error) {
        setProblem(asApiError(error).message);
      }
    }
    actions.addTab();
    queryEditor?.setValue(example.query);
    variableEditor?.setValue(variablesText(variables));
    queryEditor?.focus();
  }

  return (
    <section className="examples" aria-label="Examples" data-testid="graphiql-examples">
      <h2>Examples</h2>
      <p>Each opens in a tab of its own, ready to run.</p>
      {problem && <p role="alert" className="examples-problem">{problem}</p>}
      <ul>
        {runnable(scopes).map((example) => (
          <li key={example.id}>
            <button
              type="button"
              className="examples-item"
              onClick={() => void open(example)}
              data-testid={`graphiql-example-${example.id}`}
            >
              <strong>{example.title}</strong>
              <span>{example.about}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function ExamplesIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M5 4.5h9l5 5V19a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5.5a1 1 0 0 1 1-1Z" />
      <path d="m10 10.5 4 2.5-4 2.5z" fill="currentColor" />
    </svg>
  );
}

export const EXAMPLES_PLUGIN: GraphiQLPlugin = {
  title: 'Examples',
  icon: ExamplesIcon,
  content: ExamplesPanel,
};
