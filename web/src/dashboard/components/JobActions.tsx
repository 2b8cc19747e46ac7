import { useAct } from '../data/hooks';
import { jobsChanged } from '../data/jobs';
import { actionsFor, type Action } from '../data/jobState';
import { CancelJob, PauseJob, ResumeJob, RetryJob, type JobStatus } from '../data/operations';
import { ConfirmButton } from './ConfirmButton';
import { Outcome } from './Outcome';
import { useMay } from './useCaller';

const names: Record<Exclude<Action, 'cancel'>, string> = {
  pause: 'Pause',
  resume: 'Resume',
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
  const [act, state] = useAct();
  const may = useMay('JOBS');
  const actions = actionsFor(status, failed);
  // A refusal stays in sight, also when the job has meanwhile come to an end.
  if (!may || (actions.length === 0 && state.error === null && state.refused.length === 0)) return null;

  async function run(action: Action) {
    switch (action) {
      case 'pause':
        await act(PauseJob, { id }, (data) => data.pauseValidationJob);
        break;
      case 'resume':
        await act(ResumeJob, { id }, (data) => data.resumeValidationJob);
        break;
      case 'cancel':
        await act(CancelJob, { id }, (data) => data.cancelValidationJob);
        break;
      case 'retry':
        await act(RetryJob, { id }, (data) => data.retryValidationJob);
    }
    jobsChanged();
  }

  return (
    <div className="job-actions">
      {actions.map((action) =>
        action === 'cancel' ? (
          <ConfirmButton
            key={action}
            title={`Cancel “${name}”?`}
            text="Checks that are not yet with a worker are dropped. What was done stays, and the job cannot be resumed."
            confirm="Cancel the job"
            keep="Keep it"
            onConfirm={() => void run('cancel')}
            disabled={state.busy}
            testId="job-cancel"
            dialogId="cancel"
          >
            Cancel
          </ConfirmButton>
        ) : (
          <button
            key={action}
            type="button"
            className="button small"
            disabled={state.busy}
            onClick={() => void run(action)}
            data-testid={`job-${action}`}
          >
            {names[action]}
          </button>
        ),
      )}
      <Outcome state={state} />
    </div>
  );
}
