// What an import is now: its row as last fetched, overlaid with what its subscription has pushed.
import { useEffect } from 'react';
import type { ResultOf } from '../graphql';
import { cache, useSubscription } from './hooks';
import {
  ImportProgress,
  ImportQuery,
  ImportsQuery,
  QuarantineQuery,
  StatsQuery,
  type ImportBatch,
  type ImportStatus,
} from './operations';

export const isDone = (status: ImportStatus) => status === 'COMPLETED' || status === 'FAILED';

export interface LiveImport extends ImportBatch {
  /** 0 to 100. */
  percent: number;
  etaSeconds: number | null;
}

type Progress = ResultOf<typeof ImportProgress>['importProgress'];

export function mergedImport(batch: ImportBatch, progress: Progress | null): LiveImport {
  const { bytesRead, bytesTotal, status } = batch;
  if (progress === null || (isDone(status) && !isDone(progress.status))) {
    const read = bytesTotal > 0 ? (100 * bytesRead) / bytesTotal : 0;
    return { ...batch, percent: status === 'COMPLETED' ? 100 : read, etaSeconds: null };
  }
  return {
    ...progress.import,
    status: progress.status,
    rowsPerSecond: progress.ratePerSecond,
    percent: progress.percent,
    etaSeconds: progress.etaSeconds,
  };
}

export function importsChanged(): void {
  cache.invalidate(ImportsQuery, ImportQuery, QuarantineQuery, StatsQuery);
}

/** Follows an import for as long as it goes on. */
export function useLiveImport(batch: ImportBatch): LiveImport {
  const { data, done } = useSubscription(ImportProgress, { id: batch.id }, isDone(batch.status));
  const progress = data?.importProgress ?? null;
  const ended = progress !== null && isDone(progress.status);
  useEffect(() => {
    if (ended || done) importsChanged();
  }, [ended, done]);
  return mergedImport(batch, progress);
}
