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
  return (
    <div className={`choice${long ? ' long' : ''}`} role="group" aria-label={label} data-testid={testId}>
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
