import { useState, type ReactNode } from 'react';
import { Card, Empty, Shown } from '../components/Bits';
import { LeadList } from '../components/LeadList';
import { ScopedLink } from '../components/ScopedLink';
import { Pages } from '../components/Pages';
import { RegionInput } from '../components/RegionInput';
import { tiers } from '../components/TierChart';
import { cache, useQuery, useSubscription } from '../data/hooks';
import { LeadChanges, LeadsQuery, type Tier } from '../data/operations';
import { label } from '../format';
import { href } from '../router';

const PAGE = 25;

interface Filter {
  tiers?: Tier[];
  regions?: string[];
}

export function Leads(from: { tier: string | null; region: string | null }) {
  const [tier, setTier] = useState<Tier | null>(tiers.find((name) => name === from.tier) ?? null);
  const [region, setRegion] = useState(from.region ?? '');
  const filter: Filter = {
    ...(tier === null ? {} : { tiers: [tier] }),
    ...(region.length === 2 ? { regions: [region] } : {}),
  };
  const key = JSON.stringify(filter);
  return (
    <>
      <div className="page-head">
        <h1>Leads</h1>
      </div>
      <div className="filters" role="group" aria-label="Filter">
        <div className="field">
          <label htmlFor="lead-tier">Tier</label>
          <select
            id="lead-tier"
            value={tier ?? ''}
            onChange={(event) => setTier(tiers.find((name) => name === event.target.value) ?? null)}
            data-testid="lead-tier"
          >
            <option value="">All tiers</option>
            {tiers.map((name) => (
              <option key={name} value={name}>
                {label(name)}
              </option>
            ))}
          </select>
        </div>
        <RegionInput value={region} onChange={setRegion} placeholder="any" />
        <Changes key={key} filter={filter} />
      </div>
      <Card title="Best first">
        <Pages key={key} render={(after, onNext) => <Page filter={filter} after={after} onNext={onNext} />} />
      </Card>
    </>
  );
}

/** Says that scores have moved; the list itself stays put under the reader's eyes. */
function Changes({ filter }: { filter: Filter }) {
  const { data } = useSubscription(LeadChanges, { filter });
  const newest = data?.leadScoreChanged.updatedAt ?? null;
  const [seen, setSeen] = useState<string | null>(null);
  if (newest === null || newest === seen) return null;
  return (
    <button
      type="button"
      className="button small changes"
      onClick={() => {
        setSeen(newest);
        cache.invalidate(LeadsQuery);
      }}
      data-testid="leads-changed"
    >
      Scores have changed · show
    </button>
  );
}

function Page({ filter, after, onNext }: { filter: Filter; after: string | null; onNext: (cursor: string) => ReactNode }) {
  const leads = useQuery(LeadsQuery, { filter, first: PAGE, after });
  return (
    <Shown state={leads} lines={8}>
      {({ leads: { nodes, pageInfo } }) => (
        <>
          {nodes.length === 0 && after === null && (
            <Empty title="No such leads">
              <p>Scores come from validation jobs.</p>
              <ScopedLink scope="JOBS" href={href('jobs', 'new')}>Start a job</ScopedLink>
            </Empty>
          )}
          <LeadList leads={nodes} />
          {pageInfo.hasNextPage && pageInfo.endCursor !== null && onNext(pageInfo.endCursor)}
        </>
      )}
    </Shown>
  );
}
