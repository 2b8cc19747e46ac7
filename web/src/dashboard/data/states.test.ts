import { describe, expect, it } from 'vitest';
import { mergedImport } from './importState';
import { actionsFor, averageRate, merged } from './jobState';
import type { ImportBatch, Job } from './operations';

const job: Job = {
  id: 'job_1',
  name: 'a job',
  status: 'RUNNING',
  priority: 'NORMAL',
  schedule: null,
  skipped: 3,
  platforms: ['GOOGLE'],
  total: 100,
  isPlanned: false,
  processed: 10,
  succeeded: 9,
  failed: 1,
  percent: 10,
  createdBy: 'me',
  createdAt: '2026-11-21T10:00:00Z',
  startedAt: '2026-11-21T10:00:00Z',
  completedAt: null,
  errorMessage: null,
  progress: [{ platform: 'GOOGLE', total: 100, processed: 10, succeeded: 9, failed: 1 }],
};

type Progress = NonNullable<Parameters<typeof merged>[1]>;

const progress: Progress = {
  sequence: 7,
  status: 'RUNNING',
  total: 200,
  processed: 50,
  succeeded: 45,
  failed: 5,
  skipped: 4,
  percent: 25,
  ratePerSecond: 12.5,
  etaSeconds: 12,
  platforms: [{ platform: 'GOOGLE', total: 200, processed: 50, succeeded: 45, failed: 5 }],
  job: { id: 'job_1', isPlanned: true, startedAt: '2026-11-21T10:00:01Z', completedAt: null, errorMessage: null },
};

describe('merged', () => {
  it('shows the row until something is pushed', () => {
    expect(merged(job, null)).toMatchObject({ processed: 10, total: 100, isPlanned: false, ratePerSecond: null, skipped: 3 });
  });

  it('shows what was pushed', () => {
    expect(merged(job, progress)).toMatchObject({
      processed: 50,
      total: 200,
      skipped: 4,
      isPlanned: true,
      ratePerSecond: 12.5,
      etaSeconds: 12,
      platforms: progress.platforms,
    });
  });

  it('believes a final row more than an older push', () => {
    expect(merged({ ...job, status: 'CANCELLED' }, progress)).toMatchObject({ status: 'CANCELLED', processed: 10 });
  });

  it('believes a final push', () => {
    expect(merged(job, { ...progress, status: 'COMPLETED' }).status).toBe('COMPLETED');
  });
});

describe('actionsFor', () => {
  it.each([
    ['QUEUED', 0, ['pause', 'cancel']],
    ['RUNNING', 3, ['pause', 'cancel']],
    ['PAUSED', 0, ['resume', 'cancel']],
    ['COMPLETED', 0, []],
    ['COMPLETED', 2, ['retry']],
    ['FAILED', 2, ['retry']],
    ['CANCELLED', 2, []],
  ] as const)('%s with %d failures', (status, failed, actions) => {
    expect(actionsFor(status, failed)).toEqual(actions);
  });
});

describe('averageRate', () => {
  const over = { ...merged(job, progress), completedAt: '2026-11-21T10:00:11Z' };
  it('divides what was done by the time it took', () => {
    expect(averageRate(over)).toBe(5);
  });

  it('is not known before the end, nor for no time', () => {
    expect(averageRate(merged(job, progress))).toBeNull();
    expect(averageRate({ ...over, completedAt: over.startedAt })).toBeNull();
    expect(averageRate({ ...over, startedAt: null })).toBeNull();
  });
});

describe('mergedImport', () => {
  const batch: ImportBatch = {
    id: 'imp_1',
    fileName: 'a.csv',
    source: 'web_forms',
    region: 'CO',
    status: 'RUNNING',
    bytesTotal: 400,
    bytesRead: 100,
    rowsRead: 10,
    rowsAccepted: 8,
    rowsRejected: 2,
    numbersAccepted: 9,
    phonesCreated: 7,
    contactsCreated: 7,
    contactsMerged: 2,
    rowsPerSecond: 5,
    createdBy: 'me',
    createdAt: '2026-11-21T10:00:00Z',
    completedAt: null,
    errorMessage: null,
    rejections: [],
  };
  const pushed = {
    sequence: 3,
    status: 'RUNNING' as const,
    percent: 60,
    ratePerSecond: 77,
    etaSeconds: 2,
    import: { ...batch, rowsRead: 24 },
  };

  it('counts its own percentage until something is pushed', () => {
    expect(mergedImport(batch, null)).toMatchObject({ percent: 25, etaSeconds: null });
    expect(mergedImport({ ...batch, bytesTotal: 0 }, null).percent).toBe(0);
    expect(mergedImport({ ...batch, status: 'COMPLETED' }, null).percent).toBe(100);
  });

  it('shows what was pushed, unless the row is final already', () => {
    expect(mergedImport(batch, pushed)).toMatchObject({ percent: 60, rowsRead: 24, rowsPerSecond: 77, etaSeconds: 2 });
    expect(mergedImport({ ...batch, status: 'FAILED' }, pushed)).toMatchObject({ status: 'FAILED', rowsRead: 10 });
  });
});
