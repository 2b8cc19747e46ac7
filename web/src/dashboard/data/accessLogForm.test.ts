import { describe, expect, it } from 'vitest';
import { blankLog, logFilterOf, wrongLog } from './accessLogForm';

describe('logFilterOf', () => {
  it('asks for everything when nothing is told', () => {
    expect(logFilterOf(blankLog)).toBeNull();
    expect(logFilterOf({ ...blankLog, actor: '  ', least: '0' })).toBeNull();
  });

  it('asks for what is told', () => {
    const filter = logFilterOf({ actor: ' steward ', requestId: 'r-1', since: '2026-11-01T08:00', until: '2026-11-02T08:00', least: '100' });
    expect(filter).toMatchObject({ actor: 'steward', requestId: 'r-1', minRevealed: 100 });
    expect(new Date(filter?.since ?? '').getTime()).toBe(new Date(2026, 10, 1, 8).getTime());
    expect(new Date(filter?.until ?? '').getTime()).toBe(new Date(2026, 10, 2, 8).getTime());
  });
});

describe('wrongLog', () => {
  it.each([
    [{ least: 'many' }, 'whole number'],
    [{ least: '-1' }, 'whole number'],
    [{ since: '2026-11-02T08:00', until: '2026-11-01T08:00' }, 'before it begins'],
    [{ since: '2026-11-02T08:00', until: '2026-11-02T08:00' }, 'before it begins'],
  ])('%j', (part, word) => {
    expect(wrongLog({ ...blankLog, ...part })).toContain(word);
  });

  it('finds nothing wrong with what is left out', () => {
    expect(wrongLog(blankLog)).toBeNull();
    expect(wrongLog({ ...blankLog, since: '2026-11-02T08:00' })).toBeNull();
  });
});
