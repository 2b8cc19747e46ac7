import type { ReactNode } from 'react';
import { Card, Empty, Shown } from '../components/Bits';
import { FailuresCard } from '../components/FailuresCard';
import { Icon } from '../components/Icons';
import { JobCard } from '../components/JobCard';
import { useQuery } from '../data/hooks';
import { useLiveJob } from '../data/jobs';
import { isOver, type LiveJob } from '../data/jobState';
import { JobQuery } from '../data/operations';
import { compact, count, label, span, when } from '../format';
import type { ResultOf } from '../graphql';
import { href } from '../router';

const POLL_MS = 5_000;

export function JobDetail({ id }: { id: string }) {
  const job = useQuery(JobQuery, { id }, { pollMs: POLL_MS });
  return (
    <>
      <a className="back" href="#/jobs">
        <Icon name="back" />
        Jobs
      </a>
      <Shown state={job} lines={6}>
        {({ validationJob }) =>
          validationJob === null ? (
            <Empty title="There is no such job" testId="not-found" />
          ) : (
            <Details job={validationJob} />
          )
        }
      </Shown>
    </>
  );
}

type DetailedJob = NonNullable<ResultOf<typeof JobQuery>['validationJob']>;

function Details({ job }: { job: DetailedJob }) {
  const now = useLiveJob(job);
  return (
    <div className="stack">
      <Card title="" className="job-card" testId="job-detail">
        <JobCard job={job} full />
      </Card>
      <Counters now={now} />
      {now.failed > 0 && <FailuresCard id={job.id} name={job.name} total={now.failed} endedAt={isOver(now.status) ? now.completedAt : null} />}
      <Settings job={job} />
    </div>
  );
}

function Counters({ now }: { now: LiveJob }) {
  const tiles: [string, string, number][] = [
    ['total', now.isPlanned ? 'Checks' : 'Checks so far', now.total],
    ['succeeded', 'Answered', now.succeeded],
    ['failed', 'Without an answer', now.failed],
    ['skipped', 'Skipped, still fresh', now.skipped],
  ];
  return (
    <dl className="tiles small" data-testid="job-counters">
      {tiles.map(([id, name, value]) => (
        <div key={id} className="tile" data-testid={`job-count-${id}`} data-count={value}>
          <dt>{name}</dt>
          <dd title={count(value)}>{compact(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Settings({ job }: { job: DetailedJob }) {
  const facts: [string, ReactNode][] = [
    ['Started by', job.createdBy],
    ['Schedule', job.schedule && <a href={href('schedules', job.schedule.id)}>{job.schedule.name}</a>],
    ['Accepted', when(job.createdAt)],
    ['First chunk out', job.startedAt && when(job.startedAt)],
    ['Ended', job.completedAt && when(job.completedAt)],
    ['Priority', label(job.priority)],
    ['Earlier evidence', job.recheckAfter === null ? 'all is checked' : `skipped when younger than ${span(job.recheckAfter)}`],
    ['Numbers in a chunk', count(job.batchSize)],
    ['Chunks out at once', count(job.maxConcurrent)],
    ['Attempts after a failure', count(job.retryAttempts)],
    ['Planning', job.isPlanned ? null : isOver(job.status) ? 'not finished' : 'going on'],
    ['Client key', job.clientKey && <code className="key">{job.clientKey}</code>],
  ];
  return (
    <Card title="Settings" testId="job-facts">
      <dl className="facts">
        {facts.map(([name, value]) => value !== null && (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
