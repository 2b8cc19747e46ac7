import { useRef, useState, type SyntheticEvent } from 'react';
import { Card, Problem } from '../components/Bits';
import { Icon } from '../components/Icons';
import { PlatformFields } from '../components/PlatformFields';
import { TargetFields } from '../components/TargetFields';
import { Refused } from '../components/Outcome';
import { JobSettings } from '../components/JobSettings';
import { useMutation } from '../data/hooks';
import { jobsChanged } from '../data/jobs';
import { StartJob as StartJobMutation, type UserErrors } from '../data/operations';
import { newKey } from '../data/newKey';
import { inputOf, missing, type JobForm } from '../data/startJob';
import { plural, when } from '../format';
import { reasonText } from '../reasons';
import { go, href } from '../router';

function blank(importId: string | null): JobForm {
  return {
    name: `Check of ${when(new Date().toISOString())}`,
    platforms: [],
    target: importId === null ? 'filter' : 'import',
    regions: [],
    lineTypes: ['MOBILE', 'FIXED_LINE_OR_MOBILE'],
    pasted: '',
    importId: importId ?? '',
    batchSize: '',
    maxConcurrent: '',
    retryAttempts: '',
    recheckAfter: '',
    priority: 'NORMAL',
    clientKey: newKey(),
  };
}

interface Started {
  id: string;
  /** False when an earlier attempt of this form, whose answer was lost, had started it. */
  created: boolean;
  skippedCount: number;
  skipped: readonly { index: number; reason: string }[];
}

export function StartJob({ importId }: { importId: string | null }) {
  const [form, setForm] = useState(() => blank(importId));
  const [problems, setProblems] = useState<UserErrors>([]);
  const [lacking, setLacking] = useState<string | null>(null);
  const [started, setStarted] = useState<Started | null>(null);
  const [start, starting] = useMutation(StartJobMutation);
  const sending = useRef(false); // the second of two fast clicks comes before the button is disabled
  const change = (part: Partial<JobForm>) => setForm((now) => ({ ...now, ...part }));

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    setProblems([]);
    const lack = missing(form);
    setLacking(lack?.message ?? null);
    if (lack || sending.current) return;
    sending.current = true;
    const payload = (await start({ input: inputOf(form) }))?.startValidationJob;
    sending.current = false;
    if (!payload) return;
    setProblems(payload.userErrors);
    if (!payload.job) return;
    jobsChanged();
    if (payload.skippedCount > 0 || !payload.created) setStarted({ ...payload, id: payload.job.id });
    else go(href('jobs', payload.job.id));
  }

  return (
    <>
      <a className="back" href="#/jobs">
        <Icon name="back" />
        Jobs
      </a>
      <div className="page-head">
        <h1>Start a job</h1>
      </div>
      {started ? <Skipped started={started} /> : (
        <form className="stack form" onSubmit={(event) => void submit(event)} data-testid="start-job">
          <Card title="What to check">
            <div className="field">
              <label htmlFor="job-name">Name</label>
              <input
                id="job-name"
                value={form.name}
                maxLength={200}
                onChange={(event) => change({ name: event.target.value })}
                data-testid="job-name"
              />
            </div>
            <PlatformFields chosen={form.platforms} onChange={(platforms) => change({ platforms })} />
          </Card>
          <Card title="Which numbers">
            <TargetFields form={form} change={change} />
          </Card>
          <JobSettings form={form} change={change} />
          {starting.error && <Problem error={starting.error} />}
          {starting.error?.kind === 'network' && (
            <p className="hint">Start it again without worry: this form starts one job, however often it is sent.</p>
          )}
          {lacking !== null && <p className="field-error" role="alert" data-testid="user-error">{lacking}</p>}
          <Refused errors={problems} />
          <div className="form-end">
            <button
              type="submit"
              className="button primary"
              disabled={starting.busy}
              data-testid="start-job-submit"
            >
              {starting.busy ? 'Starting…' : 'Start the job'}
            </button>
          </div>
        </form>
      )}
    </>
  );
}

/** The job runs, but some of what was pasted is not in it. */
function Skipped({ started }: { started: Started }) {
  return (
    <Card title={started.created ? 'The job has started' : 'The job had started already'} testId="job-skipped">
      {!started.created && (
        <p className="note">An earlier attempt of this form has started it, and its answer was lost. What you have changed since is not in it.</p>
      )}
      {started.skippedCount > 0 && <p>{plural(started.skippedCount, 'number')} could not be checked and {started.skippedCount === 1 ? 'was' : 'were'} left out:</p>}
      <ul className="rows">
        {started.skipped.map(({ index, reason }) => (
          <li key={index} className="row">
            <span className="hint">No. {index + 1}</span>
            <span>{reasonText(reason)}</span>
          </li>
        ))}
      </ul>
      <div className="form-end">
        <a className="button primary" href={href('jobs', started.id)}>
          Watch the job
        </a>
      </div>
    </Card>
  );
}
