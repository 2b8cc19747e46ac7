import { useId, useState } from 'react';

interface Props {
  chosen: readonly string[];
  onChange: (regions: string[]) => void;
}

/** The country codes of a text: two letters each, in any order, once. */
export const codesOf = (text: string): string[] => [...new Set(text.toUpperCase().match(/\b[A-Z]{2}\b/g))];

/** Countries by their codes, for those who may not see which the registry holds. */
export function RegionCodes({ chosen, onChange }: Props) {
  const field = useId();
  const [text, setText] = useState(chosen.join(', '));
  return (
    <div className="field">
      <label htmlFor={field}>Countries</label>
      <input
        id={field}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          onChange(codesOf(event.target.value));
        }}
        placeholder="CO, MX"
        autoComplete="off"
        spellCheck={false}
        data-testid="region-codes"
      />
      <p className="hint">Two letters each; empty means all.</p>
    </div>
  );
}
