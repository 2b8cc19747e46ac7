import { useQuery } from '../data/hooks';
import { ImportsQuery, StatsQuery, TargetQuery, type LineType } from '../data/operations';
import { filterOf, pastedNumbers, type JobForm, type TargetKind } from '../data/startJob';
import { compact, count, label, plural, regionName } from '../format';
import { Empty, Shown } from './Bits';
import { Choice } from './Choice';

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

function toggled<T>(list: readonly T[], item: T, isIn: boolean): T[] {
  return isIn ? [...list, item] : list.filter((other) => other !== item);
}

function FilterFields({ form, change }: Props) {
  const stats = useQuery(StatsQuery, {});
  return (
    <Shown state={stats}>
      {({ registryStats: { byRegion, byLineType } }) =>
        byRegion.length === 0 ? (
          <Empty title="The registry holds no numbers yet" />
        ) : (
          <>
            <fieldset className="field">
              <legend>Countries <span className="hint">none chosen means all</span></legend>
              <div className="checks tight">
                {byRegion.filter((row) => row.region !== 'ZZ').slice(0, 40).map(({ region, count: n }) => (
                  <label key={region} className="check">
                    <input
                      type="checkbox"
                      checked={form.regions.includes(region)}
                      onChange={(event) => change({ regions: toggled(form.regions, region, event.target.checked) })}
                      data-testid={`region-${region}`}
                    />
                    <span>{regionName(region)}</span>
                    <span className="hint">{compact(n)}</span>
                  </label>
                ))}
              </div>
            </fieldset>
            <fieldset className="field">
              <legend>Line types <span className="hint">none chosen means all</span></legend>
              <div className="checks tight">
                {lineTypes(byLineType, form.lineTypes).map((lineType) => (
                  <label key={lineType} className="check">
                    <input
                      type="checkbox"
                      checked={form.lineTypes.includes(lineType)}
                      onChange={(event) => change({ lineTypes: toggled(form.lineTypes, lineType, event.target.checked) })}
                      data-testid={`line-type-${lineType}`}
                    />
                    <span>{label(lineType)}</span>
                  </label>
                ))}
              </div>
            </fieldset>
            <TargetSize form={form} />
          </>
        )
      }
    </Shown>
  );
}

/** What the registry holds, and what is chosen already. */
function lineTypes(held: readonly { lineType: LineType; count: number }[], chosen: readonly LineType[]): LineType[] {
  const all = held.filter((row) => row.count > 0 || chosen.includes(row.lineType)).map((row) => row.lineType);
  return [...new Set([...all, ...chosen])];
}

/** How many numbers and checks this makes. */
function TargetSize({ form }: { form: JobForm }) {
  const { data, error } = useQuery(TargetQuery, { filter: filterOf(form) });
  if (error) return <p className="hint">{error.message}</p>;
  if (data === null) return <p className="hint" aria-busy="true">Counting…</p>;
  const numbers = data.phones.totalCount;
  const checks = numbers * form.platforms.length;
  return (
    <p className="target-size" aria-live="polite" data-testid="target-size" data-count={numbers}>
      <strong>{plural(numbers, 'valid number')}</strong>
      {checks > 0 && ` × ${plural(form.platforms.length, 'platform')} = ${plural(checks, 'check')}`}
    </p>
  );
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
