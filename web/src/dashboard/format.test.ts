import { describe, expect, it } from 'vitest';
import { ago, bytes, compact, count, duration, label, percent, plural, rate, regionName, secondsOf, soon, span } from './format';

it.each([
  [0, '0'],
  [999_999, '999,999'],
  [1_250_000, '1.3M'],
])('compact %d', (n, text) => {
  expect(compact(n)).toBe(text);
});

it.each([
  [0, '0%'],
  [0.0001, '<1%'],
  [0.5, '50%'],
  [0.9999, '99%'],
  [1, '100%'],
])('percent %d', (part, text) => {
  expect(percent(part)).toBe(text);
});

it.each([
  [-1, '–'],
  [Number.NaN, '–'],
  [Number.POSITIVE_INFINITY, '–'],
  [0.4, '<1 s'],
  [45.2, '45 s'],
  [59.7, '1 min'],
  [200, '3 min 20 s'],
  [3_600, '1 h'],
  [3_605, '1 h'],
  [7_500, '2 h 5 min'],
  [356_400, '4 d 3 h'],
])('duration %d', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [48_234_111, '48 MB'],
  [2.5e12, '2.5 TB'],
  [5e15, '5,000 TB'],
])('bytes %d', (n, text) => {
  expect(bytes(n)).toBe(text);
});

it.each([
  [0.25, '0.3/s'],
  [12.7, '13/s'],
  [41_234, '41,234/s'],
])('rate %d', (perSecond, text) => {
  expect(rate(perSecond)).toBe(text);
});

describe('ago', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  it.each([
    ['2026-11-21T11:59:40Z', 'just now'],
    ['2026-11-21T12:00:05Z', 'just now'],
    ['2026-11-21T11:55:00Z', '5 minutes ago'],
    ['2026-11-21T09:00:00Z', '3 hours ago'],
    ['2026-11-20T11:00:00Z', 'yesterday'],
    ['2026-11-11T12:00:00Z', '10 days ago'],
    ['nonsense', '–'],
  ])('%s', (time, text) => {
    expect(ago(time, now)).toBe(text);
  });
});

describe('soon', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  it.each([
    ['2026-11-21T12:05:00Z', 'in 5 minutes'],
    ['2026-11-21T12:00:20Z', 'in less than a minute'],
    ['2026-11-21T12:00:00Z', 'now'],
    ['2026-11-21T11:00:00Z', 'now'],
    ['nonsense', '–'],
  ])('%s', (time, text) => {
    expect(soon(time, now)).toBe(text);
  });
});

it.each([
  ['PT15M', 900, '15 min'],
  ['P1D', 86_400, '1 d'],
  ['P1DT12H', 129_600, '1 d 12 h'],
  ['P30D', 2_592_000, '30 d'],
  ['P1M', 2_592_000, '30 d'],
  ['P1Y', 31_536_000, '365 d'],
  ['P2W', 1_209_600, '14 d'],
  ['PT1.5S', 1.5, '2 s'],
  ['P', null, 'P'],
  ['PT', null, 'PT'],
  ['P1DT', null, 'P1DT'],
  ['1 day', null, '1 day'],
])('secondsOf and span %s', (iso, seconds, text) => {
  expect(secondsOf(iso)).toBe(seconds);
  expect(span(iso)).toBe(text);
});

it.each([
  ['CO', 'Colombia'],
  ['ZZ', 'No country'],
  [null, 'No country'],
  ['', 'No country'],
  ['001', 'International'],
  ['C', 'C'],
])('regionName %s', (code, name) => {
  expect(regionName(code)).toBe(name);
});

it.each([
  ['WHATSAPP', 'WhatsApp'],
  ['NOT_FOUND', 'Not found'],
  ['too_short', 'Too short'],
  ['', ''],
])('label %s', (name, words) => {
  expect(label(name)).toBe(words);
});

it('counts and names', () => {
  expect(count(1234.4)).toBe('1,234');
  expect(plural(1, 'number')).toBe('1 number');
  expect(plural(2000, 'number')).toBe('2,000 numbers');
});
