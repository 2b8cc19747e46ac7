// One GraphQL request over HTTP. Always POST: a GET would put numbers into an address.
import { print } from '@0no-co/graphql.web';
import { ApiError, errorOfGraphQL, errorOfStatus, unreachable, waitOf } from './errors';
import { headersOf } from './headers';
import type { Session, SessionKeeper } from './session';
import { createStore } from './store';

/** An operation with the types of its result and variables. */
export interface Operation<Result, Variables> {
  readonly definitions: readonly unknown[];
  // As in TypedDocumentNode: carries the types, is never called.
  __apiType?: ((variables: Variables) => Result) | undefined;
}

/** Whether the last request reached the server. */
export const reachable = createStore(true);

const printed = new WeakMap<object, string>();

/** The text of an operation. */
export function textOf(operation: Operation<unknown, never>): string {
  let text = printed.get(operation);
  if (text === undefined) {
    text = print(operation as Parameters<typeof print>[0]);
    printed.set(operation, text);
  }
  return text;
}

/** The name of an operation, as it shows in the server's log. */
export function nameOf(operation: Operation<unknown, never>): string {
  for (const definition of operation.definitions as { kind: string; name?: { value: string } }[]) {
    if (definition.kind === 'OperationDefinition' && definition.name) return definition.name.value;
  }
  throw new Error('an operation needs a name');
}

interface Answer<Result> {
  data?: Result | null;
  errors?: { message?: unknown; extensions?: Record<string, unknown> | null }[];
}

/** Who asks. */
export type Caller = Pick<SessionKeeper, 'token' | 'purpose' | 'refused'>;

export interface RequestOptions {
  session: Caller;
  signal?: AbortSignal;
  fetch?: typeof fetch;
}

/**
 * Runs a query or mutation and returns its data. Throws an ApiError for everything that is no
 * data; a refused token also ends the session.
 */
export async function request<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  { session, signal, fetch: send = fetch }: RequestOptions,
): Promise<Result> {
  const { token, purpose } = session;
  if (token === null) throw new ApiError('unauthorized', 'Sign in first.');
  const response = await post(send, { token, purpose }, JSON.stringify({
    operationName: nameOf(operation),
    query: textOf(operation),
    variables,
  }), signal);
  try {
    return await read<Result>(response);
  } catch (error) {
    if (error instanceof ApiError && error.kind === 'unauthorized') session.refused(token);
    throw error;
  }
}

type Credentials = Pick<Session, 'token' | 'purpose'>;

async function post(send: typeof fetch, caller: Credentials, body: string, signal?: AbortSignal): Promise<Response> {
  try {
    const response = await send('/graphql', {
      method: 'POST',
      headers: {
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        ...headersOf(caller),
        'Content-Type': 'application/json',
      },
      body,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal: signal ?? null,
    });
    // These are answers of a proxy that finds no server behind it, or one that is not ready; one that answers in the
    // words of GraphQL has only too much to do.
    reachable.set(![502, 503, 504].includes(response.status) || isGraphQL(response));
    return response;
  } catch (error) {
    if (signal?.aborted) throw error;
    reachable.set(false);
    throw unreachable();
  }
}

const isGraphQL = (response: Response) => /^application\/(graphql-response\+)?json/i.test(response.headers.get('Content-Type') ?? '');

async function read<Result>(response: Response): Promise<Result> {
  const retryAfter = response.headers.get('Retry-After');
  const failed = errorOfStatus(response.status, retryAfter);
  let answer: Answer<Result>;
  try {
    answer = ((await response.json()) as Answer<Result> | null) ?? {};
  } catch {
    throw failed ?? new ApiError('server', 'The server’s answer could not be read.');
  }
  if (failed?.kind === 'unauthorized') throw failed;
  if (answer.errors?.length) throw errorOfGraphQL(answer.errors, waitOf(retryAfter));
  if (failed) throw failed;
  if (answer.data == null) throw new ApiError('server', 'The server’s answer holds no data.');
  return answer.data;
}
