import { Card, Empty, Shown, Simulated } from '../components/Bits';
import { BreakerPill } from '../components/BreakerPill';
import { QuotaRow } from '../components/QuotaRow';
import { useMay } from '../components/useCaller';
import { useSeconds } from '../components/useNow';
import {
  FleetPlatformsQuery,
  WorkersQuery,
  type FleetPlatform,
  type Worker,
  type WorkerPlatform,
} from '../data/fleetOperations';
import { failedPart, holdText, seenText } from '../data/fleetState';
import { useQuery } from '../data/hooks';
import { compact, count, label, percent, plural, points, rate, when } from '../format';

const POLL_MS = 2_000;

/** What is asked of the platforms, and by whom. */
export function Workers() {
  const platforms = useQuery(FleetPlatformsQuery, {}, { pollMs: POLL_MS });
  const may = useMay('JOBS');
  return (
    <>
      <div className="page-head">
        <h1>Platforms and workers</h1>
      </div>
      <div className="stack">
        <Shown state={platforms} lines={8}>
          {(data) => (
            <ul className="fleet" data-testid="fleet">
              {data.platforms.map((platform) => <PlatformCard key={platform.platform} platform={platform} />)}
            </ul>
          )}
        </Shown>
        {may === true && <WorkerList />}
        {may === false && <p className="note">You may see the platforms, but not each worker: that needs the scope Jobs.</p>}
      </div>
    </>
  );
}

function PlatformCard({ platform }: { platform: FleetPlatform }) {
  const { workers, quotas } = platform;
  return (
    <li
      className="card fleet-platform"
      data-testid="fleet-platform"
      data-platform={platform.platform}
      data-workers={workers.length}
      data-pending={platform.chunksPending}
      data-out={platform.chunksOut}
    >
      <header className="job-head">
        <h2>{label(platform.platform)}</h2>
        {platform.simulated && <Simulated />}
        {platform.breaker && <BreakerPill state={platform.breaker} />}
        {!platform.isAvailable && <span className="badge neutral">not available here</span>}
      </header>
      <p className="hint">{platform.adapter === null ? 'No adapter checks it' : `Adapter ${platform.adapter}`}</p>
      <dl className="facts">
        <Fact name="Rate" value={rate(platform.ratePerSecond)} />
        <Fact name="Workers" value={count(workers.length)} />
        <Fact name="Chunks waiting" value={compact(platform.chunksPending)} />
        <Fact name="Chunks out" value={compact(platform.chunksOut)} />
        <Fact name="Weight" value={platform.weight === 0 ? 'counts in no score' : points(platform.weight)} />
      </dl>
      {workers.length === 0 && platform.isAvailable && (
        <p className="text-warn small-text" data-testid="no-worker">
          {platform.chunksPending > 0 ? 'Nothing is asked: no worker was heard of lately.' : 'No worker was heard of lately.'}
        </p>
      )}
      {quotas.map((quota) => <QuotaRow key={quota.credential} quota={quota} />)}
    </li>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function WorkerList() {
  const workers = useQuery(WorkersQuery, {}, { pollMs: POLL_MS });
  const n = workers.data?.workers.length;
  return (
    <Card title="Workers" aside={n !== undefined && <span className="hint">{plural(n, 'worker')}</span>} testId="workers">
      <Shown state={workers} lines={6}>
        {(data) =>
          data.workers.length === 0 ? (
            <Empty title="No worker was heard of lately">
              <p>Jobs wait until one comes. A server brings its own unless told otherwise; <code>phoneregistry worker</code> starts another anywhere that reaches NATS.</p>
            </Empty>
          ) : (
            <ul className="rows">{data.workers.map((worker) => <WorkerRow key={worker.id} worker={worker} />)}</ul>
          )
        }
      </Shown>
    </Card>
  );
}

function WorkerRow({ worker }: { worker: Worker }) {
  const now = useSeconds();
  return (
    <li className="worker" data-testid="worker" data-id={worker.id} data-name={worker.name}>
      <header className="job-head">
        <h3>{worker.name}</h3>
        <span className="badge neutral" data-testid="worker-version">{worker.version}</span>
        <span className="hint job-when">
          heard of <time dateTime={worker.lastSeenAt} title={when(worker.lastSeenAt)}>{seenText(worker.lastSeenAt, now)}</time>
        </span>
      </header>
      <p className="hint worker-id">
        {worker.id} · since {when(worker.startedAt)}
      </p>
      <ul className="worker-platforms">
        {worker.platforms.map((platform) => <PlatformRow key={platform.platform} platform={platform} now={now} />)}
      </ul>
    </li>
  );
}

function PlatformRow({ platform, now }: { platform: WorkerPlatform; now: number }) {
  const hold = holdText(platform, now);
  const failed = failedPart(platform);
  return (
    <li
      className="worker-platform"
      data-testid="worker-platform"
      data-platform={platform.platform}
      data-checked={platform.checked}
      data-failed={platform.failed}
    >
      <span className="platform-name">
        <span title={`Adapter ${platform.adapter}`}>{label(platform.platform)}</span>
        {platform.simulated && <Simulated />}
        <BreakerPill state={platform.breaker} />
      </span>
      <span className="job-facts">
        <strong>{rate(platform.ratePerSecond)}</strong>
        <span title="Chunks it holds, of those it may hold">{count(platform.inFlight)} of {plural(platform.slots, 'slot')}</span>
        <span>{compact(platform.checked)} checked</span>
        <span className={platform.failed > 0 ? 'text-danger' : ''}>
          {compact(platform.failed)} failed{failed !== null && failed > 0 && ` (${percent(failed)})`}
        </span>
      </span>
      {hold !== null && <span className="worker-hold" data-testid="worker-hold">{hold}</span>}
    </li>
  );
}
