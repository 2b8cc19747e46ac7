import { useState, type ReactNode } from 'react';
import { useAct, useQuery } from '../data/hooks';
import { DeliveriesQuery, RetryDelivery, type Delivery, type DeliveryStatus } from '../data/webhookOperations';
import { webhooksChanged } from '../data/webhooks';
import { answerText } from '../data/webhookState';
import { count, label } from '../format';
import { Ago, Card, Empty, Shown, Soon, StatusPill } from './Bits';
import { Choice } from './Choice';
import { Outcome } from './Outcome';
import { Pages } from './Pages';

const POLL_MS = 3_000;
const PAGE = 25;

const statuses: readonly DeliveryStatus[] = ['PENDING', 'DELIVERED', 'DEAD'];
const choices = [{ id: 'all', name: 'All' }, ...statuses.map((status) => ({ id: status, name: label(status) }))];

/** What was sent to a webhook, and what became of it. */
export function DeliveriesCard({ id }: { id: string }) {
  const [choice, setChoice] = useState('all');
  const status = statuses.find((name) => name === choice) ?? null;
  return (
    <Card title="Deliveries" testId="deliveries">
      <Choice label="Which deliveries" options={choices} value={choice} onChange={setChoice} testId="delivery-filter" />
      <Pages key={choice} render={(after, onNext) => <Page id={id} status={status} after={after} onNext={onNext} />} />
    </Card>
  );
}

interface PageProps {
  id: string;
  status: DeliveryStatus | null;
  after: string | null;
  onNext: (cursor: string) => ReactNode;
}

function Page({ id, status, after, onNext }: PageProps) {
  const deliveries = useQuery(
    DeliveriesQuery,
    { id, status, first: PAGE, after },
    { pollMs: after === null ? POLL_MS : 0 },
  );
  return (
    <Shown state={deliveries} lines={4}>
      {({ webhook }) => {
        const page = webhook?.deliveries;
        return (
          <>
            {page?.nodes.length === 0 && after === null && (
              <Empty title={status === null ? 'Nothing was sent yet' : 'No such deliveries'}>
                {status === null && <p>Send a test to see whether the receiver answers.</p>}
              </Empty>
            )}
            <ul className="rows">{page?.nodes.map((delivery) => <DeliveryRow key={delivery.id} delivery={delivery} />)}</ul>
            {page?.pageInfo.hasNextPage && page.pageInfo.endCursor !== null && onNext(page.pageInfo.endCursor)}
          </>
        );
      }}
    </Shown>
  );
}

function DeliveryRow({ delivery }: { delivery: Delivery }) {
  const [act, state] = useAct();

  async function retry() {
    await act(RetryDelivery, { id: delivery.id }, (data) => data.retryWebhookDelivery);
    webhooksChanged();
  }

  return (
    <li
      className="delivery"
      data-testid="delivery"
      data-id={delivery.id}
      data-event={delivery.event}
      data-status={delivery.status}
      data-attempts={delivery.attempts}
    >
      <div className="job-head">
        <strong className="key">{delivery.event}</strong>
        <StatusPill status={delivery.status} />
        <span className="hint job-when"><Ago time={delivery.createdAt} /></span>
      </div>
      <p className="job-facts">
        <span>{answerText(delivery)}</span>
        <span>{count(delivery.attempts)} {delivery.attempts === 1 ? 'attempt' : 'attempts'}</span>
        {delivery.nextAttemptAt !== null && <span>next <Soon time={delivery.nextAttemptAt} /></span>}
      </p>
      <p className="hint key" title="The id of the event: the same in every attempt">{delivery.eventId}</p>
      {(delivery.status === 'DEAD' || state.error !== null || state.refused.length > 0) && (
        <div className="job-actions">
          {delivery.status === 'DEAD' && (
            <button type="button" className="button small" disabled={state.busy} onClick={() => void retry()} data-testid="delivery-retry">
              Try again
            </button>
          )}
          <Outcome state={state} />
        </div>
      )}
    </li>
  );
}
