import { describe, expect, it } from 'vitest';
import { graphql } from '../dashboard/graphql';
import { nameOf, reachable, request, textOf } from './api';
import { ApiError } from './errors';
import { SessionKeeper } from './session';

const Viewer = graphql(`query Viewer { viewer { name } }`);
const Normalize = graphql(`query Normalize($input: String!) { normalizePhone(input: $input) { number } }`);

function signedIn() {
  return new SessionKeeper({
    location: { hash: '#token=secret', pathname: '/', search: '' },
    history: { state: null, replaceState: () => undefined },
    storage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
  });
}

function server(status: number, body: string, headers: Record<string, string> = {}) {
  const calls: { address: string; init: RequestInit }[] = [];
  const fetch = ((address: string, init: RequestInit) => {
    calls.push({ address, init });
    return Promise.resolve(new Response(body, { status, headers }));
  }) as typeof globalThis.fetch;
  return { fetch, calls };
}

async function failure(run: Promise<unknown>): Promise<ApiError> {
  try {
    await run;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('there was no failure');
}

describe('request', () => {
  it('posts the operation, with the token in a header and nothing in the address', async () => {
    const { fetch, calls } = server(200, '{"data":{"normalizePhone":{"number":null}}}');
    const data = await request(Normalize, { input: '300 123 4567' }, { session: signedIn(), fetch });
    expect(data).toEqual({ normalizePhone: { number: null } });
    expect(calls).toHaveLength(1);
    expect(calls[0]?.address).toBe('/graphql');
    expect(calls[0]?.init).toMatchObject({ method: 'POST', credentials: 'omit', redirect: 'error', cache: 'no-store' });
    expect(calls[0]?.init.headers).toMatchObject({ Authorization: 'Bearer secret', 'Content-Type': 'application/json' });
    expect(JSON.parse(calls[0]?.init.body as string)).toEqual({
      operationName: 'Normalize',
      query: textOf(Normalize),
      variables: { input: '300 123 4567' },
    });
  });

  it('tells the purpose, as the bytes of UTF-8', async () => {
    const { fetch, calls } = server(200, '{"data":{"viewer":{"name":"a"}}}');
    const session = signedIn();
    session.setPurpose('Reclamación 17');
    await request(Viewer, {}, { session, fetch });
    const told = (calls[0]?.init.headers as Record<string, string>)['X-Purpose'] ?? '';
    expect(new TextDecoder().decode(Uint8Array.from(told, (c) => c.charCodeAt(0)))).toBe('Reclamación 17');
    session.setPurpose(null);
    await request(Viewer, {}, { session, fetch });
    expect(calls[1]?.init.headers).not.toHaveProperty('X-Purpose');
  });

  it('knows from the header how long to wait', async () => {
    const body = '{"errors":[{"message":"too many","extensions":{"code":"RATE_LIMITED"}}]}';
    const { fetch } = server(429, body, { 'Retry-After': '12' });
    expect(await failure(request(Viewer, {}, { session: signedIn(), fetch }))).toMatchObject({ kind: 'busy', waitMs: 12_000 });
  });

  it('asks nothing without a token', async () => {
    const { fetch, calls } = server(200, '{}');
    const session = signedIn();
    session.signOut();
    expect((await failure(request(Viewer, {}, { session, fetch }))).kind).toBe('unauthorized');
    expect(calls).toEqual([]);
  });

  it.each([
    ['by status', 401, '{"errors":[{"message":"no"}]}'],
    ['by status without JSON', 401, 'Unauthorized'],
    ['by code', 200, '{"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}'],
  ])('ends the session when the token is refused %s', async (_how, status, body) => {
    const session = signedIn();
    const { fetch } = server(status, body);
    expect((await failure(request(Viewer, {}, { session, fetch }))).kind).toBe('unauthorized');
    expect(session.token).toBeNull();
  });

  it.each([
    ['errors of a 200', 200, '{"data":null,"errors":[{"message":"too deep"}]}', 'request', 'too deep'],
    ['errors of a 400', 400, '{"errors":[{"message":"unknown field"}]}', 'request', 'unknown field'],
    ['a proxy’s page', 502, '<html>', 'network', 'not ready'],
    ['a failure', 500, 'oops', 'server', '500'],
    ['an answer that is no JSON', 200, '<html>', 'server', 'could not be read'],
    ['an answer without data', 200, '{}', 'server', 'no data'],
    ['an empty answer', 200, 'null', 'server', 'no data'],
  ])('reads %s', async (_what, status, body, kind, message) => {
    const session = signedIn();
    const error = await failure(request(Viewer, {}, { session, fetch: server(status, body).fetch }));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(message);
    expect(session.token).toBe('secret');
  });

  it('knows whether the server is in reach', async () => {
    const session = signedIn();
    const away = (() => Promise.reject(new TypeError('Failed to fetch'))) as typeof globalThis.fetch;
    expect((await failure(request(Viewer, {}, { session, fetch: away }))).kind).toBe('network');
    expect(reachable.get()).toBe(false);
    await request(Viewer, {}, { session, fetch: server(200, '{"data":{"viewer":{"name":"a"}}}').fetch });
    expect(reachable.get()).toBe(true);
    await failure(request(Viewer, {}, { session, fetch: server(503, '').fetch }));
    expect(reachable.get()).toBe(false);
  });

  it('takes a server that has too much to do for one that is there', async () => {
    reachable.set(true);
    const body = '{"errors":[{"message":"the server holds as many operations as it may","extensions":{"code":"TOO_MANY_OPERATIONS"}}]}';
    const { fetch } = server(503, body, { 'Content-Type': 'application/graphql-response+json', 'Retry-After': '1' });
    expect(await failure(request(Viewer, {}, { session: signedIn(), fetch }))).toMatchObject({ kind: 'busy', waitMs: 1000 });
    expect(reachable.get()).toBe(true);
  });

  it('does not take a stopped request for a server that is away', async () => {
    reachable.set(true);
    const stop = new AbortController();
    stop.abort();
    const fetch = (() => Promise.reject(new DOMException('stopped', 'AbortError'))) as typeof globalThis.fetch;
    await expect(request(Viewer, {}, { session: signedIn(), fetch, signal: stop.signal })).rejects.toThrow('stopped');
    expect(reachable.get()).toBe(true);
  });
});

describe('nameOf', () => {
  it('finds the name', () => {
    expect(nameOf(Viewer)).toBe('Viewer');
  });

  it('wants one', () => {
    expect(() => nameOf(graphql(`{ viewer { name } }`))).toThrow('needs a name');
  });
});
