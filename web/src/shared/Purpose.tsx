import { useId, useRef, useState, type SyntheticEvent } from 'react';
import { session } from './current';
import { asApiError } from './errors';
import { cleanPurpose } from './session';
import { useStore } from './store';
import './purpose.css';

interface Props {
  /** The caller sees whole numbers also without a purpose. */
  optional: boolean;
  /** Asks the server whether it takes a purpose; throws why it does not. */
  check: (purpose: string) => Promise<unknown>;
}

/** Whether numbers are masked, for those who may see them whole, and the way to the other. */
export function Purpose({ optional, check }: Props) {
  const { purpose } = useStore(session.store);
  const dialog = useRef<HTMLDialogElement>(null);
  const [opened, setOpened] = useState(0);
  const state = purpose !== null ? 'told' : optional ? 'whole' : 'masked';

  function open() {
    setOpened(opened + 1); // a form of its own each time
    dialog.current?.showModal();
  }

  return (
    <div className="purpose" data-testid="purpose" data-state={state}>
      <p className="purpose-text" role="status">
        {state === 'masked' && 'Numbers are masked.'}
        {state === 'whole' && (
          <>
            Numbers are whole. <span className="purpose-aside">Each read is recorded.</span>
          </>
        )}
        {state === 'told' && (
          <>
            <span className="purpose-what">Whole numbers, for “{purpose}”</span> <span className="purpose-aside">Each read is recorded.</span>
          </>
        )}
      </p>
      {state === 'told' ? (
        <button type="button" className="purpose-button" onClick={() => session.setPurpose(null)} data-testid="purpose-end">
          {optional ? 'Take it back' : 'Mask again'}
        </button>
      ) : (
        <button type="button" className="purpose-button" onClick={open} data-testid="purpose-open">
          {optional ? 'Say what for…' : 'Show whole…'}
        </button>
      )}
      <dialog ref={dialog} className="purpose-dialog" aria-label="Whole numbers" data-testid="purpose-dialog">
        <Form key={opened} optional={optional} check={check} close={() => dialog.current?.close()} />
      </dialog>
    </div>
  );
}

function Form({ optional, check, close }: Props & { close: () => void }) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const field = useId();
  const help = useId();

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    const purpose = cleanPurpose(text);
    if (purpose === null) {
      setWrong(text.trim() === '' ? 'Say in a few words what the numbers are for.' : 'At most 200 characters.');
      return;
    }
    setBusy(true);
    try {
      await check(purpose);
      close();
      session.setPurpose(purpose);
    } catch (error) {
      setWrong(asApiError(error).message);
    }
    setBusy(false);
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <h2>{optional ? 'Say what the numbers are for' : 'Show whole numbers'}</h2>
      <p id={help}>
        {optional && 'You see whole numbers without it; with it, the access log tells why. '}
        Each read is recorded in the access log with your name and these words. Leave phone numbers out.
      </p>
      <label htmlFor={field}>What for</label>
      <input
        id={field}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setWrong(null);
        }}
        placeholder="Complaint 2026-17, calling the customer back"
        autoComplete="off"
        maxLength={400}
        aria-describedby={help}
        aria-invalid={wrong !== null}
        data-testid="purpose-input"
      />
      {wrong !== null && <p className="purpose-wrong" role="alert" data-testid="purpose-wrong">{wrong}</p>}
      <p className="purpose-aside">It holds for this tab, until you take it back or sign out.</p>
      <div className="purpose-end">
        <button type="button" className="purpose-button" onClick={close}>Leave it</button>
        <button type="submit" className="purpose-button primary" disabled={busy} data-testid="purpose-submit">
          {optional ? 'Tell it' : 'Show whole numbers'}
        </button>
      </div>
    </form>
  );
}
