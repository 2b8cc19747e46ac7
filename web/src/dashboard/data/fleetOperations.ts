// What is asked of platforms and workers. Both are fetched every two seconds while somebody looks.
import { graphql, type ResultOf } from '../graphql';

const QuotaFields = graphql(`
  fragment QuotaFields on PlatformQuota @_unmask {
    credential ratePerSecond currentRate concurrency budgetPerDay spentToday
  }
`);

export const FleetPlatformsQuery = graphql(
  `
    query FleetPlatforms {
      platforms {
        platform adapter isAvailable simulated weight ratePerSecond breaker chunksPending chunksOut
        workers { workerId }
        quotas { ...QuotaFields }
      }
    }
  `,
  [QuotaFields],
);

export const WorkersQuery = graphql(
  `
    query Workers {
      workers {
        id name version startedAt lastSeenAt
        platforms {
          platform adapter simulated slots inFlight checked failed ratePerSecond breaker heldUntil reason
          quota { ...QuotaFields }
        }
      }
    }
  `,
  [QuotaFields],
);

export type FleetPlatform = ResultOf<typeof FleetPlatformsQuery>['platforms'][number];
export type Worker = ResultOf<typeof WorkersQuery>['workers'][number];
export type WorkerPlatform = Worker['platforms'][number];
export type Quota = ResultOf<typeof QuotaFields>;
export type Breaker = WorkerPlatform['breaker'];
