// urql, connected as docs/api/clients.md shows it.
import { cacheExchange, createClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createClient as createSockets } from 'graphql-ws';

// Queries and mutations go by POST and are named by their hash, subscriptions go over one WebSocket. In Node.js before
// 22 WebSocket is that of the package ws.
export function connect({ url, token, purpose, WebSocket, fetch }) {
  const sockets = createSockets({
    url: url.replace(/^http/, 'ws'),
    connectionParams: { Authorization: `Bearer ${token}`, purpose },
    webSocketImpl: WebSocket,
  });
  const client = createClient({
    url,
    fetch,
    fetchOptions: { headers: { Authorization: `Bearer ${token}`, ...(purpose && { 'X-Purpose': purpose }) } },
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      persistedExchange({ preferGetForPersistedQueries: false, enableForMutation: true }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });
  return { client, sockets };
}
// end of connect

// Without a WebSocket: each subscription is an event stream.
export function connectByEvents({ url, token }) {
  return createClient({
    url,
    fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
    fetchSubscriptions: true,
    preferGetMethod: false,
    exchanges: [fetchExchange],
  });
}
// end of events
