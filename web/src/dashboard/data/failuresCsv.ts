// Fetching the failures of a job as CSV from GET /v1/jobs/{id}/failures.csv.
import { ApiError, errorOfStatus, unreachable } from '../../shared/errors';
import { headersOf } from '../../shared/headers';
import type { Session, SessionKeeper } from '../../shared/session';

interface Options {
  session: SessionKeeper;
  signal: AbortSignal;
  /** Is told how many bytes have come so far. */
  onBytes: (bytes: number) => void;
  fetch?: typeof fetch;
}

export const failuresAddress = (id: string) => `/v1/jobs/${encodeURIComponent(id)}/failures.csv`;

/**
 * Fetches the file. It goes from the network into a blob, which browsers keep on disk when it is large; nothing of it
 * is held as text. Throws an ApiError for a refusal, and when the file does not come to its end.
 */
export async function fetchFailures(id: string, { session, signal, onBytes, fetch: send = fetch }: Options): Promise<Blob> {
  const { token, purpose } = session;
  if (token === null) throw new ApiError('unauthorized', 'Sign in first.');
  const response = await answer(send, failuresAddress(id), { token, purpose }, signal);
  if (response.status === 401) session.refused(token);
  const failed = errorOfStatus(response.status, response.headers.get('Retry-After'));
  if (failed) throw failed;
  try {
    return await counted(response, onBytes).blob();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError('request', 'The file did not come to its end. Try again.');
  }
}

type Caller = Pick<Session, 'token' | 'purpose'>;

async function answer(send: typeof fetch, address: string, caller: Caller, signal: AbortSignal): Promise<Response> {
  try {
    return await send(address, {
      headers: { Accept: 'text/csv', ...headersOf(caller) },
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw unreachable();
  }
}

/** The same answer, telling what passes through. */
function counted(response: Response, onBytes: (bytes: number) => void): Response {
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      onBytes(bytes);
      controller.enqueue(chunk);
    },
  });
  const body = response.body?.pipeThrough(counter) ?? null;
  return new Response(body, { headers: { 'Content-Type': 'text/csv' } });
}

/** A file name from what somebody called a job; `job-failures.csv` when nothing is left of it. */
export function fileNameOf(jobName: string): string {
  const plain = jobName
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/gi, '-')
    .replace(/^-+|-+$/g, '')
    .toLowerCase()
    .slice(0, 60);
  return `${plain === '' ? 'job' : plain}-failures.csv`;
}
