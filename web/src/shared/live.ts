// Keeps the WebSocket client that belongs to the current token and purpose, which a socket tells once, at its start.
import type { Client } from 'graphql-ws';
import type { SessionKeeper } from './session';
import { openSocket, socketState } from './socket';

export class Live {
  readonly #session: SessionKeeper;
  readonly #open: (session: SessionKeeper) => Client;
  #client: Client | null = null;
  #token: string | null = null;
  #purpose: string | null = null;

  constructor(session: SessionKeeper, open: (session: SessionKeeper) => Client = openSocket) {
    this.#session = session;
    this.#open = open;
    session.store.subscribe(() => {
      if (!this.#current()) this.#close();
    });
  }

  /** The client for the token and the purpose of now. */
  client(): Client {
    if (this.#client === null || !this.#current()) {
      this.#close();
      this.#token = this.#session.token;
      this.#purpose = this.#session.purpose;
      this.#client = this.#open(this.#session);
    }
    return this.#client;
  }

  #current(): boolean {
    return this.#token === this.#session.token && this.#purpose === this.#session.purpose;
  }

  #close(): void {
    void this.#client?.dispose();
    this.#client = null;
    this.#token = null;
    this.#purpose = null;
    socketState.set('idle');
  }
}
