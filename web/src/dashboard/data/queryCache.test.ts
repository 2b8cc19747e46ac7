import { describe, expect, it } from 'vitest';
import { ApiError } from '../../shared/errors';
import { graphql } from '../graphql';
import { QueryCache, type Clock, type Run } from './queryCache';

const One = graphql(`query One { viewer { name } }`);
const Two = graphql(`query Two { platforms { platform } }`);

interface Asked {
  name: string;
  variables: unknown;
  signal: AbortSignal;
  answer: (data: unknown) => Promise<void>;
  fail: (error: Error) => Promise<void>;
}

/** Everything that is settled has run when this is over. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp() {
  const asked: Asked[] = [];
  const timers = new Map<number, { run: () => void; ms: number }>();
  let next = 1;
  let visible = true;
  let now = 1_000_000;
  const run: Run = (operation, variables, signal) =>
    new Promise((resolve, reject) => {
      asked.push({
        name: (operation as unknown) === One ? 'One' : 'Two',
        variables,
        signal,
        answer: (data) => {
          resolve(data as never);
          return settled();
        },
        fail: (error) => {
          reject(error);
          return settled();
        },
      });
    });
  const clock: Clock = {
    setTimeout: (callback, ms) => {
      timers.set(next, { run: callback, ms });
      return next++;
    },
    clearTimeout: (timer) => void timers.delete(timer as number),
    now: () => now,
    random: () => 0,
    visible: () => visible,
  };
  return {
    asked,
    timers,
    cache: new QueryCache(run, clock),
    pass: (ms: number) => {
      now += ms;
    },
    hide: (hidden: boolean) => {
      visible = !hidden;
    },
    /** Lets the only timer go off. */
    tick: () => {
      const [[timer, { run: callback }] = [0, { run: () => undefined }], ...others] = [...timers];
      expect(others).toEqual([]);
      timers.delete(timer);
      callback();
    },
  };
}

describe('a query', () => {
  it('is asked once for all its readers', async () => {
    const { asked, cache } = setUp();
    let told = 0;
    const query = cache.query(One, {});
    expect(cache.query(One, {})).toBe(query);
    query.subscribe(() => told++, 0);
    query.subscribe(() => told++, 0);
    expect(asked).toHaveLength(1);
    expect(query.get()).toEqual({ data: null, error: null, fetching: true });
    told = 0;
    await asked[0]?.answer({ viewer: { name: 'a' } });
    expect(query.get()).toEqual({ data: { viewer: { name: 'a' } }, error: null, fetching: false });
    expect(told).toBe(2);
  });

  it('is another one with other variables', () => {
    const { cache } = setUp();
    const ById = graphql(`query ById($id: ID!) { node(id: $id) { id } }`);
    expect(cache.query(ById, { id: 'a' })).not.toBe(cache.query(ById, { id: 'b' }));
    expect(cache.query(ById, { id: 'a' })).toBe(cache.query(ById, { id: 'a' }));
  });

  it('is stopped when the last reader leaves, and its late answer ignored', async () => {
    const { asked, cache } = setUp();
    const query = cache.query(One, {});
    query.subscribe(() => undefined, 1000)();
    expect(asked[0]?.signal.aborted).toBe(true);
    await asked[0]?.answer({ viewer: { name: 'late' } });
    expect(query.get()).toEqual({ data: null, error: null, fetching: false });
  });

  it('keeps what it knows when the server goes away, and tries again', async () => {
    const { asked, cache, tick } = setUp();
    const query = cache.query(One, {});
    query.subscribe(() => undefined, 0);
    await asked[0]?.answer({ viewer: { name: 'a' } });
    query.refetch();
    await asked[1]?.fail(new ApiError('network', 'away'));
    expect(query.get()).toMatchObject({ data: { viewer: { name: 'a' } }, error: { kind: 'network' } });
    tick();
    await asked[2]?.answer({ viewer: { name: 'b' } });
    expect(query.get()).toEqual({ data: { viewer: { name: 'b' } }, error: null, fetching: false });
  });

  it.each(['unauthorized', 'request', 'forbidden', 'server'] as const)('does not try again after %s', async (kind) => {
    const { asked, cache, timers } = setUp();
    cache.query(One, {}).subscribe(() => undefined, 0);
    await asked[0]?.fail(new ApiError(kind, 'no'));
    expect(timers.size).toBe(0);
  });

  it.each([
    ['forbidden', []],
    ['limit', []],
    ['timeout', [30_000]],
    ['request', [1_000]],
  ] as const)('after %s is polled with these pauses: %j', async (kind, pauses) => {
    const { asked, cache, timers } = setUp();
    cache.query(One, {}).subscribe(() => undefined, 1_000);
    await asked[0]?.fail(new ApiError(kind, 'no'));
    expect([...timers.values()].map(({ ms }) => ms)).toEqual(pauses);
  });

  it('is polled as often as its most eager reader wants, and no longer than there is one', async () => {
    const { asked, cache, timers, tick } = setUp();
    const query = cache.query(One, {});
    const slow = query.subscribe(() => undefined, 10_000);
    const fast = query.subscribe(() => undefined, 5_000);
    await asked[0]?.answer({ viewer: { name: 'a' } });
    expect([...timers.values()].map(({ ms }) => ms)).toEqual([5_000]);
    tick();
    expect(asked).toHaveLength(2);
    fast();
    await asked[1]?.answer({ viewer: { name: 'a' } });
    expect([...timers.values()].map(({ ms }) => ms)).toEqual([10_000]);
    slow();
    expect(timers.size).toBe(0);
  });

  it('rests while nobody sees the page', async () => {
    const { asked, cache, hide, tick, timers } = setUp();
    cache.query(One, {}).subscribe(() => undefined, 1_000);
    await asked[0]?.answer({ viewer: { name: 'a' } });
    hide(true);
    tick();
    expect(asked).toHaveLength(1);
    expect(timers.size).toBe(1);
    hide(false);
    tick();
    expect(asked).toHaveLength(2);
  });

  it('believes the newer of two answers', async () => {
    const { asked, cache } = setUp();
    const query = cache.query(One, {});
    query.subscribe(() => undefined, 0);
    query.refetch();
    await asked[1]?.answer({ viewer: { name: 'new' } });
    await asked[0]?.answer({ viewer: { name: 'old' } });
    expect(query.get().data).toEqual({ viewer: { name: 'new' } });
  });
});

describe('too many requests', () => {
  it('hold all queries for as long as the server says', async () => {
    const { asked, cache, timers, tick, pass } = setUp();
    cache.query(One, {}).subscribe(() => undefined, 1_000);
    await asked[0]?.fail(new ApiError('busy', 'too many', { waitMs: 7_000 }));
    expect(cache.hold.get()).toBe(1_007_000);
    expect([...timers.values()].map(({ ms }) => ms)).toEqual([7_000]);
    const other = cache.query(Two, {});
    const leave = other.subscribe(() => undefined, 0);
    other.refetch();
    expect(asked.map(({ name }) => name)).toEqual(['One']);
    expect(other.get()).toEqual({ data: null, error: null, fetching: false });
    expect([...timers.values()].map(({ ms }) => ms)).toEqual([7_000, 7_000]);
    leave();
    pass(7_000);
    tick();
    expect(asked.map(({ name }) => name)).toEqual(['One', 'One']);
    await asked[1]?.answer({ viewer: { name: 'a' } });
    expect(cache.query(One, {}).get().error).toBeNull();
  });

  it('hold for a while when the server does not say how long', async () => {
    const { asked, cache, timers } = setUp();
    cache.query(One, {}).subscribe(() => undefined, 0);
    await asked[0]?.fail(new ApiError('busy', 'too many'));
    expect([...timers.values()].map(({ ms }) => ms)).toEqual([3_000]);
  });
});

describe('the cache', () => {
  it('forgets what another purpose has shown, and asks anew for what is on the screen', async () => {
    const { asked, cache } = setUp();
    const [kept, shown] = [cache.query(One, {}), cache.query(Two, {})];
    kept.subscribe(() => undefined, 0);
    shown.subscribe(() => undefined, 0);
    await asked[0]?.answer({ viewer: { name: 'a' } });
    await asked[1]?.answer({ platforms: [] });
    cache.reset(One);
    expect(asked.map(({ name }) => name)).toEqual(['One', 'Two', 'One', 'Two']);
    expect(kept.get()).toMatchObject({ data: { viewer: { name: 'a' } }, fetching: true });
    expect(shown.get()).toEqual({ data: null, error: null, fetching: true });
    expect(cache.query(Two, {})).toBe(shown);
  });

  it('fetches anew what is on the screen, and forgets the rest', async () => {
    const { asked, cache } = setUp();
    const shown = cache.query(One, {});
    shown.subscribe(() => undefined, 0);
    const left = cache.query(Two, {});
    left.subscribe(() => undefined, 0)();
    await asked[0]?.answer({ viewer: { name: 'a' } });
    cache.invalidate(Two);
    expect(asked.map(({ name }) => name)).toEqual(['One', 'Two']);
    expect(cache.query(Two, {})).not.toBe(left);
    cache.invalidate(One, Two);
    expect(asked.map(({ name }) => name)).toEqual(['One', 'Two', 'One']);
    expect(cache.query(One, {})).toBe(shown);
  });

  it('forgets everything at a change of the caller', async () => {
    const { asked, cache } = setUp();
    const query = cache.query(One, {});
    query.subscribe(() => undefined, 1_000);
    await asked[0]?.answer({ viewer: { name: 'a' } });
    cache.clear();
    expect(cache.query(One, {}).get().data).toBeNull();
  });

  it('is bounded, but never drops what is on the screen', () => {
    const { cache } = setUp();
    const ById = graphql(`query ById($id: ID!) { node(id: $id) { id } }`);
    const shown = cache.query(ById, { id: 'shown' });
    shown.subscribe(() => undefined, 0);
    const dropped = cache.query(ById, { id: 'left' });
    for (let i = 0; i < 200; i++) cache.query(ById, { id: String(i) });
    expect(cache.query(ById, { id: 'shown' })).toBe(shown);
    expect(cache.query(ById, { id: 'left' })).not.toBe(dropped);
  });
});
