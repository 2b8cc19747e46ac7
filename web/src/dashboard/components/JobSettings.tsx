import type { JobPriority } from '../data/operations';
import type { JobForm } from '../data/startJob';

const numbers: { key: 'batchSize' | 'maxConcurrent' | 'retryAttempts'; name: string; min: number; max: number; usual: string }[] = [
  { key: 'batchSize', name: 'Numbers in a chunk', min: 1, max: 1000, usual: '500' },
  { key: 'maxConcurrent', name: 'Chunks out at once', min: 1, max: 1000, usual: '40' },
  { key: 'retryAttempts', name: 'Attempts after a failure', min: 0, max: 10, usual: '3' },
];

const ages = [
  { value: '', name: 'Check all' },
  { value: 'P1D', name: 'Skip what is younger than a day' },
  { value: 'P7D', name: 'Skip what is younger than a week' },
  { value: 'P30D', name: 'Skip what is younger than 30 days' },
];

export const priorities: { value: JobPriority; name: string }[] = [
  { value: 'HIGH', name: 'High: before the others' },
  { value: 'NORMAL', name: 'Normal' },
  { value: 'LOW', name: 'Low: behind the others' },
];

interface Props {
  form: JobForm;
  change: (part: Partial<JobForm>) => void;
}

/** What most people leave as it is. */
export function JobSettings({ form, change }: Props) {
  return (
    <details className="card settings" data-testid="job-settings">
      <summary>Settings</summary>
      <div className="settings-fields">
        <div className="field">
          <label htmlFor="priority">Priority</label>
          <select
            id="priority"
            value={form.priority}
            onChange={(event) => change({ priority: event.target.value as JobPriority })}
            data-testid="job-form-priority"
          >
            {priorities.map(({ value, name }) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </div>
        {numbers.map(({ key, name, min, max, usual }) => (
          <div key={key} className="field">
            <label htmlFor={key}>{name}</label>
            <input
              id={key}
              type="number"
              min={min}
              max={max}
              step={1}
              placeholder={usual}
              value={form[key]}
              onChange={(event) => change({ [key]: event.target.value })}
              data-testid={`job-${key}`}
            />
          </div>
        ))}
        <div className="field">
          <label htmlFor="recheckAfter">Earlier evidence</label>
          <select
            id="recheckAfter"
            value={form.recheckAfter}
            onChange={(event) => change({ recheckAfter: event.target.value })}
            data-testid="job-recheckAfter"
          >
            {ages.map((age) => (
              <option key={age.value} value={age.value}>
                {age.name}
              </option>
            ))}
          </select>
        </div>
      </div>
    </details>
  );
}
