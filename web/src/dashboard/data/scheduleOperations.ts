// Operations on standing schedules.
import { graphql, type ResultOf } from '../graphql';
import { JobFields } from './operations';

const ScheduleFields = graphql(`
  fragment ScheduleFields on ValidationSchedule @_unmask {
    id name status platforms every budgetPerDay spentToday recheckAfter priority
    batchSize maxConcurrent retryAttempts nextRunAt lastRunAt lastSkipReason createdBy createdAt updatedAt
    filter { regions lineTypes customerIds sources isVerified isValid numberPrefix minScore tiers platforms }
  }
`);

export const SchedulesQuery = graphql(
  `
    query Schedules($first: Int!, $after: String) {
      validationSchedules(first: $first, after: $after) {
        nodes { ...ScheduleFields }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [ScheduleFields],
);

export const ScheduleQuery = graphql(
  `query Schedule($id: ID!) { validationSchedule(id: $id) { ...ScheduleFields } }`,
  [ScheduleFields],
);

export const ScheduleJobsQuery = graphql(
  `
    query ScheduleJobs($id: ID!, $first: Int!, $after: String) {
      validationSchedule(id: $id) {
        jobs(first: $first, after: $after) {
          nodes { ...JobFields }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  `,
  [JobFields],
);

export const CreateSchedule = graphql(`
  mutation CreateSchedule($input: CreateValidationScheduleInput!) {
    createValidationSchedule(input: $input) { schedule { id } userErrors { code message path } }
  }
`);

export const UpdateSchedule = graphql(`
  mutation UpdateSchedule($input: UpdateValidationScheduleInput!) {
    updateValidationSchedule(input: $input) { schedule { id } userErrors { code message path } }
  }
`);

export const PauseSchedule = graphql(`
  mutation PauseSchedule($id: ID!) {
    pauseValidationSchedule(input: { id: $id }) { schedule { id status } userErrors { code message path } }
  }
`);

export const ResumeSchedule = graphql(`
  mutation ResumeSchedule($id: ID!) {
    resumeValidationSchedule(input: { id: $id }) { schedule { id status } userErrors { code message path } }
  }
`);

export const RunSchedule = graphql(`
  mutation RunSchedule($id: ID!) {
    runValidationSchedule(input: { id: $id }) {
      schedule { id lastSkipReason }
      job { id name }
      userErrors { code message path }
    }
  }
`);

export const DeleteSchedule = graphql(`
  mutation DeleteSchedule($id: ID!) {
    deleteValidationSchedule(input: { id: $id }) { deletedId userErrors { code message path } }
  }
`);

export type Schedule = ResultOf<typeof ScheduleFields>;
export type Conditions = Schedule['filter'];
