import { useState, type SyntheticEvent } from 'react';
import { Card } from '../components/Bits';
import { CheckList } from '../components/CheckList';
import { Icon } from '../components/Icons';
import { Outcome } from '../components/Outcome';
import { SecretPanel } from '../components/SecretPanel';
import { useAct } from '../data/hooks';
import { CreateWebhook, UpdateWebhook, type Webhook, type WebhookEvent } from '../data/webhookOperations';
import { webhooksChanged } from '../data/webhooks';
import { blankWebhook, createOf, eventNames, formOf, lacking, updateOf, type WebhookForm } from '../data/webhookState';
import { go, href } from '../router';

export function NewWebhook() {
  return (
    <>
      <a className="back" href="#/webhooks">
        <Icon name="back" />
        Webhooks
      </a>
      <WebhookEditor webhook={null} />
    </>
  );
}

interface Made {
  id: string;
  url: string;
  secret: string;
}

/** Makes a webhook, or changes the one it is given. */
export function WebhookEditor({ webhook }: { webhook: Webhook | null }) {
  const [was] = useState(webhook);
  const [form, setForm] = useState<WebhookForm>(() => (was ? formOf(was) : blankWebhook));
  const [lack, setLack] = useState<string | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const [act, state] = useAct();
  const change = (part: Partial<WebhookForm>) => setForm((now) => ({ ...now, ...part }));

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    const wrong = lacking(form);
    setLack(wrong);
    if (wrong !== null) return;
    if (was) {
      const payload = await act(UpdateWebhook, { input: updateOf(form, was) }, (data) => data.updateWebhook);
      webhooksChanged();
      if (payload) go(href('webhooks', was.id));
      return;
    }
    const payload = await act(CreateWebhook, { input: createOf(form) }, (data) => data.createWebhook);
    webhooksChanged();
    if (payload?.webhook && payload.secret !== null) setMade({ ...payload.webhook, secret: payload.secret });
  }

  if (made) return <MadePanel made={made} />;
  return (
    <>
      <div className="page-head">
        <h1>{was ? 'Change the webhook' : 'New webhook'}</h1>
      </div>
      <form className="stack form" onSubmit={(event) => void submit(event)} data-testid="webhook-form">
        <Card title="What to call, and when">
          <Fields form={form} change={change} />
        </Card>
        <Outcome state={state} />
        {lack !== null && <p className="field-error" role="alert" data-testid="user-error">{lack}</p>}
        <div className="form-end">
          <a className="button" href={was ? href('webhooks', was.id) : href('webhooks')}>
            Leave it
          </a>
          <button type="submit" className="button primary" disabled={state.busy} data-testid="webhook-submit">
            {was ? 'Save' : 'Make the webhook'}
          </button>
        </div>
      </form>
    </>
  );
}

function Fields({ form, change }: { form: WebhookForm; change: (part: Partial<WebhookForm>) => void }) {
  return (
    <>
      <div className="field">
        <label htmlFor="webhook-url">Address</label>
        <input
          id="webhook-url"
          value={form.url}
          onChange={(event) => change({ url: event.target.value })}
          placeholder="https://example.com/phoneregistry"
          inputMode="url"
          maxLength={2000}
          autoComplete="off"
          spellCheck={false}
          data-testid="webhook-url"
        />
      </div>
      <CheckList
        legend="Events"
        options={Object.entries(eventNames).map(([id, { name, about }]) => ({
          id: id as WebhookEvent,
          name,
          aside: <span className="hint">{about}</span>,
        }))}
        chosen={form.events}
        onChange={(events) => change({ events })}
        hook="event"
      />
      <div className="field">
        <label htmlFor="webhook-description">What it is for</label>
        <input
          id="webhook-description"
          value={form.description}
          onChange={(event) => change({ description: event.target.value })}
          maxLength={200}
          data-testid="webhook-description"
        />
      </div>
    </>
  );
}

/** The secret, this once. */
function MadePanel({ made }: { made: Made }) {
  return (
    <Card title="The webhook was made" testId="webhook-made">
      <p className="hint key">{made.url}</p>
      <SecretPanel secret={made.secret}>
        Its messages are signed with this secret. It is shown this once: put it where the receiver checks signatures.
      </SecretPanel>
      <div className="form-end">
        <a className="button primary" href={href('webhooks', made.id)} data-testid="webhook-made-link">
          I have kept it
        </a>
      </div>
    </Card>
  );
}
