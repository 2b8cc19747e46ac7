import type { JobPriority } from '../data/operations';
import { units, type ScheduleForm, type Unit } from '../data/scheduleForm';
import { span } from '../format';
import { priorities } from './JobSettings';

const ages = ['P1D', 'P7D', 'P30D', 'P90D', 'P180D'];

interface Props {
  form: ScheduleForm;
  change: (part: Partial<ScheduleForm>) => void;
}

/** How often a schedule starts a job, and what that may cost. */
export function ScheduleLimits({ form, change }: Props) {
  // An age that was given elsewhere must not be lost.
  const offered = form.recheckAfter === '' || ages.includes(form.recheckAfter) ? ages : [...ages, form.recheckAfter];
  return (
    <div className="settings-fields">
      <div className="field">
        <label htmlFor="every">Every</label>
        <div className="joined">
          <input
            id="every"
            type="number"
            min={0}
            step="any"
            value={form.every}
            onChange={(event) => change({ every: event.target.value })}
            data-testid="schedule-every"
          />
          <select
            aria-label="Unit"
            value={form.unit}
            onChange={(event) => change({ unit: event.target.value as Unit })}
            data-testid="schedule-unit"
          >
            {Object.keys(units).map((unit) => (
              <option key={unit} value={unit}>
                {unit}
              </option>
            ))}
          </select>
        </div>
      </div>
      <div className="field">
        <label htmlFor="budget">Checks a day (UTC)</label>
        <input
          id="budget"
          type="number"
          min={1}
          step={1}
          placeholder="no limit"
          value={form.budget}
          onChange={(event) => change({ budget: event.target.value })}
          data-testid="schedule-budget-input"
        />
      </div>
      <div className="field">
        <label htmlFor="schedule-age">Earlier evidence</label>
        <select
          id="schedule-age"
          value={form.recheckAfter}
          onChange={(event) => change({ recheckAfter: event.target.value })}
          data-testid="schedule-recheckAfter"
        >
          <option value="">Check what has run out</option>
          {offered.map((age) => (
            <option key={age} value={age}>
              Also what is older than {span(age)}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor="schedule-priority">Priority of its jobs</label>
        <select
          id="schedule-priority"
          value={form.priority}
          onChange={(event) => change({ priority: event.target.value as JobPriority })}
          data-testid="schedule-priority"
        >
          {priorities.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}
