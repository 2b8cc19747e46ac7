import { Empty, Shown } from '../components/Bits';
import { DeliveriesCard } from '../components/DeliveriesCard';
import { Icon } from '../components/Icons';
import { WebhookActions } from '../components/WebhookActions';
import { WebhookFacts, WebhookHead } from '../components/WebhookFacts';
import { useQuery } from '../data/hooks';
import { WebhookQuery, type Webhook } from '../data/webhookOperations';
import { WebhookEditor } from './WebhookEditor';

const POLL_MS = 5_000;

export function WebhookDetail({ id, edit }: { id: string; edit: boolean }) {
  const found = useQuery(WebhookQuery, { id }, { pollMs: edit ? 0 : POLL_MS });
  return (
    <>
      <a className="back" href="#/webhooks">
        <Icon name="back" />
        Webhooks
      </a>
      <Shown state={found} lines={6}>
        {({ webhook }) => {
          if (webhook === null) return <Empty title="There is no such webhook" testId="not-found" />;
          return edit ? <WebhookEditor webhook={webhook} /> : <Details webhook={webhook} />;
        }}
      </Shown>
    </>
  );
}

function Details({ webhook }: { webhook: Webhook }) {
  return (
    <div className="stack">
      <div className="card job" data-testid="webhook-detail" data-id={webhook.id} data-status={webhook.status}>
        <WebhookHead webhook={webhook} link={null} />
        <WebhookFacts webhook={webhook} />
        <WebhookActions webhook={webhook} />
      </div>
      <DeliveriesCard id={webhook.id} />
    </div>
  );
}
