// Apollo Client, connected as docs/api/clients.md shows it.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';

// Queries and mutations go by POST and are named by their hash, subscriptions go over one WebSocket. In Node.js before
// 22 WebSocket is that of the package ws.
export function connect({ url, token, purpose, WebSocket, fetch }) {
  const headers = { Authorization: `Bearer ${token}`, ...(purpose && { 'X-Purpose': purpose }) };
  const sockets = createClient({
    url: url.replace(/^http/, 'ws'),
    connectionParams: { Authorization: `Bearer ${token}`, purpose },
    webSocketImpl: WebSocket,
  });
  const client = new ApolloClient({
    cache: new InMemoryCache({
      typePolicies: { Query: { fields: { phones: relayStylePagination(['filter', 'orderBy']) } } },
    }),
    link: ApolloLink.split(
      ({ operationType }) => operationType === 'subscription',
      new GraphQLWsLink(sockets),
      ApolloLink.from([new PersistedQueryLink({ sha256 }), new HttpLink({ uri: url, headers, fetch })]),
    ),
  });
  return { client, sockets };
}

async function sha256(text) {
  const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
// end of connect

// Pages of a connection grow together in the cache: fetchMore asks for what is behind the last cursor.
export const phones = gql`
  query Phones($filter: PhoneFilter, $first: Int, $after: String) {
    phones(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          id
          number
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`;

export function nextPage(watched, { endCursor }) {
  return watched.fetchMore({ variables: { after: endCursor } });
}
// end of pages
