// Who uses GraphiQL, and whether the server tells its schema to them.
import { useEffect } from 'react';
import { request } from '../shared/api';
import { session } from '../shared/current';
import { createStore } from '../shared/store';
import { ViewerQuery, type Viewer } from '../dashboard/data/viewerOperations';

/** The caller; null while it is not known. */
export const caller = createStore<Viewer | null>(null);

/** Why the server does not tell its schema; null when it does. */
export const schemaRefusal = createStore<string | null>(null);

/** Asks who the caller is, as long as the token is the same. */
export function useCaller(token: string): void {
  useEffect(() => {
    const abort = new AbortController();
    caller.set(null);
    schemaRefusal.set(null);
    request(ViewerQuery, {}, { session, signal: abort.signal }).then(
      ({ viewer }) => caller.set(viewer),
      () => undefined, // a refused token ends the session; else only what needs no scope is offered
    );
    return () => abort.abort();
  }, [token]);
}

interface Answer {
  errors?: { message?: unknown }[];
}

/** Notes whether an answer to the question for the schema refused it. */
export async function noteSchema(response: Response): Promise<void> {
  const answer = (await response.clone().json().catch(() => ({}))) as Answer | null;
  const message = answer?.errors?.[0]?.message;
  schemaRefusal.set(answer?.errors === undefined ? null : typeof message === 'string' ? message : 'no reason was given');
}
