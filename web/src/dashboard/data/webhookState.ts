// What a webhook and its deliveries are: no more than functions of what the server said.
import { count } from '../format';
import type { VariablesOf } from '../graphql';
import type { CreateWebhook, Delivery, UpdateWebhook, Webhook, WebhookEvent } from './webhookOperations';

export type CreateInput = VariablesOf<typeof CreateWebhook>['input'];
export type UpdateInput = VariablesOf<typeof UpdateWebhook>['input'];

export const eventNames: Record<WebhookEvent, { name: string; about: string }> = {
  JOB_FINISHED: { name: 'Job finished', about: 'A validation job reached its final state' },
  LEAD_TIER_CHANGED: { name: 'Lead tier changed', about: 'Lead scores moved to another tier' },
  IMPORT_FINISHED: { name: 'Import finished', about: 'An import reached its final state' },
};

export interface WebhookForm {
  url: string;
  events: readonly WebhookEvent[];
  description: string;
}

export const blankWebhook: WebhookForm = { url: '', events: ['JOB_FINISHED'], description: '' };

export const formOf = ({ url, events, description }: Webhook): WebhookForm => ({ url, events, description: description ?? '' });

/** What is missing; null when nothing is. */
export function lacking(form: WebhookForm): string | null {
  if (form.url.trim() === '') return 'Give the address to call.';
  if (!URL.canParse(form.url.trim())) return 'That is no address: it begins with https:// and a host.';
  if (form.events.length === 0) return 'Choose at least one event.';
  return null;
}

export function createOf(form: WebhookForm): CreateInput {
  const description = form.description.trim();
  return { url: form.url.trim(), events: [...form.events], ...(description === '' ? {} : { description }) };
}

/** Only what was changed. */
export function updateOf(form: WebhookForm, was: Webhook): UpdateInput {
  const before = formOf(was);
  return {
    id: was.id,
    ...(form.url.trim() === before.url ? {} : { url: form.url.trim() }),
    ...(JSON.stringify(form.events) === JSON.stringify(before.events) ? {} : { events: [...form.events] }),
    ...(form.description.trim() === before.description ? {} : { description: form.description.trim() }),
  };
}

/** Whether anything came of a delivery yet. */
export const isTried = ({ status, attempts }: Pick<Delivery, 'status' | 'attempts'>) => status !== 'PENDING' || attempts > 0;

/** The last answer in a few words: `200 in 35 ms`, `500: …`, `no answer: …`; `–` before the first attempt. */
export function answerText({ responseStatus, error, durationMs, attempts }: Pick<Delivery, 'responseStatus' | 'error' | 'durationMs' | 'attempts'>): string {
  if (attempts === 0) return '–';
  const took = durationMs === null ? '' : ` in ${count(durationMs)} ms`;
  const status = responseStatus === null ? 'no answer' : String(responseStatus);
  return `${status}${took}${error === null ? '' : `: ${error}`}`;
}

/** What came of a test, and how it should look. */
export function testOutcome(delivery: Delivery): { tone: 'info' | 'ok' | 'danger'; text: string } {
  if (!isTried(delivery)) return { tone: 'info', text: 'The test message is on its way…' };
  if (delivery.status === 'DELIVERED') return { tone: 'ok', text: `The receiver took it: ${answerText(delivery)}.` };
  const more = delivery.status === 'PENDING' ? ' It is tried again by itself.' : '';
  return { tone: 'danger', text: `The receiver did not take it: ${answerText(delivery)}.${more}` };
}
