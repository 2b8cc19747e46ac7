// What an import is: no more than functions of what the server said.
import type { ResultOf } from '../graphql';
import type { ImportBatch, ImportProgress, ImportStatus } from './operations';

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
