import { describe, expect, it } from 'vitest';
import { ApiError, asApiError, errorOfGraphQL, errorOfStatus } from './errors';

describe('errorOfStatus', () => {
  it.each([200, 202, 204])('takes %d for a success', (status) => {
    expect(errorOfStatus(status, null)).toBeNull();
  });

  it.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'request'],
    [413, 'request'],
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
    expect(errorOfStatus(429, 'Sat, 21 Nov 2026 10:00:00 GMT')?.message).toContain('in a moment');
  });
});

describe('errorOfGraphQL', () => {
  it.each([
    ['UNAUTHENTICATED', 'unauthorized'],
    ['FORBIDDEN', 'forbidden'],
    ['TOO_COMPLEX', 'request'],
    [undefined, 'request'],
    [7, 'request'],
  ])('takes code %s for %s', (code, kind) => {
    expect(errorOfGraphQL([{ message: 'why', extensions: { code } }])).toMatchObject({ kind, message: 'why' });
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
