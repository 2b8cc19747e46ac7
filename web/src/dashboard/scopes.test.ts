import { readFileSync } from 'node:fs';
import { buildSchema, GraphQLEnumType, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { nameOf, textOf, type Operation } from '../shared/api';
import { neededScopes } from '../shared/neededScopes';
import { leadsToGraphiQL } from './components/useGraphiQL';
import { codesOf } from './components/RegionCodes';
import { allRoles, allScopes, roles, rolesWith, scopes } from './roles';

const schema = buildSchema(readFileSync(new URL('../../../schema.graphqls', import.meta.url), 'utf8'));
const modules = import.meta.glob<Record<string, unknown>>('./data/*perations.ts', { eager: true });

function operations(): Operation<unknown, never>[] {
  const isOperation = (value: unknown): value is Operation<unknown, never> =>
    typeof value === 'object' && value !== null && 'definitions' in value &&
    (value.definitions as { kind: string }[]).some(({ kind }) => kind === 'OperationDefinition');
  return Object.values(modules).flatMap((m) => Object.values(m)).filter(isOperation);
}

function valuesOf(name: string): Map<string, string> {
  const type = schema.getType(name);
  if (!(type instanceof GraphQLEnumType)) throw new Error(`${name} is no enum`);
  return new Map(type.getValues().map((value) => [value.name, value.description ?? '']));
}

describe('roles and scopes', () => {
  it('are those of the schema, in its words', () => {
    expect([...valuesOf('Scope')]).toEqual(Object.entries(scopes));
    expect([...valuesOf('Role').keys()]).toEqual(allRoles);
    for (const [role, about] of valuesOf('Role')) expect(about).toContain(roles[role as keyof typeof roles].about);
  });

  it('belong together as the schema says', () => {
    for (const [name, about] of valuesOf('Role')) {
      const named = about.match(/\b[A-Z]{4,}\b/g) ?? [];
      const held = name === 'ADMIN' ? allScopes : about.startsWith('What an analyst may') ? [...roles.ANALYST.scopes, ...named] : named;
      expect(roles[name as keyof typeof roles].scopes).toEqual(held);
    }
  });

  it('know who holds a scope', () => {
    expect(rolesWith('REVEAL')).toEqual(['STEWARD', 'ADMIN']);
  });
});

// An operation is refused as a whole when one of its fields is. What needs more than READ is asked only by pages and
// cards that look at the caller's scopes first; a change here is a change there.
it('finds what each operation needs beside READ', () => {
  const needs: Record<string, string[]> = {};
  for (const operation of operations()) {
    const beside = neededScopes(schema, parse(textOf(operation))).filter((scope) => scope !== 'READ');
    if (beside.length > 0) needs[nameOf(operation)] = beside;
  }
  const jobs = ['StartJob', 'PauseJob', 'ResumeJob', 'CancelJob', 'RetryJob', 'Workers',
    'CreateSchedule', 'UpdateSchedule', 'PauseSchedule', 'ResumeSchedule', 'RunSchedule', 'DeleteSchedule'];
  const administer = ['Webhooks', 'Webhook', 'Deliveries', 'Delivery', 'CreateWebhook', 'UpdateWebhook', 'RotateWebhook',
    'DeleteWebhook', 'TestWebhook', 'RetryDelivery', 'ApiKeys', 'CreateApiKey', 'UpdateApiKey', 'RevokeApiKey', 'AccessLog'];
  expect(needs).toEqual({
    Stats: ['AGGREGATE'],
    ...Object.fromEntries(jobs.map((name) => [name, ['JOBS']])),
    ...Object.fromEntries(administer.map((name) => [name, ['ADMINISTER']])),
  });
});

describe('leadsToGraphiQL', () => {
  it.each([
    ['</graphiql>; rel="service-doc"', true],
    ['</style.css>; rel=preload, </graphiql>; rel=service-doc', true],
    ['</graphiql>; rel=preload', false],
    ['</docs>; rel="service-doc"', false],
    ['', false],
    [null, false],
  ])('%j', (link, leads) => {
    expect(leadsToGraphiQL(link)).toBe(leads);
  });
});

describe('codesOf', () => {
  it.each([
    ['CO, mx;co', ['CO', 'MX']],
    ['Colombia C', []],
    ['', []],
  ])('%j', (text, codes) => {
    expect(codesOf(text)).toEqual(codes);
  });
});
