// Places of the dashboard live in the fragment: `#/jobs/ID`. The server knows only the page.
import { useMemo, useSyncExternalStore } from 'react';

export interface Route {
  /** The place, for example `jobs`; `overview` when none is named. */
  readonly view: string;
  /** What follows it, for example the id of a job. */
  readonly id: string | null;
  readonly query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view, id] = path.split('/').map(decode);
  return { view: view ?? 'overview', id: id ?? null, query: new URLSearchParams(search) };
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part) || undefined;
  } catch {
    return undefined;
  }
}

/** The address of a place. Never put a phone number into one. */
export function href(view: string, id?: string | null, query?: Record<string, string>): string {
  const path = [view, ...(id ? [id] : [])].map(encodeURIComponent).join('/');
  const search = query ? `?${new URLSearchParams(query).toString()}` : '';
  return `#/${path}${search}`;
}

export function go(address: string): void {
  window.location.hash = address;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  return useMemo(() => parseRoute(hash), [hash]);
}
