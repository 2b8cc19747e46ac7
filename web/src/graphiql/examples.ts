// Operations to begin with. Each runs as it stands on a registry with sample data; what has to be
// looked up first (the id of a job) is filled in when the example is opened.

import { engineExamples } from './engineExamples';
import { newest, NEWEST_IMPORT, NEWEST_JOB } from './lookups';

/** Fills in variables from what the registry holds; null when it holds nothing fitting. */
export type Prepare = (run: (query: string) => Promise<unknown>) => Promise<Record<string, unknown> | null>;

export interface Example {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly prepare?: Prepare;
  /** The scopes that a caller needs beside READ. */
  readonly needs?: readonly string[];
  /** What to say when `prepare` finds nothing. */
  readonly missing?: string;
}

export const examples: readonly Example[] = [
  {
    id: 'normalize',
    title: 'Normalise a raw number',
    about: 'What the numbering rules make of a text. Stores nothing.',
    // Its values are in the text: the variables of the very first tab are not shown by GraphiQL 5.4.
    query: `# What the numbering rules make of a raw text. Stores nothing.
# Press Ctrl-Enter to run it; more examples are in the panel on the left.
query NormalizePhone {
  normalizePhone(input: "(601) 234 5678 ext 12", region: "CO") {
    number
    region
    lineType
    isValid
    reason
    appliedRule
    extension
    originalCarrier
    location
    timezones
    nationalFormat
  }
}
`,
  },
  {
    id: 'phones',
    title: 'A page of numbers',
    about: 'Valid Colombian mobile numbers with the customers that hold them, last changed first.',
    query: `query PhonesPage($filter: PhoneFilter, $first: Int!, $after: String) {
  phones(
    filter: $filter
    orderBy: { field: UPDATED_AT, direction: DESC }
    first: $first
    after: $after
  ) {
    totalCount
    nodes {
      number
      region
      lineType
      originalCarrier
      leadScore {
        total
        tier
        simulated
      }
      customers(first: 3) {
        nodes {
          customerId
          isPrimary
          confidence
          source
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: { filter: { regions: ['CO'], lineTypes: ['MOBILE'], isValid: true }, first: 20, after: null },
  },
  {
    id: 'leads',
    title: 'Leads, explained',
    about: 'The best leads, and what each platform contributed to their scores.',
    query: `query Leads($filter: LeadFilter, $first: Int!) {
  leads(filter: $filter, first: $first) {
    nodes {
      total
      tier
      coverage
      simulated
      modelVersion
      phone {
        number
        region
      }
      components {
        platform
        weight
        points
        status
        method
        reason
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: { filter: { minCoverage: 0.4 }, first: 10 },
  },
  {
    id: 'add-phone',
    title: 'Add a number to a customer',
    about: 'Running it twice changes nothing: a number is never doubled.',
    needs: ['EDIT'],
    query: `mutation AddPhone($input: AddPhoneInput!) {
  addPhone(input: $input) {
    created
    customerPhone {
      customerId
      number
      isPrimary
      confidence
      source
    }
    normalized {
      appliedRule
      lineType
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: {
      input: { customerId: 'example-1', number: '300 123 4567', region: 'CO', source: 'manual_upload' },
    },
  },
  {
    id: 'start-job',
    title: 'Start a validation job',
    about: 'Checks every valid Colombian mobile number on two platforms.',
    needs: ['JOBS'],
    query: `mutation StartValidationJob($input: StartValidationJobInput!) {
  startValidationJob(input: $input) {
    job {
      id
      status
      total
      isPlanned
    }
    skippedCount
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: {
      input: {
        name: 'Colombian mobiles',
        platforms: ['WHATSAPP', 'GOOGLE'],
        target: { filter: { regions: ['CO'], lineTypes: ['MOBILE'] } },
        batchSize: 200,
      },
    },
  },
  {
    id: 'job-progress',
    title: 'Watch a job live',
    about: 'Follows the newest job until it ends.',
    query: `subscription ValidationJobProgress($id: ID!) {
  validationJobProgress(id: $id) {
    sequence
    status
    processed
    total
    percent
    ratePerSecond
    etaSeconds
    platforms {
      platform
      processed
      succeeded
      failed
      total
    }
  }
}
`,
    variables: { id: '' },
    prepare: newest(NEWEST_JOB, 'validationJobs'),
    missing: 'There is no job yet: start one first.',
  },
  {
    id: 'lead-changes',
    title: 'Watch scores change',
    about: 'Scores as a running job moves them.',
    query: `subscription LeadScoreChanged($filter: LeadFilter) {
  leadScoreChanged(filter: $filter) {
    total
    tier
    simulated
    phone {
      number
      region
    }
    updatedAt
  }
}
`,
    variables: { filter: { minScore: 40 } },
  },
  {
    id: 'import-progress',
    title: 'Watch an import live',
    about: 'Follows the newest import, with what was rejected and why.',
    query: `subscription ImportProgress($id: ID!) {
  importProgress(id: $id) {
    sequence
    status
    percent
    ratePerSecond
    import {
      fileName
      rowsRead
      rowsAccepted
      rowsRejected
      rejections {
        reason
        count
      }
    }
  }
}
`,
    variables: { id: '' },
    prepare: newest(NEWEST_IMPORT, 'imports'),
    missing: 'There is no import yet: upload a file first.',
  },
  {
    id: 'viewer',
    title: 'Who I am, and what I may',
    about: 'Role, scopes, and whether numbers are shown whole.',
    query: `query Viewer {
  viewer {
    name
    role
    scopes
    purpose
    seesWholeNumbers
  }
}
`,
  },
  {
    id: 'overview',
    title: 'Totals and platforms',
    about: 'What the registry holds, and what this installation can tell.',
    needs: ['AGGREGATE'],
    query: `query Overview {
  viewer {
    name
    role
  }
  registryStats {
    asOf
    phones
    customers
    byRegion {
      region
      count
    }
    byTier {
      tier
      count
    }
  }
  platforms {
    platform
    adapter
    isAvailable
    simulated
    weight
  }
}
`,
  },
  ...engineExamples,
  {
    id: 'access-log',
    title: 'Who has seen whole numbers',
    about: 'For administrators: the newest reads that showed whole numbers, and for what.',
    needs: ['ADMINISTER'],
    query: `query AccessLog($filter: AccessLogFilter) {
  accessLog(filter: $filter, first: 20) {
    nodes {
      at
      actor
      role
      purpose
      operation
      fields
      revealed
      requestId
    }
  }
}
`,
    variables: { filter: { minRevealed: 1 } },
  },
];

/** The examples that are open when GraphiQL is seen for the first time: anybody may run them. */
export const firstTabs = ['normalize', 'phones', 'leads', 'viewer'];

/** The examples that a caller with these scopes may run. */
export const runnable = (scopes: readonly string[]): Example[] =>
  examples.filter(({ needs = [] }) => needs.every((scope) => scopes.includes(scope)));

export function variablesText(variables: Record<string, unknown> | undefined): string {
  return variables === undefined ? '' : JSON.stringify(variables, null, 2);
}
