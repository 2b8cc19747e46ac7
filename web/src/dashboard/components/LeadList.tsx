import { useId, useState } from 'react';
import { useQuery } from '../data/hooks';
import { LeadQuery, type Lead } from '../data/operations';
import { label, percent, points, regionName } from '../format';
import type { ResultOf } from '../graphql';
import { Ago, Shown, Simulated, TierPill } from './Bits';
import { Icon } from './Icons';

export function LeadList({ leads }: { leads: readonly Lead[] }) {
  return (
    <ul className="rows" data-testid="leads">
      {leads.map((lead) => (
        <LeadRow key={lead.phone.id} lead={lead} />
      ))}
    </ul>
  );
}

function LeadRow({ lead }: { lead: Lead }) {
  const [isOpen, setOpen] = useState(false);
  const details = useId();
  const { phone } = lead;
  const about = [phone.location ?? regionName(phone.region), label(phone.lineType), phone.originalCarrier];
  return (
    <li className="lead" data-testid="lead" data-tier={lead.tier}>
      <button
        type="button"
        className="lead-head"
        aria-expanded={isOpen}
        aria-controls={details}
        onClick={() => setOpen(!isOpen)}
        data-testid="lead-toggle"
      >
        <span className="lead-score" data-kind={lead.tier} title={`${lead.total} of 100 points`}>
          {lead.total}
        </span>
        <span className="lead-who">
          <span className="number">{phone.number}</span>
          <span className="hint">{about.filter(Boolean).join(' · ')}</span>
        </span>
        <span className="lead-marks">
          <TierPill tier={lead.tier} />
          {lead.simulated && <Simulated />}
          <span className="hint nowrap" title="Weight of the platforms that gave usable evidence">
            {percent(lead.coverage)} covered
          </span>
        </span>
        <Icon name="down" />
      </button>
      <div id={details} hidden={!isOpen}>
        {isOpen && <LeadDetails id={phone.id} />}
      </div>
    </li>
  );
}

function LeadDetails({ id }: { id: string }) {
  const lead = useQuery(LeadQuery, { id });
  return (
    <div className="lead-details" data-testid="lead-details">
      <Shown state={lead} lines={5}>
        {({ node }) =>
          node?.__typename === 'Phone' && node.leadScore ? (
            <Explained phone={node} />
          ) : (
            <p className="hint">This number has no score any more.</p>
          )
        }
      </Shown>
    </div>
  );
}

type Explainable = Extract<NonNullable<ResultOf<typeof LeadQuery>['node']>, { __typename: 'Phone' }>;
type Component = NonNullable<Explainable['leadScore']>['components'][number];

function Explained({ phone }: { phone: Explainable }) {
  if (phone.leadScore === null) return null;
  const simulated = new Set(phone.validations.filter((v) => v.simulated).map((v) => v.platform));
  const { components, history, modelVersion } = phone.leadScore;
  const customers = phone.customers.nodes;
  return (
    <>
      <ul className="components">
        {components.map((component) => (
          <ComponentRow
            key={component.platform}
            component={component}
            simulated={simulated.has(component.platform)}
          />
        ))}
      </ul>
      <dl className="facts">
        {customers.length > 0 && (
          <div>
            <dt>Held by</dt>
            <dd>
              {customers.map((held) => `${held.customerId} (${held.source})`).join(', ')}
              {phone.customers.pageInfo.hasNextPage && ' and more'}
            </dd>
          </div>
        )}
        {history.nodes.length > 1 && (
          <div>
            <dt>Earlier scores</dt>
            <dd>{history.nodes.slice(1).map((entry) => entry.total).join(', ')}</dd>
          </div>
        )}
        {phone.timezones.length > 0 && (
          <div>
            <dt>Time zones</dt>
            <dd>{phone.timezones.join(', ')}</dd>
          </div>
        )}
        <div>
          <dt>Model</dt>
          <dd>{modelVersion}</dd>
        </div>
      </dl>
    </>
  );
}

function ComponentRow({ component, simulated }: { component: Component; simulated: boolean }) {
  const { platform, status, weight, method, checkedAt, reason } = component;
  const earned = component.points;
  return (
    <li className="component" data-testid="lead-component" data-platform={platform}>
      <span className="component-name">{label(platform)}</span>
      <span className="component-points">
        {earned === null ? 'not counted' : `${points(earned)} of ${points(weight)}`}
      </span>
      <span className="bar" aria-hidden="true">
        {earned !== null && earned > 0 && (
          <span className="bar-part" data-kind="PREMIUM" style={{ width: `${(100 * earned) / weight}%` }} />
        )}
      </span>
      <span className="component-why">
        {reason}
        {simulated && <Simulated />}
        <span className="hint">
          {[status && label(status), method].filter(Boolean).join(', ')}
          {checkedAt && <>, <Ago time={checkedAt} /></>}
        </span>
      </span>
    </li>
  );
}
