// graphql-transport-ws, by the client of graphql-ws and by sockets without one.
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
import { Section } from './support.js';
import { byClient } from './websocket-client.js';
import { byHand } from './websocket-raw.js';

export function websocketSection(server) {
  const s = new Section(
    'graphql-transport-ws',
    'By the client of graphql-ws, and by sockets that send what a client never would.',
  );
  byClient(s, server);
  byHand(s, server);
  return s;
}
