import type { ReactNode } from 'react';

interface Props<T extends string> {
  legend: string;
  /** What it means to choose none. */
  hint?: string;
  options: readonly { id: T; name: string; aside?: ReactNode; disabled?: boolean }[];
  chosen: readonly T[];
  onChange: (chosen: T[]) => void;
  /** Begins the hooks of the boxes: NAME-ID. */
  hook: string;
  /** Narrow columns, for short names. */
  tight?: boolean;
  /** One column, for long asides. */
  wide?: boolean;
}

/** Any of several, as boxes to tick. */
export function CheckList<T extends string>({ legend, hint, options, chosen, onChange, hook, tight = false, wide = false }: Props<T>) {
  return (
    <fieldset className="field">
      <legend>{legend} {hint && <span className="hint">{hint}</span>}</legend>
      <div className={`checks${tight ? ' tight' : ''}${wide ? ' wide' : ''}`}>
        {options.map(({ id, name, aside, disabled = false }) => (
          <label key={id} className="check" data-disabled={disabled}>
            <input
              type="checkbox"
              checked={chosen.includes(id)}
              disabled={disabled}
              onChange={(event) => onChange(event.target.checked ? [...chosen, id] : chosen.filter((other) => other !== id))}
              data-testid={`${hook}-${id}`}
            />
            <span>{name}</span>
            {aside}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
