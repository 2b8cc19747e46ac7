import { useQuery } from '../data/hooks';
import { SourcesQuery, StatsQuery } from '../data/operations';
import { numbersOf, type ScheduleForm } from '../data/scheduleForm';
import type { Conditions } from '../data/scheduleOperations';
import { label } from '../format';
import { Shown } from './Bits';
import { CheckList } from './CheckList';
import { CountryFields } from './TargetFields';
import { RegionCodes } from './RegionCodes';
import { TargetSize } from './TargetSize';
import { tiers } from './TierChart';
import { useMay, useViewer } from './useCaller';

interface Props {
  form: ScheduleForm;
  change: (part: Partial<ScheduleForm>) => void;
  /** The numbers of the schedule that is being changed; null for a new one. */
  was: Conditions | null;
}

/** The numbers that a schedule keeps fresh. */
export function ScheduleNumbers({ form, change, was }: Props) {
  const mayCount = useMay('AGGREGATE') === true;
  const stats = useQuery(StatsQuery, {}, { pause: !mayCount });
  const sources = useQuery(SourcesQuery, {});
  return (
    <>
      {!mayCount && <RegionCodes chosen={form.regions} onChange={(regions) => change({ regions })} />}
      {mayCount && <Shown state={stats} lines={2}>
        {({ registryStats: { byRegion } }) =>
          byRegion.length > 0 && (
            <CountryFields byRegion={byRegion} chosen={form.regions} onChange={(regions) => change({ regions })} />
          )
        }
      </Shown>}
      <CheckList
        legend="Tiers"
        hint="none chosen means all, also those without a score"
        options={tiers.map((id) => ({ id, name: label(id) }))}
        chosen={form.tiers}
        onChange={(chosen) => change({ tiers: chosen })}
        hook="tier"
        tight
      />
      <Shown state={sources} lines={2}>
        {(data) => (
          <CheckList
            legend="Sources"
            hint="none chosen means all"
            options={data.sources.map(({ name }) => ({ id: name, name }))}
            chosen={form.sources}
            onChange={(chosen) => change({ sources: chosen })}
            hook="source"
            tight
          />
        )}
      </Shown>
      <Prefix form={form} change={change} was={was} />
      <TargetSize filter={numbersOf(form, was)} platforms={form.platforms.length} />
    </>
  );
}

/** The digits that numbers begin with. Who sees masked numbers sees only the first of them, and asks for no more. */
function Prefix({ form, change, was }: Props) {
  const masked = useViewer()?.seesWholeNumbers !== true;
  return (
    <div className="field">
      <label htmlFor="number-prefix">Numbers that begin with</label>
      <input
        id="number-prefix"
        value={form.prefix}
        onChange={(event) => change({ prefix: event.target.value })}
        placeholder={masked ? '+5730' : '+57300'}
        inputMode="tel"
        maxLength={16}
        autoComplete="off"
        aria-describedby={masked ? 'number-prefix-hint' : undefined}
        data-testid="number-prefix"
      />
      {masked && (
        <p className="hint" id="number-prefix-hint">
          No more digits than masked numbers show, such as +5730.
          {was?.numberPrefix && ' It may hold more than you see; changing which numbers are meant replaces it by what stands here.'}
        </p>
      )}
    </div>
  );
}
