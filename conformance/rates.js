// What a server tells and does that allows each token few reads and writes a minute.
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
import assert from 'node:assert/strict';
import { gql } from '@apollo/client';
import { fetchQuery } from 'relay-runtime';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import { connect as connectApollo } from './clients/apollo.js';
import { connect as connectRelay } from './clients/relay.js';
import { connect as connectUrql } from './clients/urql.js';
import { Section, Server, addPhone, badPhone, mediaJSON, mediaStream, viewer } from './support.js';

const code = 'RATE_LIMITED';
const relayQuery = createRequire(import.meta.url)('./relay/__generated__/registryViewerQuery.graphql.js');
// Far more than the server allows in a minute, and more than come back while the checks run.
const tries = 100;

export function ratesSection(server) {
  const s = new Section(
    'Rates',
    'A server of its own with `--rate-reads 3 --rate-writes 3`: what the headers tell, and what clients find who asked too much.',
  );
  const spent = once(() => spend(server));
  headers(s, server, spent);
  transports(s, server, spent);
  clients(s, server, spent);
  return s;
}

function once(make) {
  let made;
  return () => (made ??= make());
}

// until asks until the answer is the one that is wanted: now and then a read comes back.
async function until(ask, wanted) {
  for (let i = 0; i < tries; i++) {
    const answer = await ask();
    if (wanted(answer)) return answer;
  }
  return assert.fail(`${tries} times, and no end of it`);
}

// spend asks until no read is left, and returns the first answer and the refusal, what became of a write then, and of
// the read of another token.
async function spend(server) {
  const other = new Server(server.url, await server.keyOf('VIEWER'));
  const ask = () => server.post({ query: viewer });
  const first = await ask();
  const last = await until(ask, ({ status }) => status === 429);
  const write = await server.post({ query: addPhone, variables: badPhone });
  return { first, last, write, apart: await other.post({ query: viewer }) };
}

function headers(s, server, spent) {
  s.should('RateLimit-Policy names the policy, what it allows and for how long', async () => {
    const { first } = await spent();
    assert.match(first.headers['ratelimit-policy'], /"reads";q=3;w=60(?=,|;|$)/);
  });
  s.should('RateLimit tells what is left of it, and when there is more', async () => {
    const { first, last } = await spent();
    assert.match(first.headers.ratelimit, /^"reads";r=2;t=\d+(?=,|$)/);
    assert.match(last.headers.ratelimit, /^"reads";r=0;t=\d+(?=,|$)/);
  });
  s.must('429 with Retry-After and the code RATE_LIMITED', async () => {
    const { last } = await spent();
    last.isError(429);
    const seconds = Number(last.headers['retry-after']);
    assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `Retry-After: ${last.headers['retry-after']}`);
    assert.equal(last.json.errors[0].extensions.code, code);
  });
  s.must('429 as application/json too', async () => {
    await spent();
    const ask = () => server.post({ query: viewer }, { accept: mediaJSON });
    (await until(ask, ({ status }) => status !== 200)).isError(429, mediaJSON);
  });
  s.must('writes are counted apart', async () => (await spent()).write.is(200));
  s.must('each token is counted by itself', async () => (await spent()).apart.is(200));
}

function transports(s, server, spent) {
  s.must('429 for an event stream, which is not begun', async () => {
    await spent();
    const ask = () => server.get({ query: viewer }, { accept: mediaStream });
    (await until(ask, ({ status }) => status !== 200)).isError(429, mediaJSON);
  });
  s.must('over a WebSocket an `error` for the operation; the socket stays', async () => {
    await spent();
    const { sockets } = connectUrql({ url: server.url, token: server.token, WebSocket });
    const closed = [];
    sockets.on('closed', ({ code: with_ }) => closed.push(with_));
    const ask = () => sockets.iterate({ query: viewer }).next().then(() => undefined, (errors) => errors);
    const errors = await until(ask, (found) => found !== undefined);
    assert.equal(errors[0].extensions.code, code);
    assert.deepEqual(closed.filter((with_) => with_ !== 1000), []);
    await sockets.dispose();
  });
}

function clients(s, server, spent) {
  const options = { url: server.url, token: server.token, WebSocket };
  const codes = (errors) => errors?.map(({ extensions }) => extensions.code);
  const finds = (name, ask) =>
    s.must(`${name} finds the code`, async () => {
      await spent();
      assert.deepEqual(codes(await until(ask, (errors) => errors !== undefined)), [code]);
    });
  const { client: apollo } = connectApollo(options);
  finds('Apollo Client', async () => {
    const query = gql('query Viewer { viewer { role } }');
    return (await apollo.query({ query, errorPolicy: 'all', fetchPolicy: 'no-cache' })).error?.errors;
  });
  const { client: urql } = connectUrql(options);
  finds('urql', async () => (await urql.query(viewer, {}, { requestPolicy: 'network-only' })).error?.graphQLErrors);
  const { environment } = connectRelay(options);
  finds('Relay', () =>
    fetchQuery(environment, relayQuery, {}, { fetchPolicy: 'network-only' })
      .toPromise()
      .then(() => undefined, ({ source }) => source.errors),
  );
}
