import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { errorOfStatus, unreachable } from '../shared/errors';
import type { Live } from '../shared/live';
import type { SessionKeeper } from '../shared/session';

/** fetch with the caller's token. What is typed into the header editor goes before it. */
export function fetchWith(session: SessionKeeper, send: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    const token = session.token ?? '';
    const headers = new Headers(init?.headers);
    const own = !headers.has('Authorization');
    if (own) headers.set('Authorization', `Bearer ${token}`);
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

/** What GraphiQL runs operations with: fetch, and graphql-ws for subscriptions. */
export function makeFetcher(session: SessionKeeper, live: Live): Fetcher {
  const fetch = fetchWith(session);
  return (params, options) =>
    createGraphiQLFetcher({ url: '/graphql', fetch, wsClient: live.client() })(params, options);
}
