// Operations on API keys and the access log. All of them need ADMINISTER.
import { graphql, type ResultOf } from '../graphql';

const ApiKeyFields = graphql(`
  fragment ApiKeyFields on ApiKey @_unmask {
    id name role scopes status createdBy createdAt expiresAt revokedAt lastUsedAt
  }
`);

export const ApiKeysQuery = graphql(
  `
    query ApiKeys($first: Int!, $after: String) {
      apiKeys(first: $first, after: $after) {
        nodes { ...ApiKeyFields }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [ApiKeyFields],
);

export const CreateApiKey = graphql(`
  mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) { apiKey { id name } token userErrors { code message path } }
  }
`);

export const UpdateApiKey = graphql(`
  mutation UpdateApiKey($input: UpdateApiKeyInput!) {
    updateApiKey(input: $input) { apiKey { id status } userErrors { code message path } }
  }
`);

export const RevokeApiKey = graphql(`
  mutation RevokeApiKey($id: ID!) {
    revokeApiKey(input: { id: $id }) { apiKey { id status } userErrors { code message path } }
  }
`);

export const AccessLogQuery = graphql(`
  query AccessLog($filter: AccessLogFilter, $first: Int!, $after: String) {
    accessLog(filter: $filter, first: $first, after: $after) {
      nodes { id at actor role purpose operation fields revealed requestId }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export type ApiKey = ResultOf<typeof ApiKeyFields>;
export type ApiKeyStatus = ApiKey['status'];
export type AccessLogEntry = ResultOf<typeof AccessLogQuery>['accessLog']['nodes'][number];
