// Relay, connected as docs/api/clients.md shows it.
import { createClient } from 'graphql-ws';
import { Environment, Network, Observable, RecordSource, Store } from 'relay-runtime';

// Queries and mutations go by POST, subscriptions over one WebSocket. In Node.js before 22 WebSocket is that of the
// package ws.
export function connect({ url, token, purpose, WebSocket }) {
  const sockets = createClient({
    url: url.replace(/^http/, 'ws'),
    connectionParams: { Authorization: `Bearer ${token}`, purpose },
    webSocketImpl: WebSocket,
  });
  const ask = async ({ id, text }, variables) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        Accept: 'application/graphql-response+json',
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        ...(purpose && { 'X-Purpose': purpose }),
      },
      body: JSON.stringify(id ? { doc_id: id, variables } : { query: text, variables }), // an id: it was persisted
    });
    return response.json();
  };
  const subscribe = ({ text }, variables) =>
    Observable.create((sink) => sockets.subscribe({ query: text, variables }, sink));
  const environment = new Environment({ network: Network.create(ask, subscribe), store: new Store(new RecordSource()) });
  return { environment, sockets };
}
// end of connect
