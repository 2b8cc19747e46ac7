// Keeps the WebSocket client that belongs to the current token.
import type { Client } from 'graphql-ws';
import type { SessionKeeper } from './session';
import { openSocket, socketState } from './socket';

export class Live {
  readonly #session: SessionKeeper;
  readonly #open: (session: SessionKeeper) => Client;
  #client: Client | null = null;
  #token: string | null = null;

  constructor(session: SessionKeeper, open: (session: SessionKeeper) => Client = openSocket) {
    this.#session = session;
    this.#open = open;
    session.store.subscribe(() => {
      if (session.token !== this.#token) this.#close();
    });
  }

  /** The client for the token of now. */
  client(): Client {
    if (this.#client === null || this.#token !== this.#session.token) {
      this.#close();
      this.#token = this.#session.token;
      this.#client = this.#open(this.#session);
    }
    return this.#client;
  }

  #close(): void {
    void this.#client?.dispose();
    this.#client = null;
    this.#token = null;
    socketState.set('idle');
  }
}
