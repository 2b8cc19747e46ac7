import type { ReactNode } from 'react';
import { Empty, Shown } from '../components/Bits';
import { Icon } from '../components/Icons';
import { ScopedLink } from '../components/ScopedLink';
import { Pages } from '../components/Pages';
import { ScheduleActions } from '../components/ScheduleActions';
import { ScheduleFacts, ScheduleHead } from '../components/ScheduleFacts';
import { useMay } from '../components/useCaller';
import { useQuery } from '../data/hooks';
import { SchedulesQuery } from '../data/scheduleOperations';
import { href } from '../router';

const POLL_MS = 5_000;
const PAGE = 20;

export function Schedules() {
  const may = useMay('JOBS');
  return (
    <>
      <div className="page-head">
        <h1>Schedules</h1>
        <ScopedLink scope="JOBS" href={href('schedules', 'new')} primary testId="new-schedule-link">
          <Icon name="plus" />
          New schedule
        </ScopedLink>
      </div>
      {may === false && <p className="hint">You may watch schedules, but not change them.</p>}
      <Pages render={(after, onNext) => <Page after={after} onNext={onNext} />} />
    </>
  );
}

function Page({ after, onNext }: { after: string | null; onNext: (cursor: string) => ReactNode }) {
  const schedules = useQuery(SchedulesQuery, { first: PAGE, after }, { pollMs: after === null ? POLL_MS : 0 });
  return (
    <Shown state={schedules} lines={6}>
      {({ validationSchedules: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && after === null && (
            <Empty title="No schedules yet">
              <p>A schedule keeps evidence fresh: again and again it starts a job for the numbers whose evidence is missing or has run out.</p>
            </Empty>
          )}
          <ul className="stack" data-testid="schedules">
            {nodes.map((schedule) => (
              <li key={schedule.id} className="card job" data-testid="schedule" data-id={schedule.id} data-status={schedule.status}>
                <ScheduleHead schedule={schedule} link={href('schedules', schedule.id)} />
                <ScheduleFacts schedule={schedule} />
                <ScheduleActions schedule={schedule} />
              </li>
            ))}
          </ul>
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && onNext(pageInfo.endCursor)}
        </>
      )}
    </Shown>
  );
}
