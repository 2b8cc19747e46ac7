import { readFileSync } from 'node:fs';
import { buildSchema, getVariableValues, parse, type OperationDefinitionNode } from 'graphql';
import { describe, expect, it } from 'vitest';
import { textOf, type Operation } from '../../shared/api';
import { secondsOf } from '../format';
import { blankSchedule, createOf, everyOf, formOf, isoOf, lacking, numbersText, updateOf, type ScheduleForm } from './scheduleForm';
import { CreateSchedule, UpdateSchedule, type Schedule } from './scheduleOperations';

const schema = buildSchema(readFileSync(new URL('../../../../schema.graphqls', import.meta.url), 'utf8'));

function complaints(operation: Operation<unknown, never>, input: unknown) {
  const definition = parse(textOf(operation)).definitions[0] as OperationDefinitionNode;
  return getVariableValues(schema, definition.variableDefinitions ?? [], { input }).errors;
}

const form: ScheduleForm = { ...blankSchedule, name: ' Nightly ', platforms: ['GOOGLE'] };

const schedule: Schedule = {
  id: 'sch_1',
  name: 'Nightly',
  status: 'ACTIVE',
  platforms: ['GOOGLE', 'APPLE'],
  every: 'P1D',
  budgetPerDay: 1_000,
  spentToday: 120,
  recheckAfter: 'P30D',
  priority: 'LOW',
  batchSize: 500,
  maxConcurrent: 40,
  retryAttempts: 3,
  nextRunAt: '2026-11-22T03:00:00Z',
  lastRunAt: null,
  lastSkipReason: null,
  createdBy: 'me',
  createdAt: '2026-11-21T10:00:00Z',
  updatedAt: '2026-11-21T10:00:00Z',
  filter: {
    regions: ['CO', 'MX'],
    lineTypes: ['MOBILE'],
    customerIds: null,
    sources: null,
    isVerified: null,
    isValid: true,
    numberPrefix: null,
    minScore: 40,
    tiers: null,
    platforms: null,
  },
};

describe('createOf', () => {
  it('leaves out what is not limited', () => {
    const input = createOf(form);
    expect(input).toEqual({
      name: 'Nightly',
      platforms: ['GOOGLE'],
      filter: { isValid: true },
      every: 'PT86400S',
      priority: 'LOW',
    });
    expect(complaints(CreateSchedule, input)).toBeUndefined();
  });

  it('names the numbers and the limits', () => {
    const input = createOf({
      ...form,
      regions: ['CO'],
      tiers: ['HIGH'],
      sources: ['web_forms'],
      prefix: ' +57300 ',
      budget: '1000',
      recheckAfter: 'P7D',
      priority: 'HIGH',
    });
    expect(input).toMatchObject({
      filter: { isValid: true, regions: ['CO'], tiers: ['HIGH'], sources: ['web_forms'], numberPrefix: '+57300' },
      budgetPerDay: 1000,
      recheckAfter: 'P7D',
      priority: 'HIGH',
    });
    expect(complaints(CreateSchedule, input)).toBeUndefined();
  });
});

describe('updateOf', () => {
  it('sends nothing that was left as it was', () => {
    expect(updateOf(formOf(schedule), schedule)).toEqual({ id: 'sch_1' });
  });

  it('sends what was changed, and takes limits away', () => {
    const input = updateOf({ ...formOf(schedule), budget: '', recheckAfter: '', every: '12', unit: 'hours', platforms: ['APPLE'] }, schedule);
    expect(input).toEqual({ id: 'sch_1', platforms: ['APPLE'], every: 'PT43200S', budgetPerDay: null, recheckAfter: null });
    expect(complaints(UpdateSchedule, input)).toBeUndefined();
  });

  it('keeps the conditions that the form does not show when others were changed', () => {
    const input = updateOf({ ...formOf(schedule), regions: ['CO'], prefix: '+57300' }, schedule);
    expect(input).toEqual({
      id: 'sch_1',
      filter: { isValid: true, regions: ['CO'], lineTypes: ['MOBILE'], minScore: 40, numberPrefix: '+57300' },
    });
    expect(complaints(UpdateSchedule, input)).toBeUndefined();
  });
});

describe('numbersText', () => {
  const none = Object.fromEntries(Object.keys(schedule.filter).map((key) => [key, null])) as unknown as Schedule['filter'];

  it('tells every condition', () => {
    expect(numbersText(schedule.filter)).toEqual(['in Colombia, Mexico', 'line type Mobile', 'with at least 40 points']);
    expect(
      numbersText({
        ...none,
        sources: ['web_forms'],
        tiers: ['HIGH'],
        numberPrefix: '+57300',
        platforms: ['WHATSAPP'],
        isVerified: false,
        customerIds: ['a', 'b'],
      }),
    ).toEqual(['tier High', 'from web_forms', 'beginning with +57300', 'active on WhatsApp', 'not verified', 'of 2 customers']);
  });

  it('is empty when there is none', () => {
    expect(numbersText(none)).toEqual([]);
  });
});

it.each([
  ['P1D', '1', 'days'],
  ['P1W', '7', 'days'],
  ['PT36H', '36', 'hours'],
  ['PT24H', '1', 'days'],
  ['PT90M', '90', 'minutes'],
  ['PT90S', '1.5', 'minutes'],
  ['nonsense', '1', 'days'],
] as const)('everyOf %s', (iso, every, unit) => {
  expect(everyOf(iso)).toEqual({ every, unit });
  const seconds = secondsOf(iso);
  if (seconds !== null) expect(secondsOf(isoOf({ every, unit }))).toBe(seconds);
});

describe('lacking', () => {
  it.each<[string | null, Partial<ScheduleForm>]>([
    [null, {}],
    ['name', { name: '  ' }],
    ['platform', { platforms: [] }],
    ['minute', { every: '0' }],
    ['minute', { every: '' }],
    ['minute', { every: 'x' }],
    ['minute', { every: '366', unit: 'days' }],
    [null, { every: '1', unit: 'minutes' }],
    [null, { every: '365', unit: 'days' }],
    ['budget', { budget: '0' }],
    ['budget', { budget: '1.5' }],
    ['budget', { budget: 'many' }],
    [null, { budget: '1000' }],
    ['digits', { prefix: 'CO' }],
    [null, { prefix: '57300' }],
  ])('%s: %j', (word, part) => {
    const found = lacking({ ...form, ...part });
    if (word === null) expect(found).toBeNull();
    else expect(found).toContain(word);
  });
});
