import { useEffect, useState } from 'react';
import { useAct, useQuery } from '../data/hooks';
import {
  DeleteWebhook,
  DeliveryQuery,
  RotateWebhook,
  TestWebhook,
  UpdateWebhook,
  type Delivery,
  type Webhook,
} from '../data/webhookOperations';
import { webhooksChanged } from '../data/webhooks';
import { isTried, testOutcome } from '../data/webhookState';
import { go, href } from '../router';
import { ConfirmButton } from './ConfirmButton';
import { Outcome } from './Outcome';
import { SecretPanel } from './SecretPanel';

const POLL_MS = 1_000;

/** What may be done to a webhook, and what came of a test. */
export function WebhookActions({ webhook }: { webhook: Webhook }) {
  const { id, url, status } = webhook;
  const [act, state] = useAct();
  const [secret, setSecret] = useState<string | null>(null);
  const [test, setTest] = useState<Delivery | null>(null);
  const active = status === 'ACTIVE';

  async function hold() {
    const input = { id, status: active ? ('PAUSED' as const) : ('ACTIVE' as const) };
    await act(UpdateWebhook, { input }, (data) => data.updateWebhook);
    webhooksChanged();
  }

  async function rotate() {
    const payload = await act(RotateWebhook, { id }, (data) => data.rotateWebhookSecret);
    if (payload) setSecret(payload.secret);
    webhooksChanged();
  }

  async function remove() {
    const payload = await act(DeleteWebhook, { id }, (data) => data.deleteWebhook);
    if (payload) go(href('webhooks'));
    webhooksChanged();
  }

  async function send() {
    setTest(null);
    const payload = await act(TestWebhook, { id }, (data) => data.testWebhook);
    if (payload) setTest(payload.delivery);
    webhooksChanged();
  }

  return (
    <>
      <div className="job-actions">
        <button type="button" className="button small" disabled={state.busy} onClick={() => void send()} data-testid="webhook-test">
          Send a test
        </button>
        <button
          type="button"
          className="button small"
          disabled={state.busy}
          onClick={() => void hold()}
          data-testid={active ? 'webhook-pause' : 'webhook-resume'}
        >
          {active ? 'Pause' : 'Resume'}
        </button>
        <a className="button small" href={href('webhooks', id, { edit: '1' })} data-testid="webhook-edit">
          Change
        </a>
        <ConfirmButton
          title="Give it a new secret?"
          text="For a day messages carry signatures of both secrets, so that the receiver can change over. The new one is shown once."
          confirm="Make a new secret"
          onConfirm={() => void rotate()}
          disabled={state.busy}
          danger={false}
          testId="webhook-rotate"
        >
          New secret
        </ConfirmButton>
        <ConfirmButton
          title="Delete the webhook?"
          text={`${url} is not called any more. Its deliveries go with it, also those that wait.`}
          confirm="Delete the webhook"
          keep="Keep it"
          onConfirm={() => void remove()}
          disabled={state.busy}
          testId="webhook-delete"
        >
          Delete
        </ConfirmButton>
        <Outcome state={state} />
      </div>
      {test && <TestOutcome key={test.id} sent={test} />}
      {secret !== null && (
        <SecretPanel secret={secret}>This is the new secret. It is shown this once: put it where the receiver checks signatures.</SecretPanel>
      )}
    </>
  );
}

/** Follows a test message until something came of it. */
function TestOutcome({ sent }: { sent: Delivery }) {
  const [known, setKnown] = useState(sent);
  const tried = isTried(known);
  const { data } = useQuery(DeliveryQuery, { id: sent.id }, { pollMs: tried ? 0 : POLL_MS });
  const node = data?.node?.__typename === 'WebhookDelivery' ? data.node : null;
  if (node !== null && node !== known) setKnown(node);
  useEffect(() => {
    if (tried) webhooksChanged();
  }, [tried]);
  const { tone, text } = testOutcome(known);
  return (
    <p className={`test-outcome ${tone}`} role="status" data-testid="test-outcome" data-status={known.status} data-tried={tried}>
      {text}
    </p>
  );
}
