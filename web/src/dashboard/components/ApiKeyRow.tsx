import { useRef, useState, type SyntheticEvent } from 'react';
import { RevokeApiKey, UpdateApiKey, type ApiKey } from '../data/accessOperations';
import { lackingChange, lives, scopesText, updateOf, type KeyChange } from '../data/apiKeyForm';
import { keysChanged } from '../data/apiKeys';
import { useAct } from '../data/hooks';
import { label, when } from '../format';
import { href } from '../router';
import { roles } from '../roles';
import { Ago, Soon, StatusPill } from './Bits';
import { ConfirmButton } from './ConfirmButton';
import { LifeFields } from './LifeFields';
import { Outcome } from './Outcome';

/** A key: what it is, when it was used, and what may be done to it. */
export function ApiKeyRow({ apiKey }: { apiKey: ApiKey }) {
  const { id, name, role, status, createdBy, createdAt, expiresAt, revokedAt, lastUsedAt } = apiKey;
  const [act, state] = useAct();

  async function revoke() {
    await act(RevokeApiKey, { id }, (data) => data.revokeApiKey);
    keysChanged();
  }

  return (
    <tr data-testid="key" data-id={id} data-name={name} data-role={role} data-status={status} data-used={lastUsedAt !== null}>
      <td><strong className="key-name">{name}</strong></td>
      <td data-label="Role">
        <span className="key-role" title={`${roles[role].about}.`}>{label(role)}</span>
        <span className="hint key-scopes">{scopesText(apiKey, label)}</span>
      </td>
      <td data-label="Status"><StatusPill status={status} /></td>
      <td data-label="Made"><Ago time={createdAt} /> <span className="hint">by {createdBy}</span></td>
      <td data-label="Last used" title="To about a minute">{lastUsedAt === null ? 'never' : <Ago time={lastUsedAt} />}</td>
      <td data-label="Ends"><Ends status={status} expiresAt={expiresAt} revokedAt={revokedAt} /></td>
      <td>
        <div className="key-actions">
          <a className="button small" href={href('access-log', null, { actor: name })} title="What it has seen whole" data-testid="key-reads">
            Reads
          </a>
          {status === 'ACTIVE' && (
            <>
              <ChangeKey apiKey={apiKey} />
              <ConfirmButton
                title={`Revoke “${name}”?`}
                text="Whoever uses it is refused from now on, and its streams and sockets end within seconds. It cannot be taken back."
                confirm="Revoke the key"
                keep="Keep it"
                onConfirm={() => void revoke()}
                disabled={state.busy}
                testId="key-revoke"
              >
                Revoke
              </ConfirmButton>
            </>
          )}
          <Outcome state={state} />
        </div>
      </td>
    </tr>
  );
}

function Ends({ status, expiresAt, revokedAt }: Pick<ApiKey, 'status' | 'expiresAt' | 'revokedAt'>) {
  if (revokedAt !== null) return <>revoked <Ago time={revokedAt} /></>;
  if (expiresAt === null) return <>when revoked</>;
  return status === 'EXPIRED' ? <Ago time={expiresAt} /> : <Soon time={expiresAt} />;
}

const changes = { keep: 'As long as now', ...lives } as const;

/** A button and the form behind it: another name, another end. */
function ChangeKey({ apiKey }: { apiKey: ApiKey }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [opened, setOpened] = useState(0);
  return (
    <>
      <button
        type="button"
        className="button small"
        onClick={() => {
          setOpened(opened + 1); // a form of its own each time
          dialog.current?.showModal();
        }}
        data-testid="key-change"
      >
        Change
      </button>
      <dialog ref={dialog} className="dialog" aria-label={`Change ${apiKey.name}`} data-testid="key-change-dialog">
        <ChangeForm key={opened} apiKey={apiKey} close={() => dialog.current?.close()} />
      </dialog>
    </>
  );
}

function ChangeForm({ apiKey, close }: { apiKey: ApiKey; close: () => void }) {
  const [form, setForm] = useState<KeyChange>({ name: apiKey.name, life: 'keep', date: '' });
  const [lack, setLack] = useState<string | null>(null);
  const [act, state] = useAct();
  const change = (part: Partial<KeyChange>) => {
    setLack(null);
    setForm((now) => ({ ...now, ...part }));
  };

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    const wrong = lackingChange(form, Date.now());
    setLack(wrong);
    if (wrong !== null) return;
    const payload = await act(UpdateApiKey, { input: updateOf(form, apiKey, Date.now()) }, (data) => data.updateApiKey);
    if (!payload) return;
    close();
    keysChanged();
  }

  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      <h2>Change “{apiKey.name}”</h2>
      <p className="hint">
        Role and scopes stay as they are: a key that may do something else is another key.
        {apiKey.expiresAt !== null && ` It ends ${when(apiKey.expiresAt)}.`}
      </p>
      <div className="field">
        <label htmlFor={`name-${apiKey.id}`}>Name</label>
        <input
          id={`name-${apiKey.id}`}
          value={form.name}
          maxLength={100}
          onChange={(event) => change({ name: event.target.value })}
          autoComplete="off"
          data-testid="key-change-name"
        />
      </div>
      <LifeFields options={changes} life={form.life} date={form.date} change={change} hook="key-change" />
      {lack !== null && <p className="field-error" role="alert" data-testid="user-error">{lack}</p>}
      <Outcome state={state} />
      <div className="dialog-end">
        <button type="button" className="button" onClick={close}>Leave it</button>
        <button type="submit" className="button primary" disabled={state.busy} data-testid="key-change-submit">Save</button>
      </div>
    </form>
  );
}
