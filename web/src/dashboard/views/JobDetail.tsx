import { Card, Empty, Shown, Simulated, StatusBadge } from '../components/Bits';
import { Icon } from '../components/Icons';
import { JobCard } from '../components/JobCard';
import { Pages } from '../components/Pages';
import { useSimulatedPlatforms } from '../components/useCaller';
import { useQuery } from '../data/hooks';
import { isOver } from '../data/jobState';
import { JobFailuresQuery, JobQuery } from '../data/operations';
import { count, label, when } from '../format';
import type { ResultOf } from '../graphql';

const POLL_MS = 5_000;
const PAGE = 50;

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
            <div className="stack">
              <Card title="" className="job-card" testId="job-detail">
                <JobCard job={validationJob} full />
              </Card>
              <Settings job={validationJob} />
              {validationJob.failed > 0 && <Failures id={id} total={validationJob.failed} />}
            </div>
          )
        }
      </Shown>
    </>
  );
}

type DetailedJob = NonNullable<ResultOf<typeof JobQuery>['validationJob']>;

function Settings({ job }: { job: DetailedJob }) {
  const facts: [string, string | null][] = [
    ['Started by', job.createdBy],
    ['Accepted', when(job.createdAt)],
    ['First chunk out', job.startedAt && when(job.startedAt)],
    ['Ended', job.completedAt && when(job.completedAt)],
    ['Numbers in a chunk', count(job.batchSize)],
    ['Chunks out at once', count(job.maxConcurrent)],
    ['Attempts after a failure', count(job.retryAttempts)],
    ['Planning', job.isPlanned ? null : isOver(job.status) ? 'not finished' : 'going on'],
  ];
  return (
    <Card title="Settings">
      <dl className="facts">
        {facts.map(([name, value]) => value && (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Failures({ id, total }: { id: string; total: number }) {
  return (
    <Card title="Checks without an answer" aside={<span className="hint">{count(total)}</span>} testId="job-failures">
      <Pages render={(after, onNext) => <FailurePage id={id} after={after} onNext={onNext} />} />
    </Card>
  );
}

interface PageProps {
  id: string;
  after: string | null;
  onNext: (cursor: string) => React.ReactNode;
}

function FailurePage({ id, after, onNext }: PageProps) {
  const simulated = useSimulatedPlatforms();
  const failures = useQuery(JobFailuresQuery, { id, first: PAGE, after });
  return (
    <Shown state={failures} lines={4}>
      {({ validationJob }) => {
        const page = validationJob?.failures;
        return (
          <>
            <ul className="rows">
              {page?.nodes.map((failure) => (
                <li key={`${failure.number}${failure.platform}${failure.failedAt}`} className="failure" data-testid="failure">
                  <span className="number">{failure.number}</span>
                  <span className="platform-name">
                    {label(failure.platform)}
                    {simulated.has(failure.platform) && <Simulated />}
                  </span>
                  <StatusBadge status={failure.status} />
                  <span className="hint">
                    {failure.reason ?? ''} after {count(failure.attempts)} {failure.attempts === 1 ? 'attempt' : 'attempts'}
                  </span>
                </li>
              ))}
            </ul>
            {page?.pageInfo.hasNextPage && page.pageInfo.endCursor !== null && onNext(page.pageInfo.endCursor)}
          </>
        );
      }}
    </Shown>
  );
}
