import { blankLog, type LogForm } from '../data/accessLogForm';

interface Props {
  form: LogForm;
  change: (part: Partial<LogForm>) => void;
  clear: () => void;
}

/** What the access log is searched for. It is looked up as it is typed. */
export function AccessLogFields({ form, change, clear }: Props) {
  const text = (name: keyof LogForm, label: string, more: { type?: string; placeholder?: string; inputMode?: 'numeric' } = {}) => (
    <div className={`field log-${name}`}>
      <label htmlFor={`log-${name}`}>{label}</label>
      <input
        id={`log-${name}`}
        value={form[name]}
        onChange={(event) => change({ [name]: event.target.value })}
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        data-testid={`log-${name}`}
        {...more}
      />
    </div>
  );
  const told = JSON.stringify(form) !== JSON.stringify(blankLog);
  return (
    <div className="filters log-filters" role="group" aria-label="Filter">
      {text('actor', 'Who', { placeholder: 'name of a key' })}
      {text('requestId', 'Request', { placeholder: 'X-Request-Id' })}
      {text('since', 'From', { type: 'datetime-local' })}
      {text('until', 'Before', { type: 'datetime-local' })}
      {text('least', 'At least', { placeholder: 'values', inputMode: 'numeric' })}
      {told && (
        <button type="button" className="button" onClick={clear} data-testid="log-clear">
          Show all
        </button>
      )}
    </div>
  );
}
