// Following jobs: the row as last fetched, overlaid with what the subscription has pushed since.
import { useEffect } from 'react';
import { cache, useSubscription } from './hooks';
import { isOver, merged, type LiveJob } from './jobState';
import { JobFailuresQuery, JobProgress, JobQuery, JobsQuery, LeadsQuery, StatsQuery, type Job } from './operations';
import { ScheduleJobsQuery } from './scheduleOperations';

/** Fetches anew what an action on a job, or its end, has changed. */
export function jobsChanged(): void {
  cache.invalidate(JobsQuery, JobQuery, JobFailuresQuery, ScheduleJobsQuery);
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
