import { useId } from 'react';
import { regionName } from '../format';

// Suggestions only: every region code may be typed.
const suggested = [
  'CO', 'MX', 'US', 'AR', 'BR', 'CA', 'CL', 'CR', 'DE', 'DO', 'EC', 'ES', 'FR', 'GB', 'GT', 'HN', 'IT', 'NI', 'PA',
  'PE', 'PR', 'PT', 'PY', 'SV', 'UY', 'VE',
];

interface Props {
  value: string;
  onChange: (region: string) => void;
  label?: string;
  placeholder?: string;
}

/** A region code; what is typed is kept to two capital letters. */
export function RegionInput({ value, onChange, label = 'Region', placeholder }: Props) {
  const field = useId();
  const list = useId();
  return (
    <div className="field narrow">
      <label htmlFor={field}>{label}</label>
      <input
        id={field}
        list={list}
        value={value}
        onChange={(event) => onChange(event.target.value.replace(/[^a-z]/gi, '').slice(0, 2).toUpperCase())}
        autoComplete="off"
        spellCheck={false}
        maxLength={2}
        placeholder={placeholder}
        title={value.length === 2 ? regionName(value) : 'Two letters, for example CO'}
        data-testid="region-input"
      />
      <datalist id={list}>
        {suggested.map((code) => (
          <option key={code} value={code}>
            {regionName(code)}
          </option>
        ))}
      </datalist>
    </div>
  );
}
