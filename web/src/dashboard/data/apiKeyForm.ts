// What is filled in to make or change an API key, and what the API is told of it.
import type { VariablesOf } from '../graphql';
import { roles } from '../roles';
import type { ApiKey, CreateApiKey, UpdateApiKey } from './accessOperations';
import type { Role, Scope } from './viewerOperations';

type CreateInput = VariablesOf<typeof CreateApiKey>['input'];
type UpdateInput = VariablesOf<typeof UpdateApiKey>['input'];

/** How long keys are usually made for, in days; `never` lasts until it is revoked, `date` to the end of a day. */
export const lives = { '7': '7 days', '30': '30 days', '90': '90 days', '365': 'A year', date: 'Until a day', never: 'Until revoked' } as const;
export type Life = keyof typeof lives;

const DAY_MS = 86_400_000;

/** How long a key works. */
export interface LifeForm {
  life: Life;
  /** A day as YYYY-MM-DD, for `date`. */
  date: string;
}

export interface KeyForm extends LifeForm {
  name: string;
  role: Role;
  /** Those that are taken away from the role's. */
  withheld: readonly Scope[];
}

export const blankKey: KeyForm = { name: '', role: 'VIEWER', withheld: [], life: '90', date: '' };

/** The end of a day where the reader is, as a moment; null when the day cannot be read. */
function endOf(date: string): Date | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return null;
  const end = new Date(`${date}T23:59:59`);
  return Number.isNaN(end.getTime()) ? null : end;
}

/** Until when a key works: a moment, or null for until it is revoked. */
export function expiryOf({ life, date }: LifeForm, now: number): string | null {
  switch (life) {
    case 'never':
      return null;
    case 'date':
      return endOf(date)?.toISOString() ?? null;
  }
  return new Date(now + Number(life) * DAY_MS).toISOString();
}

/** What is wrong with the end of a key; null when nothing is. */
export function wrongLife({ life, date }: LifeForm, now: number): string | null {
  if (life !== 'date') return null;
  const end = endOf(date);
  if (end === null) return 'Choose the last day on which it works.';
  return end.getTime() > now ? null : 'That day is over.';
}

const nameLack = (name: string) => (name.trim() === '' ? 'Give it a name.' : null);

/** The scopes of the key that the form means. */
export const scopesOf = ({ role, withheld }: Pick<KeyForm, 'role' | 'withheld'>): Scope[] =>
  roles[role].scopes.filter((scope) => !withheld.includes(scope));

/** What is missing or cannot be; null when nothing is. The server has the last word. */
export function lacking(form: KeyForm, now: number): string | null {
  return nameLack(form.name) ?? (scopesOf(form).length === 0 ? 'Leave it at least one scope.' : wrongLife(form, now));
}

export function createOf(form: KeyForm, now: number): CreateInput {
  const expiresAt = expiryOf(form, now);
  const scopes = scopesOf(form);
  return {
    name: form.name.trim(),
    role: form.role,
    ...(scopes.length < roles[form.role].scopes.length ? { scopes } : {}),
    ...(expiresAt === null ? {} : { expiresAt }),
  };
}

/** What may be changed of a key: its name, and when it ends; `keep` leaves the end as it is. */
export interface KeyChange {
  name: string;
  life: Life | 'keep';
  date: string;
}

export function lackingChange({ name, life, date }: KeyChange, now: number): string | null {
  return nameLack(name) ?? (life === 'keep' ? null : wrongLife({ life, date }, now));
}

/** Only what was changed; null lets it work until it is revoked. */
export function updateOf({ name, life, date }: KeyChange, was: Pick<ApiKey, 'id' | 'name'>, now: number): UpdateInput {
  return {
    id: was.id,
    ...(name.trim() === was.name ? {} : { name: name.trim() }),
    ...(life === 'keep' ? {} : { expiresAt: expiryOf({ life, date }, now) }),
  };
}

/** What a key may do, in a few words. */
export function scopesText({ role, scopes }: Pick<ApiKey, 'role' | 'scopes'>, name: (scope: Scope) => string): string {
  const all = roles[role].scopes;
  return scopes.length >= all.length ? 'all of its role' : scopes.map(name).join(', ');
}
