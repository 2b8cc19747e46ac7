// Operations of the dashboard, away from what shows them: what they may cost the server is read here. The
// caller, schedules, workers, webhooks and access have files of their own beside this one.
import { graphql, type ResultOf } from '../graphql';

export const StatsQuery = graphql(`
  query Stats {
    registryStats {
      asOf phones customers
      byRegion { region count byLineType { lineType count } }
      byLineType { lineType count }
      byTier { tier count }
    }
  }
`);

export const PlatformsQuery = graphql(`
  query Platforms { platforms { platform adapter isAvailable simulated weight } }
`);

export const SourcesQuery = graphql(`
  query Sources { sources { name priority } }
`);

export const LeadsQuery = graphql(`
  query Leads($filter: LeadFilter, $first: Int!, $after: String) {
    leads(filter: $filter, first: $first, after: $after) {
      nodes {
        total tier coverage simulated updatedAt
        phone { id number region lineType location originalCarrier }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export const LeadQuery = graphql(`
  query Lead($id: ID!) {
    node(id: $id) {
      __typename
      ... on Phone {
        timezones
        leadScore {
          total modelVersion
          components { platform weight points status method checkedAt reason }
          history(first: 10) { nodes { total tier recordedAt } }
        }
        validations { platform strength expiresAt simulated }
        customers(first: 5) { nodes { customerId source isPrimary isVerified confidence } pageInfo { hasNextPage } }
      }
    }
  }
`);

export const LeadChanges = graphql(`
  subscription LeadChanges($filter: LeadFilter) {
    leadScoreChanged(filter: $filter) { updatedAt phone { id } }
  }
`);

export const JobFields = graphql(`
  fragment JobFields on ValidationJob @_unmask {
    id name status priority platforms total isPlanned processed succeeded failed skipped percent
    schedule { id name }
    createdBy createdAt startedAt completedAt errorMessage
    progress { platform total processed succeeded failed }
  }
`);

export const JobsQuery = graphql(
  `
    query Jobs($filter: ValidationJobFilter, $first: Int!, $after: String) {
      validationJobs(filter: $filter, first: $first, after: $after) {
        nodes { ...JobFields }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [JobFields],
);

export const JobQuery = graphql(
  `
    query Job($id: ID!) {
      validationJob(id: $id) { ...JobFields batchSize maxConcurrent retryAttempts recheckAfter clientKey }
    }
  `,
  [JobFields],
);

export const JobFailuresQuery = graphql(`
  query JobFailures($id: ID!, $first: Int!, $after: String) {
    validationJob(id: $id) {
      failures(first: $first, after: $after) {
        nodes { number platform status reason attempts failedAt }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const JobProgress = graphql(`
  subscription JobProgress($id: ID!) {
    validationJobProgress(id: $id) {
      sequence status total processed succeeded failed skipped percent ratePerSecond etaSeconds
      platforms { platform total processed succeeded failed }
      job { id isPlanned startedAt completedAt errorMessage }
    }
  }
`);

export const StartJob = graphql(`
  mutation StartJob($input: StartValidationJobInput!) {
    startValidationJob(input: $input) {
      job { id }
      created
      skippedCount
      skipped { index reason }
      userErrors { code message path }
    }
  }
`);

export const PauseJob = graphql(`
  mutation PauseJob($id: ID!) {
    pauseValidationJob(input: { id: $id }) { job { id status } userErrors { code message path } }
  }
`);

export const ResumeJob = graphql(`
  mutation ResumeJob($id: ID!) {
    resumeValidationJob(input: { id: $id }) { job { id status } userErrors { code message path } }
  }
`);

export const CancelJob = graphql(`
  mutation CancelJob($id: ID!) {
    cancelValidationJob(input: { id: $id }) { job { id status } userErrors { code message path } }
  }
`);

export const RetryJob = graphql(`
  mutation RetryJob($id: ID!) {
    retryValidationJob(input: { id: $id }) { job { id status } userErrors { code message path } }
  }
`);

/** How many numbers a job over this filter would check. */
export const TargetQuery = graphql(`
  query Target($filter: PhoneFilter!) { phones(filter: $filter, first: 1) { totalCount } }
`);

const ImportFields = graphql(`
  fragment ImportFields on ImportBatch @_unmask {
    id fileName source region status bytesTotal bytesRead rowsRead rowsAccepted rowsRejected
    numbersAccepted phonesCreated contactsCreated contactsMerged rowsPerSecond
    createdBy createdAt completedAt errorMessage
    rejections { reason count }
  }
`);

export const ImportsQuery = graphql(
  `
    query Imports($first: Int!, $after: String) {
      imports(first: $first, after: $after) {
        nodes { ...ImportFields }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [ImportFields],
);

export const ImportQuery = graphql(
  `query Import($id: ID!) { import(id: $id) { ...ImportFields } }`,
  [ImportFields],
);

export const ImportProgress = graphql(
  `
    subscription ImportProgress($id: ID!) {
      importProgress(id: $id) {
        sequence status percent ratePerSecond etaSeconds
        import { ...ImportFields }
      }
    }
  `,
  [ImportFields],
);

export const QuarantineQuery = graphql(`
  query Quarantine($id: ID!, $reason: String, $first: Int!, $after: String) {
    import(id: $id) {
      quarantine(reason: $reason, first: $first, after: $after) {
        nodes { row reason message raw }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export const NormalizeQuery = graphql(`
  query Normalize($input: String!, $region: String, $area: String) {
    normalizeCell(input: $input, region: $region, area: $area) {
      input number region lineType isPossible isValid reason appliedRule extension
      originalCarrier location timezones nationalFormat internationalFormat
    }
  }
`);

export type Job = ResultOf<typeof JobFields>;
export type PlatformCounts = Job['progress'][number];
export type JobStatus = Job['status'];
export type JobPriority = Job['priority'];
export type ImportBatch = ResultOf<typeof ImportFields>;
export type ImportStatus = ImportBatch['status'];
export type Lead = ResultOf<typeof LeadsQuery>['leads']['nodes'][number];
export type Tier = Lead['tier'];
export type LineType = Lead['phone']['lineType'];
export type Platform = Job['platforms'][number];
export type Stats = ResultOf<typeof StatsQuery>['registryStats'];
export type Normalized = ResultOf<typeof NormalizeQuery>['normalizeCell'][number];
export type UserErrors = NonNullable<ResultOf<typeof StartJob>['startValidationJob']>['userErrors'];
