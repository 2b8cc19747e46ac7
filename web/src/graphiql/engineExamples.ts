// Operations on the job engine: jobs that go first, schedules, workers, evidence of one's own, webhooks.
import { newest, NEWEST_WEBHOOK } from './lookups';
import type { Example } from './examples';

export const engineExamples: readonly Example[] = [
  {
    id: 'urgent-job',
    title: 'Start an urgent job, once',
    about: 'It goes before others. Run again, the key gives back the same job: nothing is started twice.',
    needs: ['JOBS'],
    query: `mutation StartUrgentJob($input: StartValidationJobInput!) {
  startValidationJob(input: $input) {
    created
    job {
      id
      name
      status
      priority
      clientKey
      skipped
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
      input: {
        name: 'Urgent mobiles',
        platforms: ['WHATSAPP'],
        target: { filter: { regions: ['CO'], lineTypes: ['MOBILE'] } },
        priority: 'HIGH',
        recheckAfter: 'P7D',
        clientKey: 'urgent-mobiles-1',
      },
    },
  },
  {
    id: 'create-schedule',
    title: 'Keep evidence fresh',
    about: 'A standing schedule: once a day, within a budget. A second of the same name is refused.',
    needs: ['JOBS'],
    query: `mutation CreateSchedule($input: CreateValidationScheduleInput!) {
  createValidationSchedule(input: $input) {
    schedule {
      id
      status
      nextRunAt
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
      input: {
        name: 'Good leads, daily',
        platforms: ['WHATSAPP', 'GOOGLE'],
        filter: { tiers: ['PREMIUM', 'HIGH'] },
        every: 'P1D',
        budgetPerDay: 10_000,
        priority: 'LOW',
      },
    },
  },
  {
    id: 'schedules',
    title: 'Schedules and their jobs',
    about: 'What each costs today, when it is due, and what its last jobs did.',
    query: `query Schedules {
  validationSchedules(first: 20) {
    nodes {
      name
      status
      every
      platforms
      budgetPerDay
      spentToday
      nextRunAt
      lastRunAt
      lastSkipReason
      jobs(first: 3) {
        nodes {
          name
          status
          processed
          total
          skipped
        }
      }
    }
  }
}
`,
  },
  {
    id: 'workers',
    title: 'Platforms and workers',
    about: 'Who asks which platform, how fast, and what holds them back.',
    needs: ['JOBS'],
    query: `query Workers {
  platforms {
    platform
    breaker
    ratePerSecond
    chunksPending
    chunksOut
    quotas {
      credential
      ratePerSecond
      currentRate
      budgetPerDay
      spentToday
    }
  }
  workers {
    name
    version
    lastSeenAt
    platforms {
      platform
      adapter
      simulated
      slots
      inFlight
      checked
      failed
      ratePerSecond
      breaker
      heldUntil
      reason
    }
  }
}
`,
  },
  {
    id: 'record-evidence',
    title: 'Record what you saw yourself',
    about: 'Somebody gave this number in a lead form: evidence that no platform has to be asked for.',
    needs: ['EDIT'],
    query: `mutation RecordEvidence($input: RecordEvidenceInput!) {
  recordEvidence(input: $input) {
    recorded
    validations {
      platform
      status
      method
      strength
      checkedAt
      expiresAt
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
      input: {
        evidence: [{ number: '+573001234567', platform: 'INSTAGRAM', kind: 'LEAD_FORM', holdsFor: 'P90D', reference: 'form:example-1' }],
      },
    },
  },
  {
    id: 'webhooks',
    title: 'Webhooks and what was sent',
    about: 'For administrators: the newest deliveries of each, and what became of them.',
    needs: ['ADMINISTER'],
    query: `query Webhooks {
  webhooks(first: 20) {
    nodes {
      id
      url
      events
      status
      pending
      dead
      lastDeliveredAt
      deliveries(first: 5) {
        nodes {
          event
          eventId
          status
          attempts
          responseStatus
          error
        }
      }
    }
  }
}
`,
  },
  {
    id: 'test-webhook',
    title: 'Test a webhook',
    about: 'Sends a test message to the newest webhook. What came of it is in its deliveries.',
    needs: ['ADMINISTER'],
    query: `mutation TestWebhook($id: ID!) {
  testWebhook(input: { id: $id }) {
    delivery {
      id
      event
      status
      attempts
    }
    userErrors {
      code
      message
      path
    }
  }
}
`,
    variables: { id: '' },
    prepare: newest(NEWEST_WEBHOOK, 'webhooks'),
    missing: 'There is no webhook yet: make one in the dashboard first.',
  },
];
