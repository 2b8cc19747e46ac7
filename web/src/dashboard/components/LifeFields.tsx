import { lives, type Life } from '../data/apiKeyForm';

interface Props<L extends string> {
  /** What the choice offers; the usual ones unless told. */
  options?: Readonly<Record<L, string>>;
  life: L;
  date: string;
  change: (part: { life?: L; date?: string }) => void;
  hook: string;
}

/** How long a key works: one of a few spans, or to the end of a day. */
export function LifeFields<L extends string = Life>({ options, life, date, change, hook }: Props<L>) {
  const offered = Object.entries(options ?? lives) as [L, string][];
  return (
    <div className="life">
      <div className="field">
        <label htmlFor={`${hook}-life`}>How long it works</label>
        <select
          id={`${hook}-life`}
          value={life}
          onChange={(event) => change({ life: event.target.value as L })}
          data-testid={`${hook}-life`}
        >
          {offered.map(([id, name]) => (
            <option key={id} value={id}>{name}</option>
          ))}
        </select>
      </div>
      {life === 'date' && (
        <div className="field">
          <label htmlFor={`${hook}-date`}>Last day</label>
          <input
            id={`${hook}-date`}
            type="date"
            value={date}
            onChange={(event) => change({ date: event.target.value })}
            data-testid={`${hook}-date`}
          />
        </div>
      )}
    </div>
  );
}
