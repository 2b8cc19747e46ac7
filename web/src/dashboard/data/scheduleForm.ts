// From what the form for a schedule holds to the input of the mutations.
import { label, plural, regionName, secondsOf } from '../format';
import type { VariablesOf } from '../graphql';
import type { JobPriority, Platform, Tier } from './operations';
import type { Conditions, CreateSchedule, Schedule, UpdateSchedule } from './scheduleOperations';
import type { TargetFilter } from './startJob';

export type CreateInput = VariablesOf<typeof CreateSchedule>['input'];
export type UpdateInput = VariablesOf<typeof UpdateSchedule>['input'];

export const units = { minutes: 60, hours: 3_600, days: 86_400 } as const;
export type Unit = keyof typeof units;

export interface ScheduleForm {
  name: string;
  platforms: readonly Platform[];
  every: string;
  unit: Unit;
  /** Checks a day; empty is no limit. */
  budget: string;
  /** A span, or empty for none. */
  recheckAfter: string;
  priority: JobPriority;
  regions: readonly string[];
  tiers: readonly Tier[];
  sources: readonly string[];
  prefix: string;
}

export const blankSchedule: ScheduleForm = {
  name: '',
  platforms: [],
  every: '1',
  unit: 'days',
  budget: '',
  recheckAfter: '',
  priority: 'LOW',
  regions: [],
  tiers: [],
  sources: [],
  prefix: '',
};

/** A span in the largest unit that it is a whole number of. */
export function everyOf(iso: string): Pick<ScheduleForm, 'every' | 'unit'> {
  const seconds = secondsOf(iso) ?? units.days;
  const unit = (['days', 'hours'] as const).find((name) => seconds % units[name] === 0) ?? 'minutes';
  return { every: String(seconds / units[unit]), unit };
}

export function formOf(schedule: Schedule): ScheduleForm {
  return {
    ...blankSchedule,
    ...everyOf(schedule.every),
    name: schedule.name,
    platforms: schedule.platforms,
    budget: schedule.budgetPerDay === null ? '' : String(schedule.budgetPerDay),
    recheckAfter: schedule.recheckAfter ?? '',
    priority: schedule.priority,
    regions: schedule.filter.regions ?? [],
    tiers: schedule.filter.tiers ?? [],
    sources: schedule.filter.sources ?? [],
    prefix: schedule.filter.numberPrefix ?? '',
  };
}

const seconds = ({ every, unit }: Pick<ScheduleForm, 'every' | 'unit'>) => Math.round(Number(every) * units[unit]);

/** The span of the form as the API reads it. */
export const isoOf = (form: Pick<ScheduleForm, 'every' | 'unit'>) => `PT${seconds(form)}S`;

/** What is missing or cannot be; null when nothing is. The server has the last word. */
export function lacking(form: ScheduleForm): string | null {
  if (form.name.trim() === '') return 'Give it a name.';
  if (form.platforms.length === 0) return 'Choose at least one platform.';
  const every = seconds(form);
  if (!(every >= units.minutes && every <= 365 * units.days)) return 'It can start a job once in a minute to once in a year.';
  const budget = Number(form.budget);
  if (form.budget.trim() !== '' && !(Number.isSafeInteger(budget) && budget > 0)) {
    return 'The budget is a whole number of checks a day, or empty for no limit.';
  }
  if (!/^\+?\d*$/.test(form.prefix.trim())) return 'A number begins with digits, for example +57300.';
  return null;
}

/** The conditions of a filter that the form does not show, as they were told. */
function hidden({ lineTypes, customerIds, isVerified, minScore, platforms }: Conditions): TargetFilter {
  const rest = { lineTypes, customerIds, isVerified, minScore, platforms };
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
}

/** The numbers that a form means: what it shows, beside what it leaves as it was. Only valid ones can be checked. */
export function numbersOf(
  { regions, tiers, sources, prefix }: Pick<ScheduleForm, 'regions' | 'tiers' | 'sources' | 'prefix'>,
  was: Conditions | null,
): TargetFilter {
  return {
    ...(was === null ? {} : hidden(was)),
    isValid: true,
    ...(regions.length > 0 ? { regions: [...regions] } : {}),
    ...(tiers.length > 0 ? { tiers: [...tiers] } : {}),
    ...(sources.length > 0 ? { sources: [...sources] } : {}),
    ...(prefix.trim() === '' ? {} : { numberPrefix: prefix.trim() }),
  };
}

const budgetOf = ({ budget }: ScheduleForm) => (budget.trim() === '' ? null : Number(budget));
const recheckOf = ({ recheckAfter }: ScheduleForm) => (recheckAfter === '' ? null : recheckAfter);

export function createOf(form: ScheduleForm): CreateInput {
  const [budgetPerDay, recheckAfter] = [budgetOf(form), recheckOf(form)];
  return {
    name: form.name.trim(),
    platforms: [...form.platforms],
    filter: numbersOf(form, null),
    every: isoOf(form),
    priority: form.priority,
    ...(budgetPerDay === null ? {} : { budgetPerDay }),
    ...(recheckAfter === null ? {} : { recheckAfter }),
  };
}

const asked = ['regions', 'tiers', 'sources', 'prefix'] as const;

/** Only what was changed, so that what another changed meanwhile stays; null takes a limit away. */
export function updateOf(form: ScheduleForm, was: Schedule): UpdateInput {
  const before = formOf(was);
  const changed = (key: keyof ScheduleForm) => JSON.stringify(form[key]) !== JSON.stringify(before[key]);
  return {
    id: was.id,
    ...(changed('name') ? { name: form.name.trim() } : {}),
    ...(changed('platforms') ? { platforms: [...form.platforms] } : {}),
    ...(asked.some(changed) ? { filter: numbersOf(form, was.filter) } : {}),
    ...(changed('every') || changed('unit') ? { every: isoOf(form) } : {}),
    ...(changed('budget') ? { budgetPerDay: budgetOf(form) } : {}),
    ...(changed('recheckAfter') ? { recheckAfter: recheckOf(form) } : {}),
    ...(changed('priority') ? { priority: form.priority } : {}),
  };
}

/** The numbers of a schedule in words, one condition each; none means all valid numbers. */
export function numbersText(of: Conditions): string[] {
  const list = (name: string, values: readonly string[] | null, word: (value: string) => string = label) =>
    values === null || values.length === 0 ? [] : [`${name} ${values.map(word).join(', ')}`];
  return [
    ...list('in', of.regions, regionName),
    ...list('line type', of.lineTypes),
    ...list('tier', of.tiers),
    ...list('from', of.sources, (source) => source),
    ...(of.numberPrefix === null ? [] : [`beginning with ${of.numberPrefix}`]),
    ...(of.minScore === null ? [] : [`with at least ${of.minScore} points`]),
    ...list('active on', of.platforms),
    ...(of.isVerified === null ? [] : [of.isVerified ? 'verified' : 'not verified']),
    ...(of.customerIds === null || of.customerIds.length === 0 ? [] : [`of ${plural(of.customerIds.length, 'customer')}`]),
  ];
}
