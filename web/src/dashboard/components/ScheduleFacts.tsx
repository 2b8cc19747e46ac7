import { budgetPart, budgetText } from '../data/fleetState';
import { numbersText } from '../data/scheduleForm';
import type { Schedule } from '../data/scheduleOperations';
import { label, span } from '../format';
import { Ago, Simulated, Soon, StatusPill } from './Bits';
import { Progress } from './Charts';
import { useSimulatedPlatforms } from './useCaller';

/** The name of a schedule and whether it starts jobs. */
export function ScheduleHead({ schedule, link }: { schedule: Schedule; link: string | null }) {
  const simulated = useSimulatedPlatforms();
  return (
    <header className="job-head">
      {link === null ? <h1 className="job-name">{schedule.name}</h1> : (
        <a className="job-name" href={link} data-testid="schedule-link">{schedule.name}</a>
      )}
      <StatusPill status={schedule.status} />
      {schedule.platforms.some((platform) => simulated.has(platform)) && <Simulated />}
      <span className="job-when hint">every {span(schedule.every)}</span>
    </header>
  );
}

/** When it starts jobs, and what they may cost. */
export function ScheduleFacts({ schedule }: { schedule: Schedule }) {
  const part = budgetPart(schedule);
  const numbers = numbersText(schedule.filter);
  return (
    <>
      <p className="hint" data-testid="schedule-numbers">
        {numbers.length === 0 ? 'All valid numbers' : `Numbers ${numbers.join(', ')}`}
      </p>
      <p className="hint">{schedule.platforms.map(label).join(', ')} · {label(schedule.priority).toLowerCase()} priority</p>
      <dl className="facts">
        <div data-testid="schedule-next">
          <dt>Next job</dt>
          <dd>{schedule.nextRunAt === null ? 'held' : <Soon time={schedule.nextRunAt} />}</dd>
        </div>
        <div data-testid="schedule-last">
          <dt>Last job</dt>
          <dd>{schedule.lastRunAt === null ? 'none yet' : <Ago time={schedule.lastRunAt} />}</dd>
        </div>
        <div data-testid="schedule-budget" data-spent={schedule.spentToday} data-limit={schedule.budgetPerDay}>
          <dt>Checks started</dt>
          <dd>{budgetText(schedule)}</dd>
        </div>
      </dl>
      {part !== null && (
        <Progress
          label={`Budget of ${schedule.name} today`}
          total={1}
          processed={part}
          succeeded={part}
          failed={0}
          active={false}
          thin
        />
      )}
      {schedule.lastSkipReason !== null && (
        <p className="text-warn small-text" data-testid="schedule-skip-reason">
          It started nothing the last time it was due: {schedule.lastSkipReason}
        </p>
      )}
    </>
  );
}
