import { useState, type SyntheticEvent } from 'react';
import { Card } from '../components/Bits';
import { Icon } from '../components/Icons';
import { Outcome } from '../components/Outcome';
import { PlatformFields } from '../components/PlatformFields';
import { ScheduleLimits } from '../components/ScheduleLimits';
import { ScheduleNumbers } from '../components/ScheduleNumbers';
import { useAct } from '../data/hooks';
import { blankSchedule, createOf, formOf, lacking, updateOf, type ScheduleForm } from '../data/scheduleForm';
import { CreateSchedule, UpdateSchedule, type Schedule } from '../data/scheduleOperations';
import { schedulesChanged } from '../data/schedules';
import { go, href } from '../router';

export function NewSchedule() {
  return (
    <>
      <a className="back" href="#/schedules">
        <Icon name="back" />
        Schedules
      </a>
      <ScheduleEditor schedule={null} />
    </>
  );
}

/** Makes a schedule, or changes the one it is given. */
export function ScheduleEditor({ schedule }: { schedule: Schedule | null }) {
  const [was] = useState(schedule);
  const [form, setForm] = useState<ScheduleForm>(() => (was ? formOf(was) : blankSchedule));
  const [lack, setLack] = useState<string | null>(null);
  const [act, state] = useAct();
  const change = (part: Partial<ScheduleForm>) => setForm((now) => ({ ...now, ...part }));

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    const wrong = lacking(form);
    setLack(wrong);
    if (wrong !== null) return;
    const payload = was
      ? await act(UpdateSchedule, { input: updateOf(form, was) }, (data) => data.updateValidationSchedule)
      : await act(CreateSchedule, { input: createOf(form) }, (data) => data.createValidationSchedule);
    if (!payload?.schedule) return;
    schedulesChanged();
    go(href('schedules', payload.schedule.id));
  }

  return (
    <>
      <div className="page-head">
        <h1>{was ? `Change ${was.name}` : 'New schedule'}</h1>
      </div>
      <form className="stack form" onSubmit={(event) => void submit(event)} data-testid="schedule-form">
        <Card title="What to keep fresh">
          <div className="field">
            <label htmlFor="schedule-name">Name</label>
            <input
              id="schedule-name"
              value={form.name}
              maxLength={200}
              onChange={(event) => change({ name: event.target.value })}
              placeholder="Colombian mobiles, nightly"
              data-testid="schedule-name"
            />
          </div>
          <PlatformFields chosen={form.platforms} onChange={(platforms) => change({ platforms })} />
        </Card>
        <Card title="Which numbers">
          <ScheduleNumbers form={form} change={change} was={was?.filter ?? null} />
        </Card>
        <Card title="How often, and how much">
          <ScheduleLimits form={form} change={change} />
        </Card>
        <Outcome state={state} />
        {lack !== null && <p className="field-error" role="alert" data-testid="user-error">{lack}</p>}
        <div className="form-end">
          <a className="button" href={was ? href('schedules', was.id) : href('schedules')}>
            Leave it
          </a>
          <button
            type="submit"
            className="button primary"
            disabled={state.busy}
            data-testid="schedule-submit"
          >
            {was ? 'Save' : 'Make the schedule'}
          </button>
        </div>
      </form>
    </>
  );
}
