import { describe, expect, it } from 'vitest';
import type { Quota } from './fleetOperations';
import { budgetPart, budgetText, failedPart, holdText, isSlowed, rateText, seenText } from './fleetState';

const quota: Quota = {
  credential: 'main',
  ratePerSecond: null,
  currentRate: null,
  concurrency: null,
  budgetPerDay: null,
  spentToday: 120,
};

it.each<[Partial<Quota>, string, boolean]>([
  [{}, 'no limit', false],
  [{ currentRate: 12 }, '12/s now', false],
  [{ ratePerSecond: 50 }, '50/s', false],
  [{ ratePerSecond: 50, currentRate: 50 }, '50/s', false],
  [{ ratePerSecond: 50, currentRate: 12.5 }, '13/s now, 50/s configured', true],
  [{ ratePerSecond: 50, currentRate: 0 }, '0/s now, 50/s configured', true],
])('the rate of %j', (part, text, slowed) => {
  expect(rateText({ ...quota, ...part })).toBe(text);
  expect(isSlowed({ ...quota, ...part })).toBe(slowed);
});

it.each<[number | null, string, number | null]>([
  [null, '120 today', null],
  [1_000, '120 of 1,000 today', 0.12],
  [100, '120 of 100 today', 1],
  [0, '120 of 0 today', 1],
])('a budget of %j', (budgetPerDay, text, part) => {
  expect(budgetText({ ...quota, budgetPerDay })).toBe(text);
  expect(budgetPart({ ...quota, budgetPerDay })).toBe(part);
});

describe('holdText', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  it.each([
    [null, null, null],
    [null, 'asks half of what is configured', 'asks half of what is configured'],
    ['2026-11-21T12:00:30Z', null, 'Held for 30 s'],
    ['2026-11-21T12:02:00Z', '429', 'Held for 2 min: 429'],
    ['2026-11-21T11:59:59Z', '429', 'About to go on: 429'],
  ])('until %s because of %s', (heldUntil, reason, text) => {
    expect(holdText({ heldUntil, reason }, now)).toBe(text);
  });
});

it('tells when a worker was last heard of, also when clocks differ', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  expect(seenText('2026-11-21T11:59:57Z', now)).toBe('3 s ago');
  expect(seenText('2026-11-21T12:00:10Z', now)).toBe('now');
});

it('tells the part that failed', () => {
  expect(failedPart({ checked: 0, failed: 0 })).toBeNull();
  expect(failedPart({ checked: 200, failed: 5 })).toBe(0.025);
});
