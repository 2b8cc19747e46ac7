import { readFileSync } from 'node:fs';
import { buildSchema, getVariableValues, parse, type OperationDefinitionNode } from 'graphql';
import { describe, expect, it } from 'vitest';
import { textOf, type Operation } from '../../shared/api';
import { CreateWebhook, UpdateWebhook, type Delivery, type Webhook } from './webhookOperations';
import { answerText, blankWebhook, createOf, eventNames, formOf, isTried, lacking, testOutcome, updateOf } from './webhookState';

const schema = buildSchema(readFileSync(new URL('../../../../schema.graphqls', import.meta.url), 'utf8'));

function complaints(operation: Operation<unknown, never>, input: unknown) {
  const definition = parse(textOf(operation)).definitions[0] as OperationDefinitionNode;
  return getVariableValues(schema, definition.variableDefinitions ?? [], { input }).errors;
}

const webhook: Webhook = {
  id: 'whk_1',
  url: 'https://example.com/hook',
  events: ['JOB_FINISHED'],
  status: 'ACTIVE',
  description: null,
  pending: 0,
  dead: 0,
  lastDeliveredAt: null,
  createdBy: 'me',
  createdAt: '2026-11-21T10:00:00Z',
};

const delivery: Delivery = {
  id: 'dlv_1',
  event: 'webhook.test',
  eventId: 'evt_1',
  status: 'PENDING',
  attempts: 0,
  responseStatus: null,
  error: null,
  durationMs: null,
  createdAt: '2026-11-21T10:00:00Z',
  nextAttemptAt: null,
  deliveredAt: null,
};

describe('the form', () => {
  it('makes what the API takes', () => {
    const form = { ...blankWebhook, url: ' https://example.com/hook ', description: ' CRM ' };
    expect(createOf(form)).toEqual({ url: 'https://example.com/hook', events: ['JOB_FINISHED'], description: 'CRM' });
    expect(complaints(CreateWebhook, createOf(form))).toBeUndefined();
    expect(createOf({ ...form, description: ' ' })).not.toHaveProperty('description');
  });

  it('sends only what was changed', () => {
    expect(updateOf(formOf(webhook), webhook)).toEqual({ id: 'whk_1' });
    const input = updateOf({ url: 'https://example.com/other', events: ['IMPORT_FINISHED'], description: 'CRM' }, webhook);
    expect(input).toEqual({ id: 'whk_1', url: 'https://example.com/other', events: ['IMPORT_FINISHED'], description: 'CRM' });
    expect(complaints(UpdateWebhook, input)).toBeUndefined();
  });

  it.each([
    [null, { url: 'https://example.com/hook' }],
    ['address to call', { url: ' ' }],
    ['no address', { url: 'example.com' }],
    ['one event', { url: 'https://example.com', events: [] }],
  ] as const)('lacks %s: %j', (words, part) => {
    const found = lacking({ ...blankWebhook, ...part });
    if (words === null) expect(found).toBeNull();
    else expect(found).toContain(words);
  });

  it('names every event of the schema', () => {
    const type = schema.getType('WebhookEventType');
    const names = type && 'getValues' in type ? type.getValues().map((value) => value.name) : [];
    expect(Object.keys(eventNames).sort()).toEqual([...names].sort());
  });
});

describe('a delivery', () => {
  it.each<[Partial<Delivery>, string, string, string]>([
    [{}, '–', 'info', 'on its way'],
    [{ status: 'DELIVERED', attempts: 1, responseStatus: 200, durationMs: 35 }, '200 in 35 ms', 'ok', 'took it: 200 in 35 ms'],
    [{ attempts: 1, responseStatus: 500, durationMs: 12, error: 'it failed' }, '500 in 12 ms: it failed', 'danger', 'tried again'],
    [{ status: 'DEAD', attempts: 8, error: 'connection refused' }, 'no answer: connection refused', 'danger', 'did not take it'],
  ])('%j', (part, answer, tone, words) => {
    const one = { ...delivery, ...part };
    expect(answerText(one)).toBe(answer);
    expect(isTried(one)).toBe(answer !== '–');
    const outcome = testOutcome(one);
    expect(outcome.tone).toBe(tone);
    expect(outcome.text).toContain(words);
  });
});
