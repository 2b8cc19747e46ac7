import { useQuery } from '../data/hooks';
import { ImportsQuery, StatsQuery, type LineType, type Stats } from '../data/operations';
import { filterOf, pastedNumbers, type JobForm, type TargetKind } from '../data/startJob';
import { compact, count, label, regionName } from '../format';
import { Empty, Shown } from './Bits';
import { CheckList } from './CheckList';
import { Choice } from './Choice';
import { RegionCodes } from './RegionCodes';
import { TargetSize } from './TargetSize';
import { useMay } from './useCaller';

const kinds: { id: TargetKind; name: string }[] = [
  { id: 'filter', name: 'By filter' },
  { id: 'numbers', name: 'Pasted' },
  { id: 'import', name: 'An import' },
];

interface Props {
  form: JobForm;
  change: (part: Partial<JobForm>) => void;
}

/** The numbers of a new job: by filter, pasted, or those an import brought. */
export function TargetFields({ form, change }: Props) {
  return (
    <>
      <Choice
        label="Which numbers"
        options={kinds}
        value={form.target}
        onChange={(target) => change({ target: target as TargetKind })}
        testId="target-kind"
      />
      {form.target === 'filter' && <FilterFields form={form} change={change} />}
      {form.target === 'numbers' && <PastedField form={form} change={change} />}
      {form.target === 'import' && <ImportField form={form} change={change} />}
    </>
  );
}

// For those who may not see what the registry holds of each.
const usualLineTypes: readonly LineType[] = ['MOBILE', 'FIXED_LINE', 'FIXED_LINE_OR_MOBILE', 'VOIP', 'TOLL_FREE', 'UNKNOWN'];

function FilterFields({ form, change }: Props) {
  const mayCount = useMay('AGGREGATE') === true;
  const stats = useQuery(StatsQuery, {}, { pause: !mayCount });
  if (!mayCount) {
    return (
      <>
        <RegionCodes chosen={form.regions} onChange={(regions) => change({ regions })} />
        <LineTypes held={[]} form={form} change={change} />
        <TargetSize filter={filterOf(form)} platforms={form.platforms.length} />
      </>
    );
  }
  return (
    <Shown state={stats}>
      {({ registryStats: { byRegion, byLineType } }) =>
        byRegion.length === 0 ? (
          <Empty title="The registry holds no numbers yet" />
        ) : (
          <>
            <CountryFields byRegion={byRegion} chosen={form.regions} onChange={(regions) => change({ regions })} />
            <LineTypes held={byLineType} form={form} change={change} />
            <TargetSize filter={filterOf(form)} platforms={form.platforms.length} />
          </>
        )
      }
    </Shown>
  );
}

function LineTypes({ held, form, change }: Props & { held: Stats['byLineType'] }) {
  const known = held.length === 0 ? [...usualLineTypes] : lineTypes(held, form.lineTypes);
  return (
    <CheckList
      legend="Line types"
      hint="none chosen means all"
      options={known.map((id) => ({ id, name: label(id) }))}
      chosen={form.lineTypes}
      onChange={(chosen) => change({ lineTypes: chosen })}
      hook="line-type"
      tight
    />
  );
}

interface CountryProps {
  byRegion: Stats['byRegion'];
  chosen: readonly string[];
  onChange: (regions: string[]) => void;
}

/** The countries of which the registry holds most, and those that are chosen already. */
export function CountryFields({ byRegion, chosen, onChange }: CountryProps) {
  const most = byRegion.filter((row) => row.region !== 'ZZ').slice(0, 40);
  const counts = new Map(byRegion.map((row) => [row.region, row.count]));
  const codes = [...new Set([...most.map((row) => row.region), ...chosen])];
  return (
    <CheckList
      legend="Countries"
      hint="none chosen means all"
      options={codes.map((code) => ({
        id: code,
        name: regionName(code),
        aside: <span className="hint">{compact(counts.get(code) ?? 0)}</span>,
      }))}
      chosen={chosen}
      onChange={onChange}
      hook="region"
      tight
    />
  );
}

/** What the registry holds, and what is chosen already. */
function lineTypes(held: readonly { lineType: LineType; count: number }[], chosen: readonly LineType[]): LineType[] {
  const all = held.filter((row) => row.count > 0 || chosen.includes(row.lineType)).map((row) => row.lineType);
  return [...new Set([...all, ...chosen])];
}

function PastedField({ form, change }: Props) {
  const numbers = pastedNumbers(form.pasted).length;
  return (
    <div className="field">
      <label htmlFor="pasted">Numbers with their country code, one a line</label>
      <textarea
        id="pasted"
        rows={7}
        value={form.pasted}
        onChange={(event) => change({ pasted: event.target.value })}
        placeholder={'+57 300 123 4567\n+52 55 1234 5678'}
        spellCheck={false}
        autoComplete="off"
        data-testid="pasted-numbers"
      />
      <p className="hint">{numbers === 0 ? 'At most 10,000.' : `${count(numbers)} so far, at most 10,000.`}</p>
    </div>
  );
}

function ImportField({ form, change }: Props) {
  const imports = useQuery(ImportsQuery, { first: 50, after: null });
  return (
    <Shown state={imports} lines={1}>
      {({ imports: { nodes } }) =>
        nodes.length === 0 ? (
          <Empty title="No imports yet" />
        ) : (
          <div className="field">
            <label htmlFor="import">Import</label>
            <select
              id="import"
              value={form.importId}
              onChange={(event) => change({ importId: event.target.value })}
              data-testid="target-import"
            >
              <option value="">Choose one…</option>
              {nodes.map((batch) => (
                <option key={batch.id} value={batch.id}>
                  {batch.fileName ?? 'unnamed file'} · {batch.source} · {count(batch.numbersAccepted)} numbers
                </option>
              ))}
            </select>
          </div>
        )
      }
    </Shown>
  );
}
