import { useRef, type ReactNode } from 'react';

interface Props {
  /** What the button says. */
  children: ReactNode;
  title: string;
  /** What will happen, so that somebody can decide. */
  text: string;
  confirm: string;
  keep?: string;
  onConfirm: () => void;
  disabled?: boolean;
  danger?: boolean;
  testId: string;
  /** Begins the hooks of the dialog, NAME-dialog and NAME-confirm; as testId unless told. */
  dialogId?: string;
}

/** A button for what cannot be taken back: it asks first. Escape and the way out leave all as it is. */
export function ConfirmButton(props: Props) {
  const { children, title, text, confirm, keep = 'Leave it', onConfirm, disabled = false, danger = true, testId } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const hook = props.dialogId ?? testId;
  return (
    <>
      <button
        type="button"
        className={`button small${danger ? ' danger' : ''}`}
        disabled={disabled}
        onClick={() => dialog.current?.showModal()}
        data-testid={testId}
      >
        {children}
      </button>
      <dialog ref={dialog} className="dialog" aria-label={title} data-testid={`${hook}-dialog`}>
        <form method="dialog" onSubmit={onConfirm}>
          <h2>{title}</h2>
          <p>{text}</p>
          <div className="dialog-end">
            <button type="button" className="button" onClick={() => dialog.current?.close()}>
              {keep}
            </button>
            <button type="submit" className={`button${danger ? ' danger' : ' primary'}`} data-testid={`${hook}-confirm`}>
              {confirm}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
