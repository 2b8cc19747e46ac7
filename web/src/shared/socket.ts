// Subscriptions: one WebSocket for a page, opened with the first of them and closed a while after
// the last. It comes back by itself, and every subscription goes on with a fresh snapshot.
import { createClient, type Client } from 'graphql-ws';
import { backoff } from './backoff';
import type { SessionKeeper } from './session';
import { createStore } from './store';

export type SocketState = 'idle' | 'connecting' | 'open' | 'waiting';

/** Where the WebSocket of this page stands. */
export const socketState = createStore<SocketState>('idle');

const KEEP_ALIVE_MS = 20_000;
const PONG_WITHIN_MS = 8_000;

// Close codes by which a server says that the token is not good (graphql-transport-ws).
const REFUSED = new Set([4401, 4403]);

function codeOf(event: unknown): number | null {
  return typeof event === 'object' && event !== null && 'code' in event ? Number(event.code) : null;
}

/** Whether the connection ended because the token is not good. */
export function isRefusal(event: unknown): boolean {
  return REFUSED.has(codeOf(event) ?? 0);
}

/** Whether this is the end of a connection, which is worth another attempt. */
export function isDisconnect(event: unknown): boolean {
  if (event instanceof Error) return false;
  return typeof event === 'object' && event !== null && ('code' in event || 'type' in event) && !isRefusal(event);
}

export function socketAddress(location: Pick<Location, 'protocol' | 'host'>): string {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/graphql`;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A client for the token and the purpose that the session holds now. */
export function openSocket(session: SessionKeeper): Client {
  const token = session.token ?? '';
  const { purpose } = session;
  let failures = 0; // connections that ended since one was last acknowledged
  let active = 0; // subscriptions that want the connection back when it ends
  let pong: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    // Every attempt is paced here: the client's own waiting leaves out connections that the
    // server closes in good order.
    url: async () => {
      if (failures > 0) await sleep(backoff(failures - 1));
      return socketAddress(window.location);
    },
    retryWait: () => Promise.resolve(),
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: isDisconnect,
    connectionParams: { Authorization: `Bearer ${token}`, ...(purpose === null ? {} : { purpose }) },
    connectionAckWaitTimeout: 10_000,
    lazyCloseTimeout: 5_000,
    keepAlive: KEEP_ALIVE_MS,
    on: {
      connecting: () => socketState.set(failures > 0 ? 'waiting' : 'connecting'),
      connected: () => {
        failures = 0;
        socketState.set('open');
      },
      // A connection that no longer answers is given up: the browser would notice minutes later.
      ping: (received) => {
        if (!received) pong = setTimeout(() => client.terminate(), PONG_WITHIN_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pong);
      },
      closed: (event) => {
        clearTimeout(pong);
        failures++;
        if (isRefusal(event)) session.refused(token);
        // Without a subscription nobody tries again: a connection that ends then has not been lost.
        socketState.set(isRefusal(event) || active === 0 ? 'idle' : 'waiting');
      },
    },
  });
  return {
    ...client,
    subscribe: (payload, sink) => {
      let counted = true;
      active++;
      const ended = () => {
        if (counted) active--;
        counted = false;
      };
      const stop = client.subscribe(payload, {
        next: (value) => sink.next(value as never),
        error: (error) => {
          ended();
          sink.error(error);
        },
        complete: () => {
          ended();
          sink.complete();
        },
      });
      return () => {
        ended();
        stop();
      };
    },
  };
}
