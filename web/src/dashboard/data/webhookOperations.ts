// Operations on webhooks and their deliveries. All of them are for ADMIN only.
import { graphql, type ResultOf } from '../graphql';

const WebhookFields = graphql(`
  fragment WebhookFields on Webhook @_unmask {
    id url events status description pending dead lastDeliveredAt createdBy createdAt
  }
`);

const DeliveryFields = graphql(`
  fragment DeliveryFields on WebhookDelivery @_unmask {
    id event eventId status attempts responseStatus error durationMs createdAt nextAttemptAt deliveredAt
  }
`);

export const WebhooksQuery = graphql(
  `
    query Webhooks($first: Int!, $after: String) {
      webhooks(first: $first, after: $after) {
        nodes { ...WebhookFields }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [WebhookFields],
);

export const WebhookQuery = graphql(
  `query Webhook($id: ID!) { webhook(id: $id) { ...WebhookFields } }`,
  [WebhookFields],
);

export const DeliveriesQuery = graphql(
  `
    query Deliveries($id: ID!, $status: WebhookDeliveryStatus, $first: Int!, $after: String) {
      webhook(id: $id) {
        deliveries(status: $status, first: $first, after: $after) {
          nodes { ...DeliveryFields }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  `,
  [DeliveryFields],
);

export const DeliveryQuery = graphql(
  `
    query Delivery($id: ID!) {
      node(id: $id) { __typename ...DeliveryFields }
    }
  `,
  [DeliveryFields],
);

export const CreateWebhook = graphql(`
  mutation CreateWebhook($input: CreateWebhookInput!) {
    createWebhook(input: $input) { webhook { id url } secret userErrors { code message path } }
  }
`);

export const UpdateWebhook = graphql(`
  mutation UpdateWebhook($input: UpdateWebhookInput!) {
    updateWebhook(input: $input) { webhook { id status } userErrors { code message path } }
  }
`);

export const RotateWebhook = graphql(`
  mutation RotateWebhook($id: ID!) {
    rotateWebhookSecret(input: { id: $id }) { webhook { id } secret userErrors { code message path } }
  }
`);

export const DeleteWebhook = graphql(`
  mutation DeleteWebhook($id: ID!) {
    deleteWebhook(input: { id: $id }) { deletedId userErrors { code message path } }
  }
`);

export const TestWebhook = graphql(
  `
    mutation TestWebhook($id: ID!) {
      testWebhook(input: { id: $id }) { delivery { ...DeliveryFields } userErrors { code message path } }
    }
  `,
  [DeliveryFields],
);

export const RetryDelivery = graphql(`
  mutation RetryDelivery($id: ID!) {
    retryWebhookDelivery(input: { id: $id }) { delivery { id status } userErrors { code message path } }
  }
`);

export type Webhook = ResultOf<typeof WebhookFields>;
export type WebhookEvent = Webhook['events'][number];
export type Delivery = ResultOf<typeof DeliveryFields>;
export type DeliveryStatus = Delivery['status'];
