import { Ago, Card, Empty, Shown, Simulated } from '../components/Bits';
import { ImportRow } from '../components/ImportRow';
import { JobCard } from '../components/JobCard';
import { LeadList } from '../components/LeadList';
import { NumberBox } from '../components/NumberBox';
import { ScopedLink } from '../components/ScopedLink';
import { LineTypeChart, RegionChart } from '../components/RegionChart';
import { TierChart } from '../components/TierChart';
import { useMay, usePace, useSimulatedPlatforms } from '../components/useCaller';
import { useQuery } from '../data/hooks';
import { ImportsQuery, JobsQuery, LeadsQuery, StatsQuery, type Stats } from '../data/operations';
import { compact, count } from '../format';
import { href } from '../router';

const SLOW_POLL_MS = 10_000;
const POLL_MS = 5_000;

export function Overview() {
  const mayCount = useMay('AGGREGATE') === true;
  const stats = useQuery(StatsQuery, {}, { pollMs: POLL_MS, pause: !mayCount });
  const isEmpty = stats.data?.registryStats.phones === 0;
  return (
    <>
      <div className="page-head">
        <h1>Overview</h1>
        {stats.data && (
          <p className="hint">
            Counted <Ago time={stats.data.registryStats.asOf} />
          </p>
        )}
      </div>
      {mayCount && (
        <Shown state={stats} lines={4}>
          {(data) => (isEmpty ? <FirstSteps /> : <Totals stats={data.registryStats} />)}
        </Shown>
      )}
      <div className="columns">
        <div className="stack">
          {!isEmpty && stats.data && (
            <Card title="Numbers by country" className="early" testId="card-regions">
              <RegionChart stats={stats.data.registryStats} />
            </Card>
          )}
          <JobsCard />
          <BestLeads />
        </div>
        <div className="stack">
          {!isEmpty && stats.data && <Charts stats={stats.data.registryStats} />}
          <Card title="Check a number">
            <NumberBox />
          </Card>
          <LastImports />
        </div>
      </div>
    </>
  );
}

function FirstSteps() {
  return (
    <div className="card first-steps">
      <Empty title="The registry is empty" testId="first-steps">
        <p>Upload a CSV file of contacts: its numbers are normalised, merged and counted here.</p>
        <ScopedLink scope="IMPORTS" href={href('imports')} primary>
          Upload a file
        </ScopedLink>
      </Empty>
    </div>
  );
}

function Totals({ stats }: { stats: Stats }) {
  const tier = (name: string) => stats.byTier.find((row) => row.tier === name)?.count ?? 0;
  const scored = stats.byTier.reduce((sum, row) => sum + row.count, 0) - tier('UNKNOWN');
  const countries = stats.byRegion.filter((row) => row.region !== 'ZZ' && row.region !== '001').length;
  const tiles = [
    { id: 'phones', name: 'Numbers', value: stats.phones },
    { id: 'customers', name: 'Customers', value: stats.customers },
    { id: 'countries', name: 'Countries and regions', value: countries },
    { id: 'good-leads', name: 'Premium and high leads', value: tier('PREMIUM') + tier('HIGH'), of: scored },
  ];
  return (
    <dl className="tiles" data-testid="totals">
      {tiles.map((tile) => (
        <div key={tile.id} className="tile" data-testid={`total-${tile.id}`} data-count={tile.value}>
          <dt>{tile.name}</dt>
          <dd title={count(tile.value)}>{compact(tile.value)}</dd>
          {tile.of !== undefined && <dd className="tile-of">of {compact(tile.of)} scored</dd>}
        </div>
      ))}
    </dl>
  );
}

function Charts({ stats }: { stats: Stats }) {
  const simulated = useSimulatedPlatforms();
  const scored = stats.byTier.some((row) => row.count > 0);
  return (
    <>
      <Card
        title="Leads by tier"
        className="early"
        aside={scored && simulated.size > 0 && <Simulated />}
        testId="card-tiers"
      >
        {scored ? (
          <TierChart byTier={stats.byTier} />
        ) : (
          <Empty title="No scores yet">
            <p>Scores come from validation jobs.</p>
            <ScopedLink scope="JOBS" href={href('jobs', 'new')}>Start a job</ScopedLink>
          </Empty>
        )}
      </Card>
      <Card title="Numbers by line type" className="early" testId="card-line-types">
        <LineTypeChart stats={stats} />
      </Card>
    </>
  );
}

function JobsCard() {
  const jobs = useQuery(JobsQuery, { filter: null, first: 3, after: null }, { pollMs: POLL_MS });
  return (
    <Card
      title="Latest jobs"
      aside={<a href={href('jobs')}>All jobs</a>}
      testId="card-jobs"
    >
      <Shown state={jobs}>
        {({ validationJobs: { nodes } }) =>
          nodes.length === 0 ? (
            <Empty title="No jobs yet">
              <p>A job asks platforms whether numbers answer there.</p>
              <ScopedLink scope="JOBS" href={href('jobs', 'new')}>Start a job</ScopedLink>
            </Empty>
          ) : (
            <div className="stack">{nodes.map((job) => <JobCard key={job.id} job={job} compact />)}</div>
          )
        }
      </Shown>
    </Card>
  );
}

function BestLeads() {
  const leads = useQuery(LeadsQuery, { filter: null, first: 5, after: null }, { pollMs: usePace(SLOW_POLL_MS) });
  return (
    <Card
      title="Best leads"
      aside={<a href={href('leads')}>All leads</a>}
      testId="card-leads"
    >
      <Shown state={leads} lines={5}>
        {({ leads: { nodes } }) =>
          nodes.length === 0 ? <Empty title="No leads yet" /> : <LeadList leads={nodes} />
        }
      </Shown>
    </Card>
  );
}

function LastImports() {
  const imports = useQuery(ImportsQuery, { first: 4, after: null }, { pollMs: POLL_MS });
  return (
    <Card
      title="Latest imports"
      aside={<a href={href('imports')}>All imports</a>}
      testId="card-imports"
    >
      <Shown state={imports}>
        {({ imports: { nodes } }) =>
          nodes.length === 0 ? (
            <Empty title="No imports yet" />
          ) : (
            <ul className="rows">{nodes.map((batch) => <ImportRow key={batch.id} batch={batch} />)}</ul>
          )
        }
      </Shown>
    </Card>
  );
}
