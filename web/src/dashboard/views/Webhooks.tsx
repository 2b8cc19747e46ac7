import type { ReactNode } from 'react';
import { Empty, Shown } from '../components/Bits';
import { Icon } from '../components/Icons';
import { Pages } from '../components/Pages';
import { WebhookFacts, WebhookHead } from '../components/WebhookFacts';
import { useQuery } from '../data/hooks';
import { WebhooksQuery } from '../data/webhookOperations';
import { href } from '../router';
import { WebhookDetail } from './WebhookDetail';
import { NewWebhook } from './WebhookEditor';

const POLL_MS = 5_000;
const PAGE = 20;

/** Webhooks tell other systems what happens here, signed with a secret. */
export function Webhooks({ id, edit }: { id: string | null; edit: boolean }) {
  if (id === 'new') return <NewWebhook />;
  if (id !== null) return <WebhookDetail key={id} id={id} edit={edit} />;
  return <List />;
}

function List() {
  return (
    <>
      <div className="page-head">
        <h1>Webhooks</h1>
        <a className="button primary" href={href('webhooks', 'new')} data-testid="new-webhook-link">
          <Icon name="plus" />
          New webhook
        </a>
      </div>
      <Pages render={(after, onNext) => <Page after={after} onNext={onNext} />} />
    </>
  );
}

function Page({ after, onNext }: { after: string | null; onNext: (cursor: string) => ReactNode }) {
  const webhooks = useQuery(WebhooksQuery, { first: PAGE, after }, { pollMs: after === null ? POLL_MS : 0 });
  return (
    <Shown state={webhooks} lines={6}>
      {({ webhooks: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && after === null && (
            <Empty title="No webhooks yet">
              <p>A webhook is called with a signed message when a job or an import ends, or when leads change their tier.</p>
            </Empty>
          )}
          <ul className="stack" data-testid="webhooks">
            {nodes.map((webhook) => (
              <li key={webhook.id} className="card job" data-testid="webhook" data-id={webhook.id} data-status={webhook.status}>
                <WebhookHead webhook={webhook} link={href('webhooks', webhook.id)} />
                <WebhookFacts webhook={webhook} />
              </li>
            ))}
          </ul>
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && onNext(pageInfo.endCursor)}
        </>
      )}
    </Shown>
  );
}
