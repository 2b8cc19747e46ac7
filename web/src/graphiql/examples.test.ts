import { readFileSync } from 'node:fs';
import { buildSchema, getVariableValues, Kind, parse, validate, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { neededScopes } from '../shared/neededScopes';
import { examples, firstTabs, runnable, variablesText } from './examples';
import { NEWEST_IMPORT, NEWEST_JOB, NEWEST_WEBHOOK } from './lookups';

function load(): GraphQLSchema {
  return buildSchema(readFileSync(new URL('../../../schema.graphqls', import.meta.url), 'utf8'));
}

const schema = load();

describe.each(examples)('example $id', ({ query, variables, needs }) => {
  const document = parse(query);
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);

  it('fits the schema', () => {
    expect(validate(schema, document)).toEqual([]);
  });

  it('brings the variables it needs', () => {
    const { errors } = getVariableValues(schema, operation?.variableDefinitions ?? [], variables ?? {});
    expect(errors).toBeUndefined();
    const declared = operation?.variableDefinitions?.map((definition) => definition.variable.name.value) ?? [];
    for (const name of Object.keys(variables ?? {})) expect(declared).toContain(name);
  });

  it('says which scopes it needs', () => {
    expect(neededScopes(schema, document).filter((scope) => scope !== 'READ')).toEqual(needs ?? []);
  });

  it('has a name, which becomes the title of its tab', () => {
    expect(operation?.name?.value).toBeTruthy();
  });
});

describe('the examples', () => {
  it('show a query, a mutation and a subscription', () => {
    const kinds = new Set(examples.map(({ query }) => /^(query|mutation|subscription) /m.exec(query)?.[1]));
    expect([...kinds].sort()).toEqual(['mutation', 'query', 'subscription']);
  });

  it('show every part of the job engine', () => {
    const all = examples.map(({ query }) => query).join('\n');
    for (const field of ['clientKey', 'validationSchedules', 'createValidationSchedule', 'workers', 'recordEvidence', 'webhooks', 'testWebhook']) {
      expect(all).toContain(field);
    }
  });

  it('have ids of their own', () => {
    expect(new Set(examples.map(({ id }) => id)).size).toBe(examples.length);
  });

  it('hold the first tabs, of which the very first has no variables', () => {
    const found = firstTabs.map((id) => examples.find((example) => example.id === id));
    expect(found).not.toContain(undefined);
    expect(found[0]?.variables).toBeUndefined();
    for (const one of found) expect(one?.needs).toBeUndefined();
  });

  it('are offered to those who may run them', () => {
    const ids = (scopes: string[]) => runnable(scopes).map(({ id }) => id);
    expect(ids([])).toEqual(examples.filter(({ needs }) => !needs).map(({ id }) => id));
    expect(ids(['READ', 'JOBS'])).toContain('start-job');
    expect(ids(['READ', 'JOBS'])).not.toContain('add-phone');
  });

  it.each([NEWEST_JOB, NEWEST_IMPORT, NEWEST_WEBHOOK])('look up by a valid query: %s', (query) => {
    expect(validate(schema, parse(query))).toEqual([]);
  });
});

describe('prepare', () => {
  const watch = examples.find(({ id }) => id === 'job-progress');

  it('fills in the newest job', async () => {
    const found = await watch?.prepare?.(() => Promise.resolve({ validationJobs: { nodes: [{ id: 'job_1' }] } }));
    expect(found).toEqual({ id: 'job_1' });
  });

  it.each([{ validationJobs: { nodes: [] } }, {}, null])('finds nothing in %j', async (data) => {
    expect(await watch?.prepare?.(() => Promise.resolve(data))).toBeNull();
  });
});

describe('variablesText', () => {
  it('writes JSON, or nothing', () => {
    expect(variablesText({ a: 1 })).toBe('{\n  "a": 1\n}');
    expect(variablesText(undefined)).toBe('');
  });
});
