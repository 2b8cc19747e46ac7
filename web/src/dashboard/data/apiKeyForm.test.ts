import { describe, expect, it } from 'vitest';
import { blankKey, createOf, expiryOf, lacking, lackingChange, scopesText, updateOf, wrongLife, type KeyForm } from './apiKeyForm';

const now = Date.parse('2026-11-22T12:00:00Z');
const form: KeyForm = { ...blankKey, name: 'nightly', role: 'ANALYST' };

describe('a new key', () => {
  it('has all scopes of its role, and an end', () => {
    expect(createOf(form, now)).toEqual({ name: 'nightly', role: 'ANALYST', expiresAt: '2027-02-20T12:00:00.000Z' });
  });

  it('names its scopes only when some of the role’s are withheld', () => {
    expect(createOf({ ...form, withheld: ['EXPORT', 'JOBS'] }, now).scopes).toEqual(['READ', 'AGGREGATE']);
    expect(createOf({ ...form, withheld: ['JOBS'] }, now)).not.toHaveProperty('scopes');
  });

  it('works until it is revoked when that is chosen', () => {
    expect(createOf({ ...form, life: 'never' }, now)).not.toHaveProperty('expiresAt');
  });

  it.each([
    [{ name: '  ' }, 'name'],
    [{ withheld: ['READ', 'AGGREGATE', 'EXPORT'] }, 'scope'],
    [{ life: 'date', date: '' }, 'last day'],
    [{ life: 'date', date: '2026-13-40' }, 'last day'],
    [{ life: 'date', date: '2026-11-01' }, 'is over'],
  ] as const)('lacks something with %j', (part, word) => {
    expect(lacking({ ...form, ...part }, now)).toContain(word);
  });

  it('lacks nothing else', () => {
    expect(lacking(form, now)).toBeNull();
    expect(lacking({ ...form, life: 'date', date: '2026-12-01' }, now)).toBeNull();
  });
});

describe('the end of a key', () => {
  it('is the end of a day where the reader is', () => {
    const end = new Date(expiryOf({ life: 'date', date: '2026-12-01' }, now) ?? '');
    expect([end.getDate(), end.getHours(), end.getMinutes()]).toEqual([1, 23, 59]);
  });

  it.each([
    ['7', '2026-11-29T12:00:00.000Z'],
    ['365', '2027-11-22T12:00:00.000Z'],
    ['never', null],
  ] as const)('%s', (life, at) => {
    expect(expiryOf({ life, date: '' }, now)).toBe(at);
  });

  it('is wrong only when it is a day', () => {
    expect(wrongLife({ life: '30', date: 'nonsense' }, now)).toBeNull();
  });
});

describe('a change', () => {
  const was = { id: 'key_1', name: 'nightly' };

  it('says only what has changed', () => {
    expect(updateOf({ name: 'nightly ', life: 'keep', date: '' }, was, now)).toEqual({ id: 'key_1' });
    expect(updateOf({ name: 'daily', life: 'keep', date: '' }, was, now)).toEqual({ id: 'key_1', name: 'daily' });
    expect(updateOf({ name: 'nightly', life: 'never', date: '' }, was, now)).toEqual({ id: 'key_1', expiresAt: null });
    expect(updateOf({ name: 'nightly', life: '7', date: '' }, was, now)).toEqual({ id: 'key_1', expiresAt: '2026-11-29T12:00:00.000Z' });
  });

  it('needs a name, and a day when one is chosen', () => {
    expect(lackingChange({ name: '', life: 'keep', date: '' }, now)).toContain('name');
    expect(lackingChange({ name: 'a', life: 'date', date: '' }, now)).toContain('day');
    expect(lackingChange({ name: 'a', life: 'keep', date: '' }, now)).toBeNull();
  });
});

describe('scopesText', () => {
  it('names what is left of a role', () => {
    expect(scopesText({ role: 'ANALYST', scopes: ['READ', 'AGGREGATE', 'EXPORT'] }, (scope) => scope)).toBe('all of its role');
    expect(scopesText({ role: 'ANALYST', scopes: ['READ', 'EXPORT'] }, (scope) => scope)).toBe('READ, EXPORT');
  });
});
