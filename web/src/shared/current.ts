// What there is one of in a page: the session and its live connection. All that can be tested
// without a browser lives in the files this one imports.
import { Live } from './live';
import { SessionKeeper } from './session';

export const session = new SessionKeeper({
  location: window.location,
  history: window.history,
  storage: window.sessionStorage,
});

// A link with a token that is pasted into this very tab changes only the fragment.
window.addEventListener('hashchange', () => session.takeFromAddress());

export const live = new Live(session);
