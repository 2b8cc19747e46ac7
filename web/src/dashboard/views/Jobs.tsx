import { Card, Empty, Shown } from '../components/Bits';
import { Icon } from '../components/Icons';
import { JobCard } from '../components/JobCard';
import { ScopedLink } from '../components/ScopedLink';
import { Pages } from '../components/Pages';
import { Choice } from '../components/Choice';
import { useMay } from '../components/useCaller';
import { useQuery } from '../data/hooks';
import { JobsQuery, type JobStatus } from '../data/operations';
import { label } from '../format';
import { go, href } from '../router';

const POLL_MS = 5_000;
const PAGE = 20;

const ALL: readonly JobStatus[] = ['QUEUED', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED'];

const choices: { id: string; name: string; statuses: JobStatus[] | null }[] = [
  { id: 'all', name: 'All', statuses: null },
  { id: 'active', name: 'Active', statuses: ['QUEUED', 'RUNNING', 'PAUSED'] },
  { id: 'over', name: 'Finished', statuses: ['COMPLETED', 'FAILED', 'CANCELLED'] },
  ...ALL.map((status) => ({ id: status.toLowerCase(), name: label(status), statuses: [status] })),
];

/** The jobs in one state or several; which ones is part of the address, so that it can be kept. */
export function Jobs({ state }: { state: string | null }) {
  const choice = choices.find(({ id }) => id === state) ?? choices[0];
  const id = choice?.id ?? 'all';
  const statuses = choice?.statuses ?? null;
  const may = useMay('JOBS');
  return (
    <>
      <div className="page-head">
        <h1>Jobs</h1>
        <ScopedLink scope="JOBS" href={href('jobs', 'new')} primary testId="start-job-link">
          <Icon name="plus" />
          Start a job
        </ScopedLink>
      </div>
      <Choice
        label="Which jobs"
        options={choices}
        value={id}
        onChange={(to) => go(to === 'all' ? href('jobs') : href('jobs', null, { state: to }))}
        long
        testId="job-filter"
      />
      {may === false && <p className="hint">You may watch jobs, but not start or change them.</p>}
      <Pages key={id} render={(after, onNext) => <Page statuses={statuses} after={after} onNext={onNext} />} />
    </>
  );
}

interface PageProps {
  statuses: JobStatus[] | null;
  after: string | null;
  onNext: (cursor: string) => React.ReactNode;
}

function Page({ statuses, after, onNext }: PageProps) {
  const jobs = useQuery(
    JobsQuery,
    { filter: statuses && { statuses }, first: PAGE, after },
    // Only the newest page is watched; each active job is followed by its own subscription.
    { pollMs: after === null ? POLL_MS : 0 },
  );
  return (
    <Shown state={jobs} lines={6}>
      {({ validationJobs: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && after === null && <NoJobs filtered={statuses !== null} />}
          {nodes.map((job) => (
            <Card key={job.id} title="" className="job-card">
              <JobCard job={job} />
            </Card>
          ))}
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && onNext(pageInfo.endCursor)}
        </>
      )}
    </Shown>
  );
}

function NoJobs({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="No such jobs" />;
  return (
    <Empty title="No jobs yet">
      <p>A job asks platforms whether numbers answer there, and turns the answers into lead scores.</p>
    </Empty>
  );
}
