// What can go wrong between the page and the server, in words for people.

export type ErrorKind =
  | 'network'
  | 'unauthorized'
  /** The caller lacks a scope. */
  | 'forbidden'
  /** Too many requests: it goes on after a while. */
  | 'busy'
  /** The request is larger than the server takes. */
  | 'limit'
  /** It took longer than the server allows. */
  | 'timeout'
  | 'request'
  | 'server';

interface More {
  /** The server's code for it, when it gave one. */
  code?: string | null;
  /** The scope that the caller lacks, when the server named one. */
  scope?: string | null;
  /** How long to wait before the next attempt, in milliseconds, when the server said so. */
  waitMs?: number | null;
}

export class ApiError extends Error {
  readonly kind: ErrorKind;
  readonly code: string | null;
  readonly scope: string | null;
  readonly waitMs: number | null;

  constructor(kind: ErrorKind, message: string, { code = null, scope = null, waitMs = null }: More = {}) {
    super(message);
    this.name = 'ApiError';
    this.kind = kind;
    this.code = code;
    this.scope = scope;
    this.waitMs = waitMs;
  }
}

/** The milliseconds that a Retry-After asks for: seconds, or a date; null when it says nothing that can be read. */
export function waitOf(retryAfter: string | null, now: number = Date.now()): number | null {
  if (retryAfter === null || retryAfter.trim() === '') return null;
  const seconds = Number(retryAfter);
  const ms = Number.isNaN(seconds) ? Date.parse(retryAfter) - now : seconds * 1000;
  return ms > 0 ? ms : null;
}

function busy(waitMs: number | null): ApiError {
  const when = waitMs === null ? 'in a moment' : `in ${Math.ceil(waitMs / 1000)} s`;
  return new ApiError('busy', `Too many requests with this token. Try again ${when}.`, { waitMs });
}

export const unreachable = () =>
  new ApiError('network', 'The server cannot be reached. Trying again by itself.');

/** The error that an HTTP status stands for; null for a success. */
export function errorOfStatus(status: number, retryAfter: string | null): ApiError | null {
  if (status >= 200 && status < 300) return null;
  switch (status) {
    case 401:
      return new ApiError('unauthorized', 'The server did not accept the token.');
    case 403:
      return new ApiError('forbidden', 'Your role does not allow this.');
    case 413:
      return new ApiError('limit', 'That is more than the server takes at once.');
    case 429:
      return busy(waitOf(retryAfter));
    case 502:
    case 503:
    case 504:
      return new ApiError('network', 'The server is not ready. Trying again by itself.');
  }
  return status >= 500
    ? new ApiError('server', `The server failed (${status}). Its log says why.`)
    : new ApiError('request', `The server refused the request (${status}).`);
}

interface GraphQLErrorLike {
  message?: unknown;
  extensions?: Record<string, unknown> | null;
}

/** The error that the first entry of `errors` in a GraphQL answer stands for; waitMs is what its Retry-After asks for. */
export function errorOfGraphQL(errors: readonly GraphQLErrorLike[], waitMs: number | null = null): ApiError {
  const first = errors[0];
  const message = typeof first?.message === 'string' ? first.message : 'The server gave no reason.';
  const told = (name: string) => {
    const value = first?.extensions?.[name];
    return typeof value === 'string' ? value : null;
  };
  const code = told('code');
  if (code === 'RATE_LIMITED' || code?.startsWith('TOO_MANY_')) {
    return new ApiError('busy', sentence(message), { code, waitMs: waitMs ?? waitOfExtensions(first?.extensions) });
  }
  switch (code) {
    case 'UNAUTHENTICATED':
      return new ApiError('unauthorized', message, { code });
    case 'FORBIDDEN':
      return new ApiError('forbidden', message, { code, scope: told('scope') });
    case 'LIMIT_EXCEEDED':
      return new ApiError('limit', `This asks for more than the server takes at once: ${message}`, { code });
    case 'TIMEOUT':
      return new ApiError('timeout', 'This took longer than the server allows, and was stopped. Ask for less, or try again.', { code });
  }
  return new ApiError('request', message, { code });
}

/** The server's messages begin small, as parts of a log do. */
const sentence = (message: string) => message.charAt(0).toUpperCase() + message.slice(1);

/** Over a WebSocket there are no headers: the seconds to wait are in the extensions. */
function waitOfExtensions(extensions: Record<string, unknown> | null | undefined): number | null {
  const seconds = extensions?.retryAfterSeconds;
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : null;
}

/** What is to be shown of an error: that queries wait by themselves is said once, at the head of the page. */
export const shownOf = (error: ApiError | null): ApiError | null => (error?.kind === 'busy' ? null : error);

/** Anything thrown, as an ApiError. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('server', error instanceof Error ? error.message : String(error));
}
