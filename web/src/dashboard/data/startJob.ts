// From what the form for a new job holds to the input of the mutation.
import type { VariablesOf } from '../graphql';
import type { JobPriority, LineType, Platform, StartJob, TargetQuery } from './operations';

export type StartInput = VariablesOf<typeof StartJob>['input'];
export type TargetFilter = VariablesOf<typeof TargetQuery>['filter'];
export type TargetKind = 'filter' | 'numbers' | 'import';

export interface JobForm {
  name: string;
  platforms: readonly Platform[];
  target: TargetKind;
  regions: readonly string[];
  lineTypes: readonly LineType[];
  pasted: string;
  importId: string;
  batchSize: string;
  maxConcurrent: string;
  retryAttempts: string;
  recheckAfter: string;
  priority: JobPriority;
  /** Names the job for the server: however often the form is sent, it starts one job. */
  clientKey: string;
}

/** Numbers in a pasted text: one a line, or parted by commas, semicolons or tabs. */
export function pastedNumbers(text: string): string[] {
  return text
    .split(/[\n\r,;\t]+/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The phones a form's filter means: only valid ones can be checked. */
export function filterOf({ regions, lineTypes }: Pick<JobForm, 'regions' | 'lineTypes'>): TargetFilter {
  return {
    isValid: true,
    ...(regions.length > 0 ? { regions: [...regions] } : {}),
    ...(lineTypes.length > 0 ? { lineTypes: [...lineTypes] } : {}),
  };
}

export const MAX_PASTED = 10_000;

/** What is missing before a job can be started; null when nothing is. */
export function missing(form: JobForm): { field: string; message: string } | null {
  if (form.name.trim() === '') return { field: 'name', message: 'Give it a name.' };
  if (form.platforms.length === 0) return { field: 'platforms', message: 'Choose at least one platform.' };
  if (form.target === 'import' && form.importId === '') return { field: 'import', message: 'Choose an import.' };
  if (form.target === 'numbers') {
    const numbers = pastedNumbers(form.pasted).length;
    if (numbers === 0) return { field: 'numbers', message: 'Paste at least one number.' };
    if (numbers > MAX_PASTED) return { field: 'numbers', message: 'At most 10,000 numbers can be pasted; import a file for more.' };
  }
  return null;
}

/** A whole number typed into an optional field; undefined leaves it to the server. */
const optional = (text: string) => (text.trim() === '' ? undefined : Number(text));

export function inputOf(form: JobForm): StartInput {
  const { priority, clientKey } = form;
  const settings = {
    batchSize: optional(form.batchSize),
    maxConcurrent: optional(form.maxConcurrent),
    retryAttempts: optional(form.retryAttempts),
    recheckAfter: form.recheckAfter === '' ? undefined : form.recheckAfter,
  };
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return { name: form.name.trim(), platforms: [...form.platforms], target: targetOf(form), priority, clientKey, ...given };
}

function targetOf(form: JobForm): StartInput['target'] {
  switch (form.target) {
    case 'filter':
      return { filter: filterOf(form) };
    case 'numbers':
      return { numbers: pastedNumbers(form.pasted) };
    case 'import':
      return { importId: form.importId };
  }
}
