// Roles and scopes in the words of the schema; a test compares them.
import type { Role, Scope } from './data/viewerOperations';

/** All scopes, in the order of the schema, and what each allows. */
export const scopes: Record<Scope, string> = {
  READ: 'Read the registry, with numbers masked.',
  AGGREGATE: 'Read totals over the registry.',
  EXPORT: 'Take whole lists out as files.',
  REVEAL: 'See whole numbers, for a purpose that is told with the request and recorded.',
  EDIT: 'Add and verify contacts, record evidence.',
  JOBS: 'Run validation jobs and schedules, see workers.',
  IMPORTS: 'Take files in.',
  ADMINISTER: 'Keep sources, webhooks and API keys, read the access log.',
};

export const allScopes = Object.keys(scopes) as Scope[];

const analyst: readonly Scope[] = ['READ', 'AGGREGATE', 'EXPORT'];

/** All roles, and what each may do. */
export const roles: Record<Role, { about: string; scopes: readonly Scope[] }> = {
  VIEWER: { about: 'Reads with masked numbers', scopes: ['READ'] },
  ANALYST: { about: 'Reads with masked numbers, totals, exports with masked numbers', scopes: analyst },
  STEWARD: { about: 'What an analyst may; whole numbers where a purpose is given, edits', scopes: [...analyst, 'REVEAL', 'EDIT'] },
  OPERATOR: { about: 'What an analyst may; runs jobs and imports', scopes: [...analyst, 'JOBS', 'IMPORTS'] },
  ADMIN: { about: 'Everything. Sees whole numbers also where no purpose is given', scopes: allScopes },
};

export const allRoles = Object.keys(roles) as Role[];

/** The roles that hold a scope. */
export const rolesWith = (scope: Scope): Role[] => allRoles.filter((role) => roles[role].scopes.includes(scope));
