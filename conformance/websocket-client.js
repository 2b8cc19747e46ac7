// What the client of graphql-ws finds.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { addPhone, ended, phoneInput, progress, soon, viewer } from './support.js';

export function byClient(s, server) {
  const client = (options = {}) =>
    createClient({
      url: server.socketURL,
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: server.authorization },
      retryAttempts: 0,
      ...options,
    });
  const all = async (operation) => {
    const results = [];
    for await (const result of client().iterate(operation)) results.push(result);
    return results;
  };
  s.must('client: a query', async () => {
    const results = await all({ query: viewer });
    assert.equal(results.length, 1);
    assert.equal(typeof results[0].data.viewer.role, 'string');
  });
  s.must('client: a mutation', async () => {
    const [{ data }] = await all({ query: addPhone, variables: phoneInput });
    assert.deepEqual(data.addPhone.userErrors, []);
  });
  s.must('client: a subscription, until the server completes it', async () => {
    const id = await server.startJob('ws: until the end');
    const seen = [];
    for await (const { data } of client().iterate({ query: progress, variables: { id } })) {
      if (seen.length === 0) await server.cancelJob(id);
      seen.push(data.validationJobProgress.status);
    }
    assert.ok(seen.length >= 2);
    assert.equal(seen.at(-1), ended);
  });
  s.must('client: a subscription that the client completes, and another on the same socket', async () => {
    const id = await server.startJob('ws: given up');
    const one = client({ lazy: false });
    for await (const { data } of one.iterate({ query: progress, variables: { id } })) {
      assert.ok(data);
      break;
    }
    for await (const { data } of one.iterate({ query: viewer })) assert.ok(data.viewer);
    await one.dispose();
    await server.cancelJob(id);
  });
  s.must('client: fifty subscriptions on one socket', async () => {
    const id = await server.startJob('ws: fifty');
    const one = client();
    let open = 0;
    const ends = await Promise.all(
      Array.from({ length: 50 }, async () => {
        let last;
        for await (const { data } of one.iterate({ query: progress, variables: { id } })) {
          if (last === undefined && ++open === 50) await server.cancelJob(id);
          last = data.validationJobProgress.status;
        }
        return last;
      }),
    );
    assert.deepEqual(new Set(ends), new Set([ended]));
  });
  s.must('client: a document that is not valid is an `error`', async () => {
    const errors = await all({ query: '{ thereIsNoSuchField }' }).then(
      () => assert.fail('it was run'),
      (cause) => cause,
    );
    assert.ok(Array.isArray(errors) && errors.length > 0 && typeof errors[0].message === 'string');
  });
  s.must('client: its keep-alive gets a pong', async () => {
    const pong = resolvers();
    const one = client({
      lazy: false,
      keepAlive: 50,
      on: { pong: (received) => received && pong.resolve() },
    });
    await soon(pong.promise, 'no pong');
    await one.dispose();
  });
  s.must('client: a wrong token closes with 4403', async () => {
    const closed = resolvers();
    client({ lazy: false, connectionParams: { Authorization: 'Bearer x' }, onNonLazyError: closed.resolve });
    assert.equal((await soon(closed.promise, 'not closed')).code, 4403);
  });
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
