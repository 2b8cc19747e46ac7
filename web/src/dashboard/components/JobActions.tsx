import { useRef, useState } from 'react';
import { useMutation } from '../data/hooks';
import { jobsChanged } from '../data/jobs';
import { actionsFor, type Action } from '../data/jobState';
import { CancelJob, PauseJob, ResumeJob, RetryJob, type JobStatus, type UserErrors } from '../data/operations';
import { Problem } from './Bits';
import { useMayOperate } from './useCaller';

const names: Record<Action, string> = {
  pause: 'Pause',
  resume: 'Resume',
  cancel: 'Cancel',
  retry: 'Retry failures',
};

interface Props {
  id: string;
  name: string;
  status: JobStatus;
  failed: number;
}

/** What may be done to a job now. Cancelling asks first: it cannot be taken back. */
export function JobActions({ id, name, status, failed }: Props) {
  const [pause, pausing] = useMutation(PauseJob);
  const [resume, resuming] = useMutation(ResumeJob);
  const [cancel, cancelling] = useMutation(CancelJob);
  const [retry, retrying] = useMutation(RetryJob);
  const [refused, setRefused] = useState<UserErrors>([]);
  const dialog = useRef<HTMLDialogElement>(null);
  const mayOperate = useMayOperate();
  const actions = actionsFor(status, failed);
  if (!mayOperate || actions.length === 0) return null;

  const states = [pausing, resuming, cancelling, retrying];
  const busy = states.some((state) => state.busy);
  const error = states.find((state) => state.error)?.error;

  async function run(action: Action) {
    setRefused([]);
    const errors = await {
      pause: async () => (await pause({ id }))?.pauseValidationJob.userErrors,
      resume: async () => (await resume({ id }))?.resumeValidationJob.userErrors,
      cancel: async () => (await cancel({ id }))?.cancelValidationJob.userErrors,
      retry: async () => (await retry({ id }))?.retryValidationJob.userErrors,
    }[action]();
    setRefused(errors ?? []);
    jobsChanged();
  }

  return (
    <div className="job-actions">
      {actions.map((action) => (
        <button
          key={action}
          type="button"
          className={`button small${action === 'cancel' ? ' danger' : ''}`}
          disabled={busy}
          onClick={() => (action === 'cancel' ? dialog.current?.showModal() : void run(action))}
          data-testid={`job-${action}`}
        >
          {names[action]}
        </button>
      ))}
      {error && <Problem error={error} />}
      {refused.map((problem) => (
        <p key={problem.message} className="field-error" role="alert" data-testid="user-error">
          {problem.message}
        </p>
      ))}
      <dialog ref={dialog} className="dialog" aria-label="Cancel the job" data-testid="cancel-dialog">
        <form method="dialog" onSubmit={() => void run('cancel')}>
          <h2>Cancel “{name}”?</h2>
          <p>Checks that are not yet with a worker are dropped. What was done stays, and the job cannot be resumed.</p>
          <div className="dialog-end">
            <button type="button" className="button" onClick={() => dialog.current?.close()}>
              Keep it
            </button>
            <button type="submit" className="button danger" data-testid="cancel-confirm">
              Cancel the job
            </button>
          </div>
        </form>
      </dialog>
    </div>
  );
}
