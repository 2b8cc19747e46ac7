import { useState, type SyntheticEvent } from 'react';
import { Card } from '../components/Bits';
import { CheckList } from '../components/CheckList';
import { Icon } from '../components/Icons';
import { LifeFields } from '../components/LifeFields';
import { Outcome } from '../components/Outcome';
import { SecretPanel } from '../components/SecretPanel';
import { CreateApiKey } from '../data/accessOperations';
import { blankKey, createOf, lacking, scopesOf, type KeyForm } from '../data/apiKeyForm';
import { keysChanged } from '../data/apiKeys';
import { useAct } from '../data/hooks';
import type { Role } from '../data/viewerOperations';
import { label } from '../format';
import { allRoles, roles, scopes } from '../roles';
import { href } from '../router';

interface Made {
  name: string;
  token: string;
}

/** Makes a key and shows its token, this once. */
export function NewApiKey() {
  const [form, setForm] = useState(blankKey);
  const [lack, setLack] = useState<string | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const [act, state] = useAct();
  const change = (part: Partial<KeyForm>) => {
    setLack(null);
    setForm((now) => ({ ...now, ...part }));
  };

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    const wrong = lacking(form, Date.now());
    setLack(wrong);
    if (wrong !== null) return;
    const payload = await act(CreateApiKey, { input: createOf(form, Date.now()) }, (data) => data.createApiKey);
    keysChanged();
    if (payload?.apiKey && payload.token !== null) setMade({ name: payload.apiKey.name, token: payload.token });
  }

  return (
    <>
      <a className="back" href="#/keys">
        <Icon name="back" />
        API keys
      </a>
      {made ? (
        <MadePanel made={made} />
      ) : (
        <>
          <div className="page-head">
            <h1>New API key</h1>
          </div>
          <form className="stack form" onSubmit={(event) => void submit(event)} data-testid="key-form">
            <Card title="Who it is for, and how long">
              <div className="field">
                <label htmlFor="key-name">Name</label>
                <input
                  id="key-name"
                  value={form.name}
                  maxLength={100}
                  onChange={(event) => change({ name: event.target.value })}
                  placeholder="crm-sync"
                  autoComplete="off"
                  aria-describedby="key-name-hint"
                  data-testid="key-name"
                />
                <p className="hint" id="key-name-hint">The audit trail and the access log call whoever uses it so.</p>
              </div>
              <LifeFields life={form.life} date={form.date} change={change} hook="key" />
            </Card>
            <Card title="What it may do">
              <RoleFields form={form} change={change} />
            </Card>
            <Outcome state={state} />
            {lack !== null && <p className="field-error" role="alert" data-testid="user-error">{lack}</p>}
            <div className="form-end">
              <a className="button" href={href('keys')}>Leave it</a>
              <button type="submit" className="button primary" disabled={state.busy} data-testid="key-submit">
                Make the key
              </button>
            </div>
          </form>
        </>
      )}
    </>
  );
}

function RoleFields({ form, change }: { form: KeyForm; change: (part: Partial<KeyForm>) => void }) {
  const held = roles[form.role].scopes;
  return (
    <>
      <div className="field">
        <label htmlFor="key-role">Role</label>
        <select
          id="key-role"
          value={form.role}
          onChange={(event) => change({ role: event.target.value as Role, withheld: [] })}
          aria-describedby="key-role-hint"
          data-testid="key-role"
        >
          {allRoles.map((role) => (
            <option key={role} value={role}>{label(role)}</option>
          ))}
        </select>
        <p className="hint" id="key-role-hint">{roles[form.role].about}.</p>
      </div>
      <CheckList
        legend="Scopes"
        hint="take away what it does not need"
        options={held.map((id) => ({ id, name: label(id), aside: <span className="hint scope-about">{scopes[id]}</span> }))}
        chosen={scopesOf(form)}
        onChange={(chosen) => change({ withheld: held.filter((scope) => !chosen.includes(scope)) })}
        hook="scope"
        wide
      />
    </>
  );
}

/** The token, this once. */
function MadePanel({ made }: { made: Made }) {
  return (
    <Card title={`The key “${made.name}” was made`} className="form" testId="key-made">
      <SecretPanel secret={made.token}>
        This is its token. It is shown this once, and nobody can look it up later: hand it over now, by a way that others do not read. Whoever has it may do all that the key may.
      </SecretPanel>
      <p className="hint">
        It goes into the header of each request: <code className="key">Authorization: Bearer …</code>
      </p>
      <div className="form-end">
        <a className="button primary" href={href('keys')} data-testid="key-made-link">
          I have kept it
        </a>
      </div>
    </Card>
  );
}
