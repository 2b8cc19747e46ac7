// What a job is and what may be done to it: no more than functions of what the server said.
import type { ResultOf } from '../graphql';
import type { Job, JobProgress, JobStatus, PlatformCounts } from './operations';

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
      return failed > 0 ? ['retry'] : [];
    case 'CANCELLED':
      return [];
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
  skipped: number;
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
    skipped: job.skipped,
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
    skipped: progress.skipped,
    isPlanned: progress.job.isPlanned,
    ratePerSecond: progress.ratePerSecond,
    etaSeconds: progress.etaSeconds,
    platforms: progress.platforms,
    errorMessage: progress.job.errorMessage,
    startedAt: progress.job.startedAt,
    completedAt: progress.job.completedAt,
  };
}

/** What the whole job has done in a second on average; null before it has begun. */
export function averageRate(job: LiveJob): number | null {
  if (job.startedAt === null || job.completedAt === null) return null;
  const seconds = (Date.parse(job.completedAt) - Date.parse(job.startedAt)) / 1000;
  return seconds > 0 ? job.processed / seconds : null;
}
