import { cache } from './hooks';
import { JobsQuery } from './operations';
import { ScheduleJobsQuery, ScheduleQuery, SchedulesQuery } from './scheduleOperations';

/** Fetches anew what an action on a schedule has changed. */
export function schedulesChanged(): void {
  cache.invalidate(SchedulesQuery, ScheduleQuery, ScheduleJobsQuery, JobsQuery);
}
