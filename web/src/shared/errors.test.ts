import { describe, expect, it } from 'vitest';
import { ApiError, asApiError, errorOfGraphQL, errorOfStatus, waitOf } from './errors';

describe('errorOfStatus', () => {
  it.each([200, 202, 204])('takes %d for a success', (status) => {
    expect(errorOfStatus(status, null)).toBeNull();
  });

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'request'],
    [413, 'limit'],
    [429, 'busy'],
    [500, 'server'],
    [502, 'network'],
    [503, 'network'],
    [504, 'network'],
    [304, 'request'],
  ])('takes %d for %s', (status, kind) => {
    expect(errorOfStatus(status, null)?.kind).toBe(kind);
  });

  it('says when to come back', () => {
    expect(errorOfStatus(429, '6.2')?.message).toContain('in 7 s');
    expect(errorOfStatus(429, null)?.message).toContain('in a moment');
    expect(errorOfStatus(429, 'soon')?.message).toContain('in a moment');
    expect(errorOfStatus(429, '6.2')?.waitMs).toBe(6200);
  });
});

describe('waitOf', () => {
  const now = Date.parse('2026-11-21T10:00:00Z');
  it.each([
    ['7', 7000],
    ['0.5', 500],
    ['Sat, 21 Nov 2026 10:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 09:00:00 GMT', null],
    ['0', null],
    ['-3', null],
    ['', null],
    ['soon', null],
    [null, null],
  ])('reads %j', (retryAfter, ms) => {
    expect(waitOf(retryAfter, now)).toBe(ms);
  });
});

describe('errorOfGraphQL', () => {
  it.each([
    ['UNAUTHENTICATED', 'unauthorized'],
    ['FORBIDDEN', 'forbidden'],
    ['LIMIT_EXCEEDED', 'limit'],
    ['RATE_LIMITED', 'busy'],
    ['TOO_MANY_OPERATIONS', 'busy'],
    ['TIMEOUT', 'timeout'],
    ['TOO_COMPLEX', 'request'],
    [undefined, 'request'],
    [7, 'request'],
  ])('takes code %s for %s', (code, kind) => {
    expect(errorOfGraphQL([{ message: 'why', extensions: { code } }]).kind).toBe(kind);
  });

  it('keeps the server’s words where it has none of its own', () => {
    const messages = ['FORBIDDEN', 'LIMIT_EXCEEDED', 'ANOTHER'].map((code) => errorOfGraphQL([{ message: 'why', extensions: { code } }]).message);
    for (const message of messages) expect(message).toContain('why');
  });

  it('tells which scope is lacking, and how long to wait', () => {
    expect(errorOfGraphQL([{ message: 'no', extensions: { code: 'FORBIDDEN', scope: 'JOBS' } }]).scope).toBe('JOBS');
    const busy = [{ message: 'no', extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 4 } }];
    expect(errorOfGraphQL(busy)).toMatchObject({ waitMs: 4000, message: 'No' });
    expect(errorOfGraphQL(busy, 9000).waitMs).toBe(9000);
  });

  it('takes errors without a message', () => {
    expect(errorOfGraphQL([{}]).message).not.toBe('');
    expect(errorOfGraphQL([]).kind).toBe('request');
  });
});

describe('asApiError', () => {
  it('keeps what is one, and wraps the rest', () => {
    const error = new ApiError('busy', 'wait');
    expect(asApiError(error)).toBe(error);
    expect(asApiError(new Error('broke')).message).toBe('broke');
    expect(asApiError('text').message).toBe('text');
  });
});
