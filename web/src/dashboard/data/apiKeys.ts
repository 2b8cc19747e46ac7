import { ApiKeysQuery } from './accessOperations';
import { cache } from './hooks';

/** Fetches anew what an action on an API key has changed. */
export function keysChanged(): void {
  cache.invalidate(ApiKeysQuery);
}
