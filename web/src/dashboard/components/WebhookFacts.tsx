import type { Webhook } from '../data/webhookOperations';
import { eventNames } from '../data/webhookState';
import { count } from '../format';
import { Ago, StatusPill } from './Bits';

/** The address of a webhook and whether it is called. */
export function WebhookHead({ webhook, link }: { webhook: Webhook; link: string | null }) {
  return (
    <header className="job-head">
      {link === null ? <h1 className="job-name">{webhook.url}</h1> : (
        <a className="job-name" href={link} data-testid="webhook-link">{webhook.url}</a>
      )}
      <StatusPill status={webhook.status} />
    </header>
  );
}

/** What a webhook is told, and how that goes. */
export function WebhookFacts({ webhook }: { webhook: Webhook }) {
  return (
    <>
      {webhook.description !== null && webhook.description !== '' && <p>{webhook.description}</p>}
      <p className="hint">
        {webhook.events.map((event) => eventNames[event].name).join(', ')} · by {webhook.createdBy} · <Ago time={webhook.createdAt} />
      </p>
      <p className="job-facts">
        <span>{webhook.lastDeliveredAt === null ? 'nothing delivered yet' : <>last delivered <Ago time={webhook.lastDeliveredAt} /></>}</span>
        <span>{count(webhook.pending)} waiting</span>
        <span className={webhook.dead > 0 ? 'text-danger' : ''} data-testid="webhook-dead" data-count={webhook.dead}>
          {count(webhook.dead)} dead
        </span>
      </p>
    </>
  );
}
