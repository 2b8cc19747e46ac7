import { useState } from 'react';
import { useAct } from '../data/hooks';
import { DeleteSchedule, PauseSchedule, ResumeSchedule, RunSchedule, type Schedule } from '../data/scheduleOperations';
import { schedulesChanged } from '../data/schedules';
import { go, href } from '../router';
import { ConfirmButton } from './ConfirmButton';
import { Outcome } from './Outcome';
import { useMay } from './useCaller';

interface Ran {
  job: { id: string; name: string } | null;
  reason: string | null;
}

/** What may be done to a schedule. */
export function ScheduleActions({ schedule, full = false }: { schedule: Schedule; full?: boolean }) {
  const { id, name, status } = schedule;
  const [act, state] = useAct();
  const [ran, setRan] = useState<Ran | null>(null);
  if (!useMay('JOBS')) return null;

  async function hold() {
    setRan(null);
    if (status === 'ACTIVE') await act(PauseSchedule, { id }, (data) => data.pauseValidationSchedule);
    else await act(ResumeSchedule, { id }, (data) => data.resumeValidationSchedule);
    schedulesChanged();
  }

  async function run() {
    setRan(null);
    const payload = await act(RunSchedule, { id }, (data) => data.runValidationSchedule);
    if (payload) setRan({ job: payload.job, reason: payload.schedule?.lastSkipReason ?? null });
    schedulesChanged();
  }

  async function remove() {
    const payload = await act(DeleteSchedule, { id }, (data) => data.deleteValidationSchedule);
    schedulesChanged();
    if (payload && full) go(href('schedules'));
  }

  return (
    <div className="job-actions">
      <button type="button" className="button small" disabled={state.busy} onClick={() => void run()} data-testid="schedule-run">
        Run now
      </button>
      <button
        type="button"
        className="button small"
        disabled={state.busy}
        onClick={() => void hold()}
        data-testid={status === 'ACTIVE' ? 'schedule-pause' : 'schedule-resume'}
      >
        {status === 'ACTIVE' ? 'Pause' : 'Resume'}
      </button>
      <a className="button small" href={href('schedules', id, { edit: '1' })} data-testid="schedule-edit">
        Change
      </a>
      <ConfirmButton
        title={`Delete “${name}”?`}
        text="It starts no more jobs. The jobs it has started stay, and one that runs goes on."
        confirm="Delete the schedule"
        keep="Keep it"
        onConfirm={() => void remove()}
        disabled={state.busy}
        testId="schedule-delete"
      >
        Delete
      </ConfirmButton>
      <Outcome state={state} />
      {ran && (
        <p className="note" role="status" data-testid="schedule-ran" data-job={ran.job?.id}>
          {ran.job ? (
            <>Started <a href={href('jobs', ran.job.id)}>{ran.job.name}</a>.</>
          ) : (
            `No job was started: ${ran.reason ?? 'there is nothing to check'}.`
          )}
        </p>
      )}
    </div>
  );
}
