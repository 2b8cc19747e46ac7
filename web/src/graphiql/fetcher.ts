import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { errorOfStatus, unreachable } from '../shared/errors';
import { headersOf } from '../shared/headers';
import type { Live } from '../shared/live';
import type { SessionKeeper } from '../shared/session';

/** fetch with the caller's token and purpose. What is typed into the header editor goes before it. */
export function fetchWith(session: SessionKeeper, send: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    const token = session.token ?? '';
    const headers = new Headers(init?.headers);
    const own = !headers.has('Authorization');
    for (const [name, value] of Object.entries(headersOf(session))) if (!headers.has(name)) headers.set(name, value);
    let response: Response;
    try {
      response = await send(input, { ...init, headers, cache: 'no-store', credentials: 'omit', redirect: 'error' });
    } catch {
      throw unreachable();
    }
    if (own && response.status === 401) session.refused(token);
    if (!isJSON(response)) {
      throw errorOfStatus(response.status, response.headers.get('Retry-After')) ?? new Error('The answer is no JSON.');
    }
    return response;
  };
}

function isJSON(response: Response): boolean {
  const type = response.headers.get('Content-Type') ?? '';
  return /^(application\/(graphql-response\+)?json|multipart\/mixed)/i.test(type);
}

/**
 * What GraphiQL runs operations with: fetch, and graphql-ws for subscriptions. onSchema is handed the answer to the
 * question for the schema.
 */
export function makeFetcher(session: SessionKeeper, live: Live, onSchema: (answer: Response) => Promise<void>): Fetcher {
  const plain = fetchWith(session);
  const introspecting: typeof fetch = async (input, init) => {
    const response = await plain(input, init);
    await onSchema(response);
    return response;
  };
  return (params, options) => {
    const fetch = params.operationName === 'IntrospectionQuery' ? introspecting : plain;
    return createGraphiQLFetcher({ url: '/graphql', fetch, wsClient: live.client() })(params, options);
  };
}
