import type { ReactNode } from 'react';
import { ApiKeyRow } from '../components/ApiKeyRow';
import { Card, Empty, Shown } from '../components/Bits';
import { Icon } from '../components/Icons';
import { Pages } from '../components/Pages';
import { ApiKeysQuery } from '../data/accessOperations';
import { useQuery } from '../data/hooks';
import { href } from '../router';
import { NewApiKey } from './NewApiKey';

const POLL_MS = 15_000;
const PAGE = 25;

/** The keys with which programs and people call the API. */
export function ApiKeys({ id }: { id: string | null }) {
  return id === 'new' ? <NewApiKey /> : <List />;
}

function List() {
  return (
    <>
      <div className="page-head">
        <h1>API keys</h1>
        <a className="button primary" href={href('keys', 'new')} data-testid="new-key-link">
          <Icon name="plus" />
          New key
        </a>
      </div>
      <Card title="Newest first" className="keys-card">
        <Pages render={(after, onNext) => <Page after={after} onNext={onNext} />} />
      </Card>
    </>
  );
}

function Page({ after, onNext }: { after: string | null; onNext: (cursor: string) => ReactNode }) {
  const keys = useQuery(ApiKeysQuery, { first: PAGE, after }, { pollMs: after === null ? POLL_MS : 0 });
  return (
    <Shown state={keys} lines={6}>
      {({ apiKeys: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && after === null && (
            <Empty title="No API keys yet">
              <p>A key is a token for one program or person, with a role and an end of its own. What it does is recorded under its name.</p>
            </Empty>
          )}
          {nodes.length > 0 && (
            <table className="table keys" data-testid="keys">
              <colgroup>
                {['name', 'role', 'status', 'made', 'used', 'ends', 'actions'].map((name) => <col key={name} className={`col-${name}`} />)}
              </colgroup>
              <thead className={after === null ? '' : 'sr-only'}>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Role and scopes</th>
                  <th scope="col">Status</th>
                  <th scope="col">Made</th>
                  <th scope="col">Last used</th>
                  <th scope="col">Ends</th>
                  <th scope="col"><span className="sr-only">Actions</span></th>
                </tr>
              </thead>
              <tbody>{nodes.map((one) => <ApiKeyRow key={one.id} apiKey={one} />)}</tbody>
            </table>
          )}
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && onNext(pageInfo.endCursor)}
        </>
      )}
    </Shown>
  );
}
