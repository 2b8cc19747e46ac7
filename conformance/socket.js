// A socket without a client: it sends anything, and waits for what comes.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { soon } from './support.js';

export class Socket {
  #ws;
  #messages = [];
  #waiting = [];
  #closed;

  constructor(ws) {
    this.#ws = ws;
    this.#closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    ws.on('error', () => {}); // the code of the close tells
    ws.on('message', (text) => this.#take(JSON.parse(text)));
  }

  // open opens a socket, and sends nothing.
  static async open(server, protocols = ['graphql-transport-ws'], options = {}) {
    const ws = new WebSocket(server.socketURL, protocols, options);
    const socket = new Socket(ws);
    await soon(
      new Promise((resolve, reject) => {
        ws.once('open', resolve);
        ws.once('error', reject);
      }),
      'the socket does not open',
    );
    return socket;
  }

  // ready opens a socket on which operations can be run.
  static async ready(server) {
    const socket = await Socket.open(server);
    socket.send({ type: 'connection_init', payload: { Authorization: server.authorization } });
    assert.deepEqual(await socket.next(), { type: 'connection_ack' });
    return socket;
  }

  #take(message) {
    const at = this.#waiting.findIndex(({ wants }) => wants(message));
    if (at < 0) this.#messages.push(message);
    else this.#waiting.splice(at, 1)[0].resolve(message);
  }

  #first(wants) {
    const at = this.#messages.findIndex(wants);
    if (at >= 0) return Promise.resolve(this.#messages.splice(at, 1)[0]);
    const message = new Promise((resolve) => this.#waiting.push({ wants, resolve }));
    const closed = this.#closed.then(({ code }) => assert.fail(`closed with ${code}`));
    return soon(Promise.race([message, closed]), 'no message');
  }

  get protocol() {
    return this.#ws.protocol;
  }

  // next is the next message that is no ping of the server.
  next() {
    return this.#first(({ type }) => type !== 'ping');
  }

  // pinged is the next ping of the server.
  pinged() {
    return this.#first(({ type }) => type === 'ping');
  }

  // send sends a text or bytes as they are, and everything else as JSON.
  send(message) {
    const asIs = typeof message === 'string' || Buffer.isBuffer(message);
    this.#ws.send(asIs ? message : JSON.stringify(message), () => {}); // a socket that was closed says so by its code
  }

  // sendAsText sends bytes as a text, which they may not be.
  sendAsText(bytes) {
    this.#ws.send(bytes, { binary: false }, () => {});
  }

  subscribe(id, query, variables) {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  // closesWith waits for the end, which the server has to bring about.
  async closesWith(code, reason) {
    const closed = await soon(this.#closed, 'not closed');
    assert.equal(closed.code, code, `closed with ${closed.code} ${closed.reason}`);
    if (reason !== undefined) assert.equal(closed.reason, reason);
  }

  pause() {
    this.#ws.pause();
  }

  end() {
    this.#ws.terminate();
  }
}

// refusal returns the status with which a handshake is refused.
export function refusal(server, options) {
  const ws = new WebSocket(server.socketURL, ['graphql-transport-ws'], options);
  return soon(
    new Promise((resolve, reject) => {
      ws.on('error', () => {});
      ws.on('unexpected-response', (_, response) => {
        response.resume();
        resolve(response.statusCode);
        ws.terminate();
      });
      ws.on('open', () => reject(new Error('it was accepted')));
    }),
    'no answer',
  );
}
