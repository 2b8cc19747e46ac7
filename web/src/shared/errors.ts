// What can go wrong between the page and the server, in words for people.

export type ErrorKind = 'network' | 'unauthorized' | 'forbidden' | 'busy' | 'request' | 'server';

export class ApiError extends Error {
  readonly kind: ErrorKind;
  /** The server's code for it, when it gave one. */
  readonly code: string | null;

  constructor(kind: ErrorKind, message: string, code: string | null = null) {
    super(message);
    this.name = 'ApiError';
    this.kind = kind;
    this.code = code;
  }
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
      return new ApiError('request', 'That is more than the server takes at once.');
    case 429: {
      const wait = Number(retryAfter ?? '');
      const when = wait > 0 ? ` Try again in ${Math.ceil(wait)} s.` : ' Try again in a moment.';
      return new ApiError('busy', `Too many requests.${when}`);
    }
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
  extensions?: { code?: unknown } | null;
}

/** The error that the first entry of `errors` in a GraphQL answer stands for. */
export function errorOfGraphQL(errors: readonly GraphQLErrorLike[]): ApiError {
  const first = errors[0];
  const message = typeof first?.message === 'string' ? first.message : 'The server gave no reason.';
  const code = typeof first?.extensions?.code === 'string' ? first.extensions.code : null;
  switch (code) {
    case 'UNAUTHENTICATED':
      return new ApiError('unauthorized', message, code);
    case 'FORBIDDEN':
      return new ApiError('forbidden', message, code);
  }
  return new ApiError('request', message, code);
}

/** Anything thrown, as an ApiError. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('server', error instanceof Error ? error.message : String(error));
}
