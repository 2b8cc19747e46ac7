/**
 * How long to wait before the next attempt, in milliseconds: 0.5 s doubling to 10 s, of which a
 * random half is taken off, so that clients of a restarted server do not come back all at once.
 */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(10_000, 500 * 2 ** Math.min(attempt, 10));
  return full * (1 - random() / 2);
}
