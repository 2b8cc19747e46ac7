import { useLiveJob } from '../data/jobs';
import { averageRate, isOver, type LiveJob } from '../data/jobState';
import type { Job } from '../data/operations';
import { count, duration, label, percent, rate } from '../format';
import { href } from '../router';
import { Ago, Simulated, StatusPill } from './Bits';
import { Progress } from './Charts';
import { JobActions } from './JobActions';
import { useSimulatedPlatforms } from './useCaller';

/** A job with its live progress. The compact form leaves out platforms and actions. */
export function JobCard({ job, compact = false, full = false }: { job: Job; compact?: boolean; full?: boolean }) {
  const now = useLiveJob(job);
  const simulated = useSimulatedPlatforms();
  return (
    <article className="job" data-testid="job" data-id={job.id} data-status={now.status}>
      <header className="job-head">
        {full ? <h1 className="job-name">{job.name}</h1> : (
          <a className="job-name" href={href('jobs', job.id)} data-testid="job-link">{job.name}</a>
        )}
        <StatusPill status={now.status} />
        {job.platforms.some((platform) => simulated.has(platform)) && <Simulated />}
        <span className="job-when hint"><Ago time={job.createdAt} /></span>
      </header>
      <Origin job={job} />
      <Progress
        label={`Progress of ${job.name}`}
        total={now.total}
        succeeded={now.succeeded}
        failed={now.failed}
        processed={now.processed}
        active={now.status === 'RUNNING'}
      />
      <Facts now={now} />
      {now.errorMessage && <p className="job-error">{now.errorMessage}</p>}
      {!compact && <Platforms now={now} simulated={simulated} />}
      {!compact && <JobActions id={job.id} name={job.name} status={now.status} failed={now.failed} />}
    </article>
  );
}

/** Which of two goes first, and who or what started it. */
function Origin({ job }: { job: Job }) {
  return (
    <p className="job-origin hint">
      <span className={job.priority === 'HIGH' ? 'badge info' : ''} data-testid="job-priority" data-priority={job.priority}>
        {label(job.priority)} priority
      </span>
      <span data-testid="job-origin" data-schedule={job.schedule?.id}>
        {job.schedule ? (
          <>
            from the schedule <a href={href('schedules', job.schedule.id)}>{job.schedule.name}</a>
          </>
        ) : (
          `by ${job.createdBy}`
        )}
      </span>
    </p>
  );
}

/** How far, how fast, how long. */
function Facts({ now }: { now: LiveJob }) {
  const speed = isOver(now.status) ? averageRate(now) : now.ratePerSecond;
  return (
    <p className="job-facts">
      <strong data-testid="job-percent">{percent(now.total > 0 ? now.processed / now.total : 0)}</strong>
      <span data-testid="job-processed" data-processed={now.processed} data-total={now.total}>
        {count(now.processed)} of {count(now.total)}{now.isPlanned ? '' : '+'} checks
      </span>
      {now.failed > 0 && <span className="text-danger">{count(now.failed)} without an answer</span>}
      {now.skipped > 0 && (
        <span data-testid="job-skipped-checks" data-count={now.skipped} title="Left out, because their evidence is still fresh">
          {count(now.skipped)} skipped
        </span>
      )}
      {now.status !== 'PAUSED' && speed !== null && speed > 0 && <span data-testid="job-rate">{rate(speed)}</span>}
      {now.status === 'RUNNING' && now.etaSeconds !== null && (
        <span data-testid="job-eta">{duration(now.etaSeconds)} to go</span>
      )}
      {now.startedAt && now.completedAt && (
        <span>took {duration((Date.parse(now.completedAt) - Date.parse(now.startedAt)) / 1000)}</span>
      )}
    </p>
  );
}

function Platforms({ now, simulated }: { now: LiveJob; simulated: ReadonlySet<string> }) {
  return (
    <ul className="platforms">
      {now.platforms.map((row) => (
        <li
          key={row.platform}
          data-testid="job-platform"
          data-platform={row.platform}
          data-processed={row.processed}
          data-failed={row.failed}
        >
          <span className="platform-name">
            {label(row.platform)}
            {simulated.has(row.platform) && <Simulated />}
          </span>
          <Progress
            label={`Progress on ${label(row.platform)}`}
            total={row.total}
            succeeded={row.succeeded}
            failed={row.failed}
            processed={row.processed}
            active={now.status === 'RUNNING' && row.processed < row.total}
            thin
          />
          <span className="platform-count">
            {count(row.processed)} / {count(row.total)}
            {row.failed > 0 && <span className="text-danger"> · {count(row.failed)} failed</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
