// graphql-sse in distinct connections mode, by its own client and as a browser's EventSource would read it.
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
import assert from 'node:assert/strict';
import { EventSource } from 'eventsource';
import { createClient } from 'graphql-sse';
import { open, watch } from './clients/events.js';
import { Section, addPhone, ended, mediaJSON, mediaStream, phoneInput, progress, scores, soon, viewer } from './support.js';

export function sseSection(server) {
  const s = new Section(
    'graphql-sse, distinct connections',
    'Server-sent events, by the client of graphql-sse, by EventSource as browsers have it, and read byte by byte.',
  );
  byClient(s, server);
  byEventSource(s, server);
  byHand(s, server);
  return s;
}

function byClient(s, server) {
  const client = () => createClient({ url: server.url, headers: { Authorization: server.authorization }, retryAttempts: 0 });
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
  s.must('client: a document that is not valid comes as a result with errors, then the end', async () => {
    const results = await all({ query: '{ thereIsNoSuchField }' });
    assert.equal(results.length, 1);
    assert.ok(results[0].errors.length > 0);
  });
  s.must('client: a subscription, until the server completes it', async () => {
    const id = await server.startJob('sse: until the end');
    const seen = [];
    for await (const { data } of client().iterate({ query: progress, variables: { id } })) {
      if (seen.length === 0) await server.cancelJob(id);
      seen.push(data.validationJobProgress.status);
    }
    assert.ok(seen.length >= 2);
    assert.equal(seen.at(-1), ended);
  });
  s.must('client: a subscription that the client gives up', async () => {
    const id = await server.startJob('sse: given up');
    let results = 0;
    for await (const { data } of client().iterate({ query: progress, variables: { id } })) {
      assert.ok(data);
      results += 1;
      break;
    }
    assert.equal(results, 1);
    await server.cancelJob(id);
  });
  s.must('client: a wrong token is refused by the status', async () => {
    const refused = createClient({ url: server.url, headers: { Authorization: 'Bearer x' }, retryAttempts: 0 });
    await assert.rejects(refused.iterate({ query: scores }).next(), /401/);
  });
}

function byEventSource(s, server) {
  const { url, token } = server;
  s.must('EventSource: a subscription, until the server completes it', async () => {
    const id = await server.startJob('EventSource: until the end');
    const source = await open({ url, token, query: progress, variables: { id }, EventSource });
    const seen = [];
    await soon(
      new Promise((end, reject) => {
        source.addEventListener('error', reject);
        const next = ({ data }) => {
          if (seen.push(data.validationJobProgress.status) === 1) server.cancelJob(id).catch(reject);
        };
        watch(source, { next, end });
      }),
      'no end',
    );
    assert.ok(seen.length >= 2);
    assert.equal(seen.at(-1), ended);
    assert.equal(source.readyState, EventSource.CLOSED);
  });
  s.must('EventSource: a ticket opens one stream', async () => {
    const first = await open({ url, token, query: viewer, EventSource });
    await soon(
      new Promise((end, reject) => {
        first.addEventListener('error', reject);
        watch(first, { next: () => {}, end });
      }),
      'no end',
    );
    assert.equal(await refused(first.url), 401);
  });
  s.must('EventSource: nothing without a ticket', async () => {
    assert.equal(await refused(`${url}?${new URLSearchParams({ query: viewer })}`), 401);
  });
}

// refused returns the status with which an EventSource is refused; it has to give up then.
async function refused(address) {
  const source = new EventSource(address);
  const { code } = await soon(
    new Promise((resolve, reject) => {
      source.addEventListener('error', resolve);
      source.addEventListener('next', () => reject(new Error('it was let in')));
    }),
    'not refused',
  );
  assert.equal(source.readyState, EventSource.CLOSED);
  return code;
}

function byHand(s, server) {
  const accept = mediaStream;
  s.must('200 as text/event-stream, kept by nobody', async () => {
    const answer = (await server.get({ query: viewer }, { accept })).is(200, mediaStream);
    assert.match(answer.headers['cache-control'], /no-(cache|store)/);
  });
  s.must('events `next` and `complete`, each with a line of data', async () => {
    const { text } = await server.get({ query: viewer }, { accept });
    assert.match(text, /^(:.*\n\n)*event: next\ndata: \{"data":.*\}\n\nevent: complete\ndata:.*\n\n$/);
  });
  s.must('by POST as by GET', async () => {
    const answer = (await server.post({ query: viewer }, { accept })).is(200, mediaStream);
    assert.match(answer.text, /event: complete\n/);
  });
  s.must('a stream is open before there is anything to tell', async () => {
    const end = new AbortController();
    const response = await fetch(`${server.url}?${new URLSearchParams({ query: scores })}`, {
      headers: { accept, authorization: server.authorization },
      signal: end.signal,
    });
    assert.equal(response.status, 200);
    end.abort();
  });
  const refusals = [
    ['415 for another content type', 415, { body: 'x', headers: { accept, 'content-type': 'text/plain' } }],
    ['400 for a body that is not JSON', 400, { body: '{', headers: { accept, 'content-type': mediaJSON } }],
    ['400 without an operation', 400, { method: 'GET', headers: { accept } }],
    ['405 for another method', 405, { method: 'PUT', body: '{}', headers: { accept, 'content-type': mediaJSON } }],
  ];
  for (const [name, status, request] of refusals) {
    s.must(`what is refused is no stream: ${name}`, async () => (await server.ask(request)).isError(status, mediaJSON));
  }
}
