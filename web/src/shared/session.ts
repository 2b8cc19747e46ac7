// The caller's token. It comes in the fragment of the address, which browsers never send, or is
// pasted; it is kept in sessionStorage only, so it ends with the tab.
import { createStore, type Store } from './store';

const STORAGE_KEY = 'phoneregistry.token';

/** Who is signed in, and what to tell them when nobody is. */
export interface Session {
  readonly token: string | null;
  /** Why the last token went away; null when there is nothing to tell. */
  readonly notice: string | null;
}

/** What a session needs of the browser; tests bring their own. */
export interface Surroundings {
  location: Pick<Location, 'hash' | 'pathname' | 'search'>;
  history: Pick<History, 'replaceState' | 'state'>;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

/** The token in a fragment such as `#token=abc`; null when it holds none. */
export function tokenInFragment(hash: string): string | null {
  const found = /^#token=([^&]+)/.exec(hash)?.[1];
  if (found === undefined) return null;
  try {
    return cleanToken(decodeURIComponent(found));
  } catch {
    return null; // a broken escape
  }
}

/** A pasted token without what people copy along with it; null when it cannot be one. */
export function cleanToken(text: string): string | null {
  const token = text
    .trim()
    .replace(/^.*#token=/, '')
    .replace(/^(authorization:\s*)?bearer\s+/i, '');
  return /^[\x21-\x7e]{1,4096}$/.test(token) ? token : null;
}

export class SessionKeeper {
  readonly store: Store<Session>;
  readonly #at: Surroundings;

  constructor(at: Surroundings) {
    this.#at = at;
    this.store = createStore<Session>({ token: this.#read(), notice: null });
    this.takeFromAddress();
  }

  get token(): string | null {
    return this.store.get().token;
  }

  /** Takes a token out of the address, if it holds one, and strips it from there. */
  takeFromAddress(): void {
    const { location, history } = this.#at;
    if (!location.hash.startsWith('#token=')) return;
    const token = tokenInFragment(location.hash);
    history.replaceState(history.state, '', location.pathname + location.search);
    if (token !== null) this.signIn(token);
  }

  signIn(token: string): void {
    try {
      this.#at.storage.setItem(STORAGE_KEY, token);
    } catch {
      // Storage is switched off: the token then lasts until the page is left.
    }
    this.store.set({ token, notice: null });
  }

  signOut(notice: string | null = null): void {
    try {
      this.#at.storage.removeItem(STORAGE_KEY);
    } catch {
      // Nothing was kept.
    }
    this.store.set({ token: null, notice });
  }

  /** The server has refused this token. A newer one that has taken its place stays. */
  refused(token: string): void {
    if (token !== this.token) return;
    this.signOut('The server did not accept this token. It may be mistyped, expired or revoked.');
  }

  #read(): string | null {
    try {
      return this.#at.storage.getItem(STORAGE_KEY);
    } catch {
      return null;
    }
  }
}
