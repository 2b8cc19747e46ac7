// What a job is now: its row as last fetched, overlaid with what its subscription has pushed since.
import { useEffect } from 'react';
import { cache, useSubscription } from './hooks';
import {
  JobFailuresQuery,
  JobProgress,
  JobQuery,
  JobsQuery,
  LeadsQuery,
  StatsQuery,
  type Job,
  type JobStatus,
  type PlatformCounts,
} from './operations';
import type { ResultOf } from '../graphql';

export type Action = 'pause' | 'resume' | 'cancel' | 'retry';

/** What may be done to a job in this state. */
export function actionsFor(status: JobStatus, failed: number): Action[] {
  switch (status) {
    case 'QUEUED':
    case 'RUNNING':
      return ['pause', 'cancel'];
    case 'PAUSED':
      return ['resume', 'cancel'];
    case 'COMPLETED':
    case 'FAILED':
    case 'CANCELLED':
      return failed > 0 ? ['retry'] : [];
  }
}

export const isOver = (status: JobStatus) =>
  status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED';

export interface LiveJob {
  status: JobStatus;
  total: number;
  processed: number;
  succeeded: number;
  failed: number;
  isPlanned: boolean;
  ratePerSecond: number | null;
  etaSeconds: number | null;
  platforms: readonly PlatformCounts[];
  errorMessage: string | null;
  startedAt: string | null;
  completedAt: string | null;
}

type Progress = ResultOf<typeof JobProgress>['validationJobProgress'];

/** The newer of both: counts of a job never fall, and a final state stays (until a retry). */
export function merged(job: Job, progress: Progress | null): LiveJob {
  const fetched: LiveJob = {
    status: job.status,
    total: job.total,
    processed: job.processed,
    succeeded: job.succeeded,
    failed: job.failed,
    isPlanned: job.isPlanned,
    ratePerSecond: null,
    etaSeconds: null,
    platforms: job.progress,
    errorMessage: job.errorMessage,
    startedAt: job.startedAt,
    completedAt: job.completedAt,
  };
  if (progress === null || (isOver(job.status) && !isOver(progress.status))) return fetched;
  return {
    status: progress.status,
    total: progress.total,
    processed: progress.processed,
    succeeded: progress.succeeded,
    failed: progress.failed,
    isPlanned: progress.job.isPlanned,
    ratePerSecond: progress.ratePerSecond,
    etaSeconds: progress.etaSeconds,
    platforms: progress.platforms,
    errorMessage: progress.job.errorMessage,
    startedAt: progress.job.startedAt,
    completedAt: progress.job.completedAt,
  };
}

/** Fetches anew what an action on a job, or its end, has changed. */
export function jobsChanged(): void {
  cache.invalidate(JobsQuery, JobQuery, JobFailuresQuery);
}

/** Follows a job for as long as it goes on. */
export function useLiveJob(job: Job): LiveJob {
  const { data, done } = useSubscription(JobProgress, { id: job.id }, isOver(job.status));
  const progress = data?.validationJobProgress ?? null;
  const ended = progress !== null && isOver(progress.status);
  useEffect(() => {
    if (!ended && !done) return;
    jobsChanged();
    cache.invalidate(StatsQuery, LeadsQuery);
  }, [ended, done]);
  return merged(job, progress);
}

/** What the whole job has done in a second on average; null before it has begun. */
export function averageRate(job: LiveJob): number | null {
  if (job.startedAt === null || job.completedAt === null) return null;
  const seconds = (Date.parse(job.completedAt) - Date.parse(job.startedAt)) / 1000;
  return seconds > 0 ? job.processed / seconds : null;
}
