import { describe, expect, it } from 'vitest';
import { linkState } from '../dashboard/components/linkState';
import { backoff } from './backoff';
import { isDisconnect, isRefusal, socketAddress } from './socket';

describe('isRefusal and isDisconnect', () => {
  it.each([
    [{ code: 4401 }, true, false],
    [{ code: 4403 }, true, false],
    [{ code: 1000 }, false, true],
    [{ code: 1006 }, false, true],
    [{ code: 1012 }, false, true],
    [{ code: 4408 }, false, true],
    [{ type: 'error' }, false, true],
    [new Error('a fault of this page'), false, false],
    ['text', false, false],
    [null, false, false],
  ])('%j', (event, refusal, disconnect) => {
    expect(isRefusal(event)).toBe(refusal);
    expect(isDisconnect(event)).toBe(disconnect);
  });
});

describe('socketAddress', () => {
  it('stays on the page’s own origin and scheme', () => {
    expect(socketAddress({ protocol: 'http:', host: '127.0.0.1:8080' })).toBe('ws://127.0.0.1:8080/graphql');
    expect(socketAddress({ protocol: 'https:', host: 'example.com' })).toBe('wss://example.com/graphql');
  });
});

describe('backoff', () => {
  it('doubles up to ten seconds, less a random half', () => {
    const longest = [0, 1, 2, 3, 4, 5, 6, 60].map((attempt) => backoff(attempt, () => 0));
    expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
    expect(backoff(1, () => 1)).toBe(500);
  });
});

describe('linkState', () => {
  it.each([
    [true, 'idle', 'connected'],
    [true, 'connecting', 'connected'],
    [true, 'open', 'live'],
    [true, 'waiting', 'reconnecting'],
    [false, 'open', 'away'],
    [false, 'waiting', 'away'],
  ] as const)('reachable %s, socket %s: %s', (reachable, socket, state) => {
    expect(linkState(reachable, socket).state).toBe(state);
  });
});
