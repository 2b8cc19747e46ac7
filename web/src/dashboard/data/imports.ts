// Following imports: the row as last fetched, overlaid with what the subscription has pushed since.
import { useEffect } from 'react';
import { cache, useSubscription } from './hooks';
import { isDone, mergedImport, type LiveImport } from './importState';
import { ImportProgress, ImportQuery, ImportsQuery, QuarantineQuery, StatsQuery, type ImportBatch } from './operations';

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
