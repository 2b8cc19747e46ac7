import { useEffect, useRef } from 'react';

interface Props {
  label: string;
  options: readonly { id: string; name: string }[];
  value: string;
  onChange: (id: string) => void;
  /** Many options: they stay on one line that can be moved sideways. */
  long?: boolean;
  testId?: string;
}

/** One of a few, as a row of buttons. */
export function Choice({ label, options, value, onChange, long = false, testId }: Props) {
  const row = useRef<HTMLDivElement>(null);

  // What is chosen is in sight, also on a row that is longer than the screen.
  useEffect(() => {
    const chosen = row.current?.querySelector<HTMLElement>('[aria-pressed="true"]');
    if (!long || !row.current || !chosen) return;
    row.current.scrollLeft = chosen.offsetLeft - row.current.offsetLeft - (row.current.clientWidth - chosen.clientWidth) / 2;
  }, [long, value]);

  return (
    <div ref={row} className={`choice${long ? ' long' : ''}`} role="group" aria-label={label} data-testid={testId}>
      {options.map((option) => (
        <button
          key={option.id}
          type="button"
          aria-pressed={option.id === value}
          onClick={() => onChange(option.id)}
          data-value={option.id}
        >
          {option.name}
        </button>
      ))}
    </div>
  );
}
