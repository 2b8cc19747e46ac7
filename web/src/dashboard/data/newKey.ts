/** What is needed of `crypto`; tests bring their own. */
type Source = Pick<Crypto, 'getRandomValues'> & { randomUUID?: () => string };

/** A random key. Browsers have `randomUUID` only on HTTPS and on their own machine. */
export function newKey(source: Source = crypto): string {
  if (typeof source.randomUUID === 'function') return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
