import { cache } from './hooks';
import { DeliveriesQuery, WebhookQuery, WebhooksQuery } from './webhookOperations';

/** Fetches anew what an action on a webhook has changed. */
export function webhooksChanged(): void {
  cache.invalidate(WebhooksQuery, WebhookQuery, DeliveriesQuery);
}
