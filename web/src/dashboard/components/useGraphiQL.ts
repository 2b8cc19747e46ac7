import { useSyncExternalStore } from 'react';
import { createStore } from '../../shared/store';

const served = createStore(false);
let asked = false;

/** Whether a Link header leads to GraphiQL: the server sends one with the page where it is switched on. */
export function leadsToGraphiQL(link: string | null): boolean {
  const leads = (one: string) => /^\s*<\/graphiql>/.test(one) && /;\s*rel="?service-doc"?/.test(one);
  return link?.split(',').some(leads) ?? false;
}

function subscribe(listener: () => void): () => void {
  if (!asked) {
    asked = true;
    void look();
  }
  return served.subscribe(listener);
}

async function look(): Promise<void> {
  try {
    const page = await fetch('/', { method: 'HEAD', credentials: 'omit', redirect: 'error' });
    served.set(leadsToGraphiQL(page.headers.get('Link')));
  } catch {
    asked = false; // the server is away: who asks next looks again
  }
}

/** Whether this server has GraphiQL. */
export const useGraphiQL = (): boolean => useSyncExternalStore(subscribe, served.get);
