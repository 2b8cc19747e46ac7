import { expect, it } from 'vitest';
import { newKey } from './newKey';

it('is a UUID where the browser makes them', () => {
  expect(newKey()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

it('is as random where it does not', () => {
  const plain = { getRandomValues: crypto.getRandomValues.bind(crypto) };
  const keys = new Set(Array.from({ length: 100 }, () => newKey(plain)));
  expect(keys.size).toBe(100);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
});
