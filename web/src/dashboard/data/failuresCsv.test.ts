import { describe, expect, it } from 'vitest';
import { ApiError } from '../../shared/errors';
import { SessionKeeper } from '../../shared/session';
import { failuresAddress, fetchFailures, fileNameOf } from './failuresCsv';

function signedIn(): SessionKeeper {
  const kept = new Map<string, string>();
  return new SessionKeeper({
    location: { hash: '#token=secret', pathname: '/', search: '' },
    history: { state: null, replaceState: () => undefined },
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    },
  });
}

interface Call {
  address: string;
  init: RequestInit;
}

function answering(response: () => Response | Error): { fetch: typeof fetch; calls: Call[] } {
  const calls: Call[] = [];
  const send = (address: unknown, init?: RequestInit) => {
    calls.push({ address: String(address), init: init ?? {} });
    const given = response();
    return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
  };
  return { fetch: send, calls };
}

function chunks(texts: readonly string[], end?: Error): ReadableStream<Uint8Array> {
  const left = [...texts];
  return new ReadableStream({
    pull(controller) {
      const next = left.shift();
      if (next !== undefined) controller.enqueue(new TextEncoder().encode(next));
      else if (end) controller.error(end);
      else controller.close();
    },
  });
}

const never = new AbortController().signal;

async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe('fetchFailures', () => {
  it('passes the file on as it comes, with the token in a header only', async () => {
    const seen: number[] = [];
    const { fetch, calls } = answering(() => new Response(chunks(['number,platform\n', '+57…,GOOGLE\n'])));
    const file = await fetchFailures('job/1', { session: signedIn(), signal: never, onBytes: (n) => seen.push(n), fetch });
    expect(await file.text()).toBe('number,platform\n+57…,GOOGLE\n');
    expect(file.type).toBe('text/csv');
    expect(seen).toEqual([16, 30]);
    expect(calls[0]?.address).toBe('/v1/jobs/job%2F1/failures.csv');
    expect(calls[0]?.init.headers).toMatchObject({ Authorization: 'Bearer secret' });
  });

  it('is an empty file when there is nothing in it', async () => {
    const { fetch } = answering(() => new Response(null, { status: 200 }));
    const file = await fetchFailures('job_1', { session: signedIn(), signal: never, onBytes: () => undefined, fetch });
    expect(file.size).toBe(0);
  });

  it.each([
    [403, 'forbidden'],
    [404, 'request'],
    [429, 'busy'],
    [500, 'server'],
  ])('refuses what is answered %d', async (status, kind) => {
    const session = signedIn();
    const { fetch } = answering(() => new Response('no', { status }));
    const error = await refusal(fetchFailures('job_1', { session, signal: never, onBytes: () => undefined, fetch }));
    expect(error.kind).toBe(kind);
    expect(session.token).toBe('secret');
  });

  it('ends the session when the token is not good', async () => {
    const session = signedIn();
    const { fetch } = answering(() => new Response('no', { status: 401 }));
    const error = await refusal(fetchFailures('job_1', { session, signal: never, onBytes: () => undefined, fetch }));
    expect(error.kind).toBe('unauthorized');
    expect(session.token).toBeNull();
  });

  it('never takes half a file for a whole one', async () => {
    const { fetch } = answering(() => new Response(chunks(['number,platform\n'], new Error('cut'))));
    const error = await refusal(fetchFailures('job_1', { session: signedIn(), signal: never, onBytes: () => undefined, fetch }));
    expect(error.message).toContain('did not come to its end');
  });

  it('says when the server is away', async () => {
    const { fetch } = answering(() => new TypeError('failed to fetch'));
    const error = await refusal(fetchFailures('job_1', { session: signedIn(), signal: never, onBytes: () => undefined, fetch }));
    expect(error.kind).toBe('network');
  });
});

it.each([
  ['Clicked together', 'clicked-together-failures.csv'],
  ['Móviles / México', 'moviles-mexico-failures.csv'],
  ['../..', 'job-failures.csv'],
  ['', 'job-failures.csv'],
])('fileNameOf %j', (name, file) => {
  expect(fileNameOf(name)).toBe(file);
});

it('puts nothing but the id into the address', () => {
  expect(failuresAddress('job_1')).toBe('/v1/jobs/job_1/failures.csv');
});
