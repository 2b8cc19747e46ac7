import { useSyncExternalStore } from 'react';

interface Ticker {
  subscribe: (listener: () => void) => () => void;
  get: () => number;
}

/** A clock that all who look at it share; it stands still while nobody does. */
function ticker(stepMs: number): Ticker {
  const listeners = new Set<() => void>();
  let timer: number | undefined;
  let now = Date.now();
  return {
    subscribe(listener) {
      listeners.add(listener);
      timer ??= window.setInterval(() => {
        now = Date.now();
        for (const tell of [...listeners]) tell();
      }, stepMs);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        window.clearInterval(timer);
        timer = undefined;
      };
    },
    // While nobody listens a step is as long as that of the clock, so that one rendering sees one time.
    get() {
      if (timer === undefined && Date.now() - now >= stepMs) now = Date.now();
      return now;
    },
  };
}

const slow = ticker(15_000); // fine enough for `5 minutes ago`
const quick = ticker(1_000);

/** The time of now in milliseconds, a quarter of a minute old at most. */
export const useNow = (): number => useSyncExternalStore(slow.subscribe, slow.get);

/** The time of now in milliseconds, a second old at most: for what is seconds away. */
export const useSeconds = (): number => useSyncExternalStore(quick.subscribe, quick.get);
