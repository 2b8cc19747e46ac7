// The caller's token. It comes in the fragment of the address, which browsers never send, or is
// pasted; it is kept in sessionStorage only, so it ends with the tab. So does the purpose for which the caller asks to
// see whole numbers.
import { createStore, type Store } from './store';

const STORAGE_KEY = 'phoneregistry.token';
const PURPOSE_KEY = 'phoneregistry.purpose';
const PURPOSE_LONGEST = 200;

/** Who is signed in, and what to tell them when nobody is. */
export interface Session {
  readonly token: string | null;
  /** Why the last token went away; null when there is nothing to tell. */
  readonly notice: string | null;
  /** For what whole numbers are asked, told with every request; null when nothing is told. */
  readonly purpose: string | null;
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

/** A purpose as the server takes it: one line of 1 to 200 characters; null when it cannot be one. */
export function cleanPurpose(text: string): string | null {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line !== '' && Array.from(line).length <= PURPOSE_LONGEST ? line : null;
}

export class SessionKeeper {
  readonly store: Store<Session>;
  readonly #at: Surroundings;

  constructor(at: Surroundings) {
    this.#at = at;
    const token = this.#read(STORAGE_KEY);
    const purpose = token === null ? null : cleanPurpose(this.#read(PURPOSE_KEY) ?? '');
    this.store = createStore<Session>({ token, notice: null, purpose });
    this.takeFromAddress();
  }

  get token(): string | null {
    return this.store.get().token;
  }

  get purpose(): string | null {
    return this.store.get().purpose;
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
    const purpose = token === this.token ? this.purpose : null; // another caller has purposes of their own
    if (purpose === null) this.#write(PURPOSE_KEY, null);
    this.#write(STORAGE_KEY, token);
    this.store.set({ token, notice: null, purpose });
  }

  signOut(notice: string | null = null): void {
    this.#write(STORAGE_KEY, null);
    this.#write(PURPOSE_KEY, null);
    this.store.set({ token: null, notice, purpose: null });
  }

  /** From now on whole numbers are asked for this purpose; null: no more. */
  setPurpose(purpose: string | null): void {
    if (this.token === null || purpose === this.purpose) return;
    this.#write(PURPOSE_KEY, purpose);
    this.store.set({ ...this.store.get(), purpose });
  }

  /** The server has refused this token. A newer one that has taken its place stays. */
  refused(token: string): void {
    if (token !== this.token) return;
    this.signOut('The server did not accept this token. It may be mistyped, expired or revoked.');
  }

  #read(key: string): string | null {
    try {
      return this.#at.storage.getItem(key);
    } catch {
      return null;
    }
  }

  #write(key: string, value: string | null): void {
    try {
      if (value === null) this.#at.storage.removeItem(key);
      else this.#at.storage.setItem(key, value);
    } catch {
      // Storage is switched off: what is told then lasts until the page is left.
    }
  }
}
