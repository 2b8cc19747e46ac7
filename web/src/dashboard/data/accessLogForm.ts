// What the access log is searched for, as it is typed.
import type { VariablesOf } from '../graphql';
import type { AccessLogQuery } from './accessOperations';

type Filter = NonNullable<VariablesOf<typeof AccessLogQuery>['filter']>;

export interface LogForm {
  actor: string;
  requestId: string;
  /** Times as `datetime-local` fields give them: where the reader is. */
  since: string;
  until: string;
  least: string;
}

export const blankLog: LogForm = { actor: '', requestId: '', since: '', until: '', least: '' };

function momentOf(text: string): string | null {
  const at = new Date(text);
  return text === '' || Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** What cannot be; null when nothing is wrong. */
export function wrongLog({ since, until, least }: LogForm): string | null {
  if (least.trim() !== '' && !/^\d{1,15}$/.test(least.trim())) return 'At least so many values: a whole number.';
  const [from, to] = [momentOf(since), momentOf(until)];
  if (from !== null && to !== null && from >= to) return 'The time ends before it begins.';
  return null;
}

/** The filter of a form; null for everything. */
export function logFilterOf(form: LogForm): Filter | null {
  const [since, until] = [momentOf(form.since), momentOf(form.until)];
  const least = Number(form.least.trim());
  const filter: Filter = {
    ...(form.actor.trim() === '' ? {} : { actor: form.actor.trim() }),
    ...(form.requestId.trim() === '' ? {} : { requestId: form.requestId.trim() }),
    ...(since === null ? {} : { since }),
    ...(until === null ? {} : { until }),
    ...(least > 0 ? { minRevealed: least } : {}),
  };
  return Object.keys(filter).length === 0 ? null : filter;
}
