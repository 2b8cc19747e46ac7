// Tokens of a real OpenID Connect provider, oidc-provider, as the server meets them in an organisation: what it takes, what
// it refuses, and what becomes of it when the provider changes its keys or is away.
// https://openid.net/specs/openid-connect-core-1_0.html, RFC 8725 (best practices for JWT), RFC 9068 (access tokens)
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { EventSource } from 'eventsource';
import { open } from './clients/events.js';
import { person } from './provider/names.js';
import { Socket } from './socket.js';
import { Section, Server, scores, soon } from './support.js';

const who = '{ viewer { name role } }';
const algorithms = [['RS256', 'first'], ['ES256', 'curve'], ['EdDSA', 'edwards']];
// A token is taken for a minute after its end, for clocks differ. This many seconds of that minute are left.
const remains = 15;
const lifetime = 600;
const skew = 60;

// oidcSection checks the server, which takes tokens of the provider; the checks run one after the other.
export function oidcSection(server, provider, version) {
  const s = new Section(
    `OpenID Connect, oidc-provider ${version}`,
    [
      'A server of its own with `--oidc-issuer`, `--oidc-audience`, `--oidc-role-claim realm_access.roles` and `--oidc-role-map`,',
      'and a provider on the same machine: access tokens of programs (client credentials) and an ID token of somebody who signs',
      'in (authorization code with PKCE). The provider is cut off from the server, changes its keys, and has a clock that is wrong.',
    ].join('\n'),
    { inOrder: true },
  );
  beginning(s, server, provider);
  taken(s, server, provider);
  roles(s, server, provider);
  refused(s, server, provider);
  clocks(s, server, provider);
  endings(s, server, provider);
  rotation(s, server, provider);
  away(s, server, provider);
  return s;
}

const as = (server, token) => new Server(server.url, token);
const ask = (server, token) => as(server, token).post({ query: who });

// eventually asks until the status is the one wanted: a provider is asked at most every ten seconds.
async function eventually(server, token, status) {
  for (;;) {
    const answer = await ask(server, token);
    if (answer.status === status) return answer;
    await pause(250);
  }
}

async function isTaken(server, token, role = 'STEWARD', name = 'oidc:importer') {
  const answer = (await ask(server, token)).is(200);
  assert.deepEqual(answer.json.data, { viewer: { name, role } });
}

// isRefused checks over both transports that a token is not taken, and that no answer repeats it.
async function isRefused(server, token, status = 401, code = 'UNAUTHENTICATED') {
  const answer = (await ask(server, token)).isError(status, 'application/json');
  assert.equal(answer.json.errors[0].extensions.code, code);
  assert.ok(!answer.text.includes(token));
  const socket = await Socket.open(server);
  socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
  await socket.closesWith(4403);
}

function beginning(s, server, provider) {
  s.must('while the provider has never been reached, its tokens are answered 503, and those of the registry go on', async () => {
    const answer = (await ask(server, await provider.token())).isError(503, 'application/json');
    assert.equal(answer.json.errors[0].extensions.code, 'UNAVAILABLE');
    await server.run(who);
  });
  s.must('once it can be reached, its keys are found by discovery', async () => {
    await provider.order('mend');
    await eventually(server, await provider.token(), 200);
  });
}

function taken(s, server, provider) {
  for (const [alg, kid] of algorithms) {
    s.must(`an access token signed with ${alg}`, async () => isTaken(server, await provider.token({ alg, kid })));
    s.must(`${alg} over a WebSocket`, async () => {
      const socket = await Socket.ready(as(server, await provider.token({ alg, kid })));
      socket.subscribe('1', who);
      assert.deepEqual((await socket.next()).payload.data.viewer, { name: 'oidc:importer', role: 'STEWARD' });
      socket.end();
    });
  }
  s.must('an ID token; its bearer is called by the address of mail that the provider has verified', async () =>
    isTaken(server, await provider.idToken(), 'STEWARD', `oidc:${person.email}`));
  s.must('a ticket for an event stream', async () => {
    const { source } = await streamOf(server, await provider.token());
    source.close();
  });
}

function roles(s, server, provider) {
  s.must('of several roles the one that may most', async () => isTaken(server, await provider.token()));
  s.must('a role that is no list', async () =>
    isTaken(server, await provider.token({ program: 'reader' }), 'VIEWER', 'oidc:reader'));
  s.must('a role that is not in the map is none, also if it is called as ours are: 403', async () =>
    isRefused(server, await provider.token({ program: 'guest' }), 403, 'FORBIDDEN'));
  s.must('403 without the claim', async () => isRefused(server, await provider.token({ program: 'nobody' }), 403, 'FORBIDDEN'));
}

function refused(s, server, provider) {
  const not = (name, make) => s.must(`refused: ${name}`, async () => isRefused(server, await make()));
  not('a token for another audience', () => provider.token({ of: 'billing' }));
  not('a token of an issuer with another name and the same keys', () => provider.token({ from: '/another' }));
  not('PS256, with a key that is taken for RS256', () => provider.token({ alg: 'PS256' }));
  not('HS256 with a secret', () => provider.token({ alg: 'HS256', kid: 'secret' }));
  not('HS256 with the public key for a secret', () => provider.token({ alg: 'HS256', kid: 'confused' }));
  not('an access token that is no JWT', () => provider.token({ alg: '' }));
  not('no signature, `alg` none', async () => {
    const [, claims] = (await provider.token()).split('.');
    return `${encoded({ alg: 'none', typ: 'at+jwt' })}.${claims}.`;
  });
  not('claims that were changed', async () => {
    const [header, claims, signature] = (await provider.token({ program: 'reader' })).split('.');
    return [header, encoded({ ...decoded(claims), realm_access: { roles: ['stewards'] } }), signature].join('.');
  });
  for (const [name, more] of [
    ['a key of its own in the header (`jwk`)', ({ key }) => ({ jwk: key })],
    ['an address of keys in the header (`jku`)', () => ({ jku: `${provider.control}/jwks` })],
    ['what must be understood and is not (`crit`)', () => ({ crit: ['urn:checks'], 'urn:checks': true })],
    ['a `kid` that is a path', () => ({ kid: '../../../../dev/null' })],
  ]) {
    not(name, async () => forged(await provider.token(), more));
  }
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decoded = (text) => JSON.parse(Buffer.from(text, 'base64url'));

// forged is a token whose claims are those of another, signed with a key that nobody knows.
async function forged(token, more) {
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const key = await crypto.subtle.exportKey('jwk', publicKey);
  const signed = `${encoded({ alg: 'ES256', kid: 'curve', ...more({ key }) })}.${token.split('.')[1]}`;
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}

function clocks(s, server, provider) {
  const ended = -lifetime;
  s.must('taken: a token that ended within the minute by which clocks may differ', async () =>
    isTaken(server, await provider.tokenAt(ended - 5)));
  s.must('refused: a token that ended before', async () => isRefused(server, await provider.tokenAt(ended - skew)));
  s.must('taken: a token that holds in less than a minute (`nbf`)', async () => isTaken(server, await provider.tokenAt(skew - 5)));
  s.must('refused: a token that holds later', async () => isRefused(server, await provider.tokenAt(lifetime)));
}

// streamOf opens an event stream with a ticket, as a page does, and returns how to wait for its end.
async function streamOf(server, token) {
  const source = await open({ url: server.url, token, query: scores, EventSource });
  const broken = new Promise((resolve) => {
    source.onerror = () => {
      source.close(); // else it would come back, with a ticket that is used up
      resolve();
    };
  });
  await soon(Promise.race([new Promise((resolve) => (source.onopen = resolve)), broken]), 'the stream does not open');
  assert.equal(source.readyState, source.OPEN);
  return { source, broken };
}

function endings(s, server, provider) {
  const nearlyOver = () => provider.tokenAt(remains - skew - lifetime);
  s.must('a WebSocket is closed with 4403 when its token ends', async () => {
    const socket = await Socket.ready(as(server, await nearlyOver()));
    socket.subscribe('1', scores);
    await socket.closesWith(4403, 'Forbidden: the token has expired');
  });
  s.must('an event stream ends with its token', async () => {
    const { broken } = await streamOf(server, await nearlyOver());
    await soon(broken, 'the stream does not end');
  });
}

function rotation(s, server, provider) {
  let before;
  s.must('a key that is new is found; tokens signed with the one before go on', async () => {
    before = await provider.token();
    await provider.order('keys', { shown: ['second', 'first'] });
    await eventually(server, await provider.token({ alg: 'ES256', kid: 'second' }), 200);
    await isTaken(server, before);
  });
  s.must('a key that was taken back is not believed any more, once the keys are read again', async () => {
    await provider.order('keys', { shown: ['third', 'second'] });
    await eventually(server, await provider.token({ kid: 'third' }), 200);
    await eventually(server, before, 401); // tokens that were seen are believed for five seconds
    await isTaken(server, await provider.token({ alg: 'ES256', kid: 'second' }));
  });
}

function away(s, server, provider) {
  s.must('while the provider is away, new tokens of keys that are known go on', async () => {
    await provider.order('cut');
    await isTaken(server, await provider.token({ kid: 'third' }));
    const socket = await Socket.ready(as(server, await provider.token({ alg: 'ES256', kid: 'second' })));
    socket.end();
  });
  s.must('a token with another key is refused meanwhile', async () => {
    await provider.order('keys', { shown: ['unseen', 'third'] });
    await isRefused(server, await provider.token({ alg: 'ES256', kid: 'unseen' }));
  });
  s.must('and taken when the provider is back', async () => {
    await provider.order('mend');
    await eventually(server, await provider.token({ alg: 'ES256', kid: 'unseen' }), 200);
  });
}
