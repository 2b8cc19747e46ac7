import type { ReactNode } from 'react';
import { Card, Empty, Shown } from '../components/Bits';
import { Icon } from '../components/Icons';
import { JobCard } from '../components/JobCard';
import { Pages } from '../components/Pages';
import { ScheduleActions } from '../components/ScheduleActions';
import { ScheduleFacts, ScheduleHead } from '../components/ScheduleFacts';
import { useQuery } from '../data/hooks';
import { ScheduleJobsQuery, ScheduleQuery, type Schedule } from '../data/scheduleOperations';
import { count, span, when } from '../format';
import { ScheduleEditor } from './ScheduleEditor';

const POLL_MS = 5_000;
const PAGE = 10;

export function ScheduleDetail({ id, edit }: { id: string; edit: boolean }) {
  // While it is being changed, what is in the form must not change by itself.
  const found = useQuery(ScheduleQuery, { id }, { pollMs: edit ? 0 : POLL_MS });
  return (
    <>
      <a className="back" href="#/schedules">
        <Icon name="back" />
        Schedules
      </a>
      <Shown state={found} lines={6}>
        {({ validationSchedule }) => {
          if (validationSchedule === null) return <Empty title="There is no such schedule" testId="not-found" />;
          return edit ? <ScheduleEditor schedule={validationSchedule} /> : <Details schedule={validationSchedule} />;
        }}
      </Shown>
    </>
  );
}

function Details({ schedule }: { schedule: Schedule }) {
  return (
    <div className="stack">
      <div className="card job" data-testid="schedule-detail" data-id={schedule.id} data-status={schedule.status}>
        <ScheduleHead schedule={schedule} link={null} />
        <ScheduleFacts schedule={schedule} />
        <ScheduleActions schedule={schedule} full />
      </div>
      <Settings schedule={schedule} />
      <Card title="Its jobs" testId="schedule-jobs">
        <Pages render={(after, onNext) => <JobsPage id={schedule.id} after={after} onNext={onNext} />} />
      </Card>
    </div>
  );
}

function Settings({ schedule }: { schedule: Schedule }) {
  const facts: [string, string][] = [
    ['Made by', schedule.createdBy],
    ['Made', when(schedule.createdAt)],
    ['Last changed', when(schedule.updatedAt)],
    ['Checks again', schedule.recheckAfter === null ? 'what has run out or is missing' : `also what is older than ${span(schedule.recheckAfter)}`],
    ['Numbers in a chunk', count(schedule.batchSize)],
    ['Chunks out at once', count(schedule.maxConcurrent)],
    ['Attempts after a failure', count(schedule.retryAttempts)],
  ];
  return (
    <Card title="Settings">
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function JobsPage({ id, after, onNext }: { id: string; after: string | null; onNext: (cursor: string) => ReactNode }) {
  const jobs = useQuery(ScheduleJobsQuery, { id, first: PAGE, after }, { pollMs: after === null ? POLL_MS : 0 });
  return (
    <Shown state={jobs} lines={4}>
      {({ validationSchedule }) => {
        const page = validationSchedule?.jobs;
        return (
          <>
            {page?.nodes.length === 0 && after === null && <Empty title="It has started no job yet" />}
            <div className="stack">{page?.nodes.map((job) => <JobCard key={job.id} job={job} compact />)}</div>
            {page?.pageInfo.hasNextPage && page.pageInfo.endCursor !== null && onNext(page.pageInfo.endCursor)}
          </>
        );
      }}
    </Shown>
  );
}
