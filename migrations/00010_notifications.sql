-- +goose Up
CREATE TABLE outbox (
    id            uuid PRIMARY KEY,
    type          text NOT NULL CHECK (type IN ('job.finished', 'lead.tier_changed', 'import.finished', 'webhook.test')),
    created_at    timestamptz NOT NULL,
    data          json,
    numbers       bigint[],
    tiers_before  smallint[],
    tiers_after   smallint[],
    totals        smallint[],
    fanned_out_at timestamptz,
    published_at  timestamptz,
    claimed_until timestamptz,
    CONSTRAINT outbox_content CHECK (CASE WHEN type = 'lead.tier_changed'
        THEN data IS NULL AND cardinality(numbers) > 0 AND cardinality(tiers_before) = cardinality(numbers)
            AND cardinality(tiers_after) = cardinality(numbers) AND cardinality(totals) = cardinality(numbers)
        ELSE data IS NOT NULL AND numbers IS NULL AND tiers_before IS NULL AND tiers_after IS NULL AND totals IS NULL END)
) WITH (fillfactor = 80);
-- What changes of a row are its marks; the lists stay outside of it, as they are.
ALTER TABLE outbox ALTER COLUMN numbers SET STORAGE EXTERNAL;
ALTER TABLE outbox ALTER COLUMN tiers_before SET STORAGE EXTERNAL;
ALTER TABLE outbox ALTER COLUMN tiers_after SET STORAGE EXTERNAL;
ALTER TABLE outbox ALTER COLUMN totals SET STORAGE EXTERNAL;
CREATE INDEX outbox_fan_out_idx ON outbox (id) WHERE fanned_out_at IS NULL;
CREATE INDEX outbox_publish_idx ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_done_idx ON outbox (published_at) WHERE fanned_out_at IS NOT NULL;
COMMENT ON TABLE outbox IS 'Events to tell of, written in the transaction of what happened. A row stays until it is published and no delivery refers to it.';
COMMENT ON COLUMN outbox.id IS 'Id of the event; its first bits are the time.';
COMMENT ON COLUMN outbox.type IS 'What it tells of.';
COMMENT ON COLUMN outbox.created_at IS 'When it happened.';
COMMENT ON COLUMN outbox.data IS 'What it says, as it is sent; null where it says it of numbers.';
COMMENT ON COLUMN outbox.numbers IS 'The numbers whose tier changed, E.164 as integers, ascending.';
COMMENT ON COLUMN outbox.tiers_before IS 'The tier of each number before: its place in quality_tier, from 1; 0 when it had none.';
COMMENT ON COLUMN outbox.tiers_after IS 'The tier of each number since.';
COMMENT ON COLUMN outbox.totals IS 'The score of each number since.';
COMMENT ON COLUMN outbox.fanned_out_at IS 'When a delivery was made for each webhook that is told.';
COMMENT ON COLUMN outbox.published_at IS 'When the stream of events had acknowledged all of it.';
COMMENT ON COLUMN outbox.claimed_until IS 'Until when a server publishes it, and others leave it alone.';
COMMENT ON INDEX outbox_pkey IS 'Key of an event.';
COMMENT ON INDEX outbox_fan_out_idx IS 'What webhooks are yet to be told of, oldest first.';
COMMENT ON INDEX outbox_publish_idx IS 'What is yet to be published, oldest first.';
COMMENT ON INDEX outbox_done_idx IS 'What may be removed.';

CREATE TABLE webhooks (
    id                uuid PRIMARY KEY,
    url               text NOT NULL CHECK (octet_length(url) BETWEEN 1 AND 2000),
    events            text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 16),
    status            text NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED')),
    description       text NOT NULL DEFAULT '' CHECK (length(description) <= 200),
    secret            bytea NOT NULL,
    previous_secret   bytea,
    previous_until    timestamptz,
    held_until        timestamptz,
    last_delivered_at timestamptz,
    created_by        text NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT webhooks_previous CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX webhooks_created_at_idx ON webhooks (created_at DESC, id);
COMMENT ON TABLE webhooks IS 'Receivers of notifications.';
COMMENT ON COLUMN webhooks.id IS 'Id in the API.';
COMMENT ON COLUMN webhooks.url IS 'The address that is called.';
COMMENT ON COLUMN webhooks.events IS 'The types of events it is told of.';
COMMENT ON COLUMN webhooks.status IS 'Whether it is called.';
COMMENT ON COLUMN webhooks.description IS 'What it is for.';
COMMENT ON COLUMN webhooks.secret IS 'What its messages are signed with, encrypted under the key webhooks of this registry.';
COMMENT ON COLUMN webhooks.previous_secret IS 'The secret before the last rotation, encrypted; messages are signed with it too.';
COMMENT ON COLUMN webhooks.previous_until IS 'Until when the previous secret is used.';
COMMENT ON COLUMN webhooks.held_until IS 'Until when it is left alone, as it asked with Retry-After.';
COMMENT ON COLUMN webhooks.last_delivered_at IS 'When it last answered with a 2xx status.';
COMMENT ON COLUMN webhooks.created_by IS 'Who made it.';
COMMENT ON COLUMN webhooks.created_at IS 'When it was made.';
COMMENT ON COLUMN webhooks.updated_at IS 'When it was last changed by somebody.';
COMMENT ON INDEX webhooks_pkey IS 'Key of a webhook.';
COMMENT ON INDEX webhooks_created_at_idx IS 'Webhooks, newest first.';

CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    webhook_id      uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id        uuid NOT NULL REFERENCES outbox (id),
    part            integer NOT NULL DEFAULT 1 CHECK (part >= 1),
    test            boolean NOT NULL DEFAULT false,
    status          text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD')),
    attempts        integer NOT NULL DEFAULT 0,
    tries           smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    claimed_until   timestamptz,
    response_status smallint,
    error           text NOT NULL DEFAULT '',
    duration_ms     integer,
    created_at      timestamptz NOT NULL,
    delivered_at    timestamptz,
    ended_at        timestamptz,
    CONSTRAINT webhook_deliveries_event_key UNIQUE (event_id, webhook_id, part),
    CONSTRAINT webhook_deliveries_pending CHECK ((status = 'PENDING') = (next_attempt_at IS NOT NULL) AND (status = 'PENDING') = (ended_at IS NULL)),
    CONSTRAINT webhook_deliveries_claimed CHECK (claimed_until IS NULL OR status = 'PENDING'),
    CONSTRAINT webhook_deliveries_delivered CHECK ((status = 'DELIVERED') = (delivered_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'PENDING';
CREATE INDEX webhook_deliveries_test_idx ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'PENDING' AND test;
CREATE INDEX webhook_deliveries_claimed_idx ON webhook_deliveries (webhook_id, claimed_until) WHERE claimed_until IS NOT NULL;
CREATE INDEX webhook_deliveries_newest_idx ON webhook_deliveries (webhook_id, created_at DESC, id);
CREATE INDEX webhook_deliveries_status_idx ON webhook_deliveries (webhook_id, status, created_at DESC, id);
CREATE INDEX webhook_deliveries_ended_idx ON webhook_deliveries (status, ended_at) WHERE ended_at IS NOT NULL;
COMMENT ON TABLE webhook_deliveries IS 'Messages to webhooks and what became of each.';
COMMENT ON COLUMN webhook_deliveries.id IS 'Id in the API.';
COMMENT ON COLUMN webhook_deliveries.webhook_id IS 'The receiver.';
COMMENT ON COLUMN webhook_deliveries.event_id IS 'The event it tells of.';
COMMENT ON COLUMN webhook_deliveries.part IS 'Which part of the event, from 1: one of many numbers is told in several messages.';
COMMENT ON COLUMN webhook_deliveries.test IS 'Whether it is a test, which goes also to a webhook that is paused or asked to be left alone.';
COMMENT ON COLUMN webhook_deliveries.status IS 'What became of it.';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'Attempts that were begun. It is the ticket of the one under way: the outcome of an older one does not count.';
COMMENT ON COLUMN webhook_deliveries.tries IS 'Attempts that were begun since it was made or retried by hand; they decide how long the next one waits.';
COMMENT ON COLUMN webhook_deliveries.next_attempt_at IS 'When the next attempt is due; null when there is none.';
COMMENT ON COLUMN webhook_deliveries.claimed_until IS 'Until when a server makes an attempt, and others leave it alone.';
COMMENT ON COLUMN webhook_deliveries.response_status IS 'HTTP status of the last answer; null when there was none.';
COMMENT ON COLUMN webhook_deliveries.error IS 'Why the last attempt failed; empty when it did not.';
COMMENT ON COLUMN webhook_deliveries.duration_ms IS 'How long the last attempt took.';
COMMENT ON COLUMN webhook_deliveries.created_at IS 'When the event happened.';
COMMENT ON COLUMN webhook_deliveries.delivered_at IS 'When the receiver answered with a 2xx status.';
COMMENT ON COLUMN webhook_deliveries.ended_at IS 'When it was delivered or given up; decides when it is removed.';
COMMENT ON INDEX webhook_deliveries_pkey IS 'Key of a delivery.';
COMMENT ON INDEX webhook_deliveries_event_key IS 'A webhook is told once of each part of an event.';
COMMENT ON INDEX webhook_deliveries_due_idx IS 'What is due, by webhook.';
COMMENT ON INDEX webhook_deliveries_test_idx IS 'Tests that are due, by webhook.';
COMMENT ON INDEX webhook_deliveries_claimed_idx IS 'Attempts under way, by webhook.';
COMMENT ON INDEX webhook_deliveries_newest_idx IS 'Deliveries of a webhook, newest first.';
COMMENT ON INDEX webhook_deliveries_status_idx IS 'Deliveries of a webhook in one state, newest first; counts them.';
COMMENT ON INDEX webhook_deliveries_ended_idx IS 'What may be removed.';

-- +goose Down
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
DROP TABLE outbox;
