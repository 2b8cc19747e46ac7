import { describe, expect, it } from 'vitest';
import { cleanPurpose, cleanToken, SessionKeeper, tokenInFragment, type Surroundings } from './session';

function surroundings(hash = '', stored: Record<string, string> = {}) {
  const kept = new Map(Object.entries(stored));
  const addresses: string[] = [];
  const at: Surroundings = {
    location: { hash, pathname: '/graphiql', search: '?a=1' },
    history: { state: null, replaceState: (_state, _title, address) => addresses.push(String(address)) },
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    },
  };
  return { at, kept, addresses };
}

describe('tokenInFragment', () => {
  it.each([
    ['#token=abc', 'abc'],
    ['#token=a%2Bb%3D%3D', 'a+b=='],
    ['#token=a+b/c==', 'a+b/c=='],
    ['#token=abc&more=1', 'abc'],
    ['#token=', null],
    ['#token=%zz', null],
    ['#token=two words', null],
    ['#/jobs', null],
    ['', null],
  ])('reads %s', (hash, token) => {
    expect(tokenInFragment(hash)).toBe(token);
  });
});

describe('cleanToken', () => {
  it.each([
    ['  abc\n', 'abc'],
    ['Bearer abc', 'abc'],
    ['Authorization: Bearer abc', 'abc'],
    ['http://127.0.0.1:8080/#token=abc', 'abc'],
    ['', null],
    ['two words', null],
    ['ñandú', null],
    ['a'.repeat(5000), null],
  ])('takes %j', (text, token) => {
    expect(cleanToken(text)).toBe(token);
  });
});

describe('cleanPurpose', () => {
  it.each([
    ['  fraud case 12 ', 'fraud case 12'],
    ['two\r\nlines\tand\u0000more', 'two lines and more'],
    ['Reclamación 17', 'Reclamación 17'],
    ['a'.repeat(200), 'a'.repeat(200)],
    ['a'.repeat(201), null],
    [' \n ', null],
    ['', null],
  ])('takes %j', (text, purpose) => {
    expect(cleanPurpose(text)).toBe(purpose);
  });
});

describe('a purpose', () => {
  const KEY = 'phoneregistry.purpose';

  it('is kept for the tab, and gone when it is taken back', () => {
    const { at, kept } = surroundings('#token=abc');
    const session = new SessionKeeper(at);
    session.setPurpose('case 12');
    expect(session.purpose).toBe('case 12');
    expect(kept.get(KEY)).toBe('case 12');
    expect(new SessionKeeper({ ...at, location: { hash: '', pathname: '/', search: '' } }).purpose).toBe('case 12');
    session.setPurpose(null);
    expect(session.purpose).toBeNull();
    expect(kept.has(KEY)).toBe(false);
  });

  it('stays when the same caller comes again, and goes with the caller', () => {
    const { at, kept } = surroundings('#token=abc');
    const session = new SessionKeeper(at);
    session.setPurpose('case 12');
    session.signIn('abc');
    expect(session.purpose).toBe('case 12');
    session.signIn('other');
    expect(session.purpose).toBeNull();
    expect(kept.has(KEY)).toBe(false);
    session.setPurpose('case 13');
    session.refused('other');
    expect(session.purpose).toBeNull();
    expect(kept.has(KEY)).toBe(false);
  });

  it('is nobody’s without a caller', () => {
    expect(new SessionKeeper(surroundings('', { [KEY]: 'left over' }).at).purpose).toBeNull();
    const session = new SessionKeeper(surroundings().at);
    session.setPurpose('case 12');
    expect(session.purpose).toBeNull();
  });
});

describe('SessionKeeper', () => {
  it('takes the token out of the address, keeps it, and strips it from there', () => {
    const { at, kept, addresses } = surroundings('#token=abc');
    const session = new SessionKeeper(at);
    expect(session.token).toBe('abc');
    expect(addresses).toEqual(['/graphiql?a=1']);
    expect([...kept.values()]).toEqual(['abc']);
  });

  it('strips a token that cannot be read, and keeps the one it had', () => {
    const { at, kept, addresses } = surroundings('#token=%zz', { 'phoneregistry.token': 'old' });
    expect(new SessionKeeper(at).token).toBe('old');
    expect(addresses).toHaveLength(1);
    expect([...kept.values()]).toEqual(['old']);
  });

  it('leaves other fragments alone', () => {
    const { at, addresses } = surroundings('#/jobs');
    expect(new SessionKeeper(at).token).toBeNull();
    expect(addresses).toEqual([]);
  });

  it('goes on with the token of the tab', () => {
    expect(new SessionKeeper(surroundings('', { 'phoneregistry.token': 'kept' }).at).token).toBe('kept');
  });

  it('forgets a refused token, and says why', () => {
    const { at, kept } = surroundings('#token=abc');
    const session = new SessionKeeper(at);
    session.refused('abc');
    expect(session.token).toBeNull();
    expect(session.store.get().notice).toContain('did not accept');
    expect(kept.size).toBe(0);
  });

  it('keeps a newer token when an older one is refused late', () => {
    const session = new SessionKeeper(surroundings('#token=old').at);
    session.signIn('new');
    session.refused('old');
    expect(session.token).toBe('new');
    expect(session.store.get().notice).toBeNull();
  });

  it('works without storage', () => {
    const { at } = surroundings('#token=abc');
    const denied = () => {
      throw new Error('denied');
    };
    at.storage = { getItem: denied, setItem: denied, removeItem: denied };
    const session = new SessionKeeper(at);
    expect(session.token).toBe('abc');
    session.signOut();
    expect(session.token).toBeNull();
  });

  it('tells its readers', () => {
    const session = new SessionKeeper(surroundings().at);
    const seen: (string | null)[] = [];
    const stop = session.store.subscribe(() => seen.push(session.token));
    session.signIn('a');
    session.signOut();
    stop();
    session.signIn('b');
    expect(seen).toEqual(['a', null]);
  });
});
