-- +goose Up
CREATE TABLE numbering_plan_ranges (
    first_number bigint NOT NULL,
    last_number  bigint NOT NULL,
    region       text NOT NULL CHECK (region ~ '^[A-Z]{2}$'),
    line_type    line_type NOT NULL,
    carrier      text NOT NULL DEFAULT '',
    plan_version text NOT NULL,
    PRIMARY KEY (first_number),
    CONSTRAINT numbering_plan_ranges_ordered CHECK (first_number <= last_number)
);
COMMENT ON TABLE numbering_plan_ranges IS 'Ranges of a regulator''s numbering plan that tell more than the library does.';
COMMENT ON COLUMN numbering_plan_ranges.first_number IS 'First number of the range, E.164 as an integer.';
COMMENT ON COLUMN numbering_plan_ranges.last_number IS 'Last number of the range, included.';
COMMENT ON COLUMN numbering_plan_ranges.region IS 'ISO 3166-1 alpha-2 code.';
COMMENT ON COLUMN numbering_plan_ranges.line_type IS 'The kind of line of the range.';
COMMENT ON COLUMN numbering_plan_ranges.carrier IS 'The carrier the range is assigned to.';
COMMENT ON COLUMN numbering_plan_ranges.plan_version IS 'Which edition of the plan.';
COMMENT ON INDEX numbering_plan_ranges_pkey IS 'Ranges do not start twice; the last one that starts at or before a number is looked up here.';

CREATE TABLE suppressions (
    number_hmac bytea NOT NULL CHECK (length(number_hmac) = 32),
    channel     text NOT NULL CHECK (channel ~ '^[A-Z_]{1,32}$'),
    reason      text NOT NULL,
    origin      text NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    PRIMARY KEY (number_hmac, channel)
);
COMMENT ON TABLE suppressions IS 'Numbers that must not be contacted, by keyed hash, so that the entry outlives an erasure.';
COMMENT ON COLUMN suppressions.number_hmac IS 'HMAC-SHA-256 of the number under a key of this registry.';
COMMENT ON COLUMN suppressions.channel IS 'ALL, CALL, SMS, WHATSAPP, EMAIL …';
COMMENT ON COLUMN suppressions.reason IS 'Why.';
COMMENT ON COLUMN suppressions.origin IS 'Who said so: the person, a public register, a regulator.';
COMMENT ON COLUMN suppressions.created_at IS 'Since when.';
COMMENT ON COLUMN suppressions.expires_at IS 'Until when; null for ever.';
COMMENT ON INDEX suppressions_pkey IS 'One entry for each number and channel.';

CREATE TABLE consents (
    customer_id text COLLATE "C" NOT NULL REFERENCES customers (customer_id) ON DELETE CASCADE,
    number      bigint NOT NULL REFERENCES phones (number) ON DELETE CASCADE,
    channel     text NOT NULL CHECK (channel ~ '^[A-Z_]{1,32}$'),
    purpose     text NOT NULL,
    granted     boolean NOT NULL,
    evidence    text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (customer_id, number, channel, purpose, recorded_at)
);
COMMENT ON TABLE consents IS 'Consents given and withdrawn. Append-only: the newest of a channel and purpose holds.';
COMMENT ON COLUMN consents.customer_id IS 'The customer.';
COMMENT ON COLUMN consents.number IS 'The number, E.164 as an integer.';
COMMENT ON COLUMN consents.channel IS 'The channel.';
COMMENT ON COLUMN consents.purpose IS 'For what.';
COMMENT ON COLUMN consents.granted IS 'Given or withdrawn.';
COMMENT ON COLUMN consents.evidence IS 'Where the proof is kept.';
COMMENT ON COLUMN consents.recorded_at IS 'When.';
COMMENT ON INDEX consents_pkey IS 'The history of a consent in order.';

CREATE TABLE data_quality_metrics (
    measured_at      timestamptz NOT NULL,
    scope            text NOT NULL,
    dimension        text NOT NULL,
    numerator        bigint NOT NULL,
    denominator      bigint NOT NULL,
    rule_set_version text NOT NULL,
    PRIMARY KEY (scope, dimension, measured_at)
);
COMMENT ON TABLE data_quality_metrics IS 'Measurements of data quality over time.';
COMMENT ON COLUMN data_quality_metrics.measured_at IS 'When.';
COMMENT ON COLUMN data_quality_metrics.scope IS 'Of what: the registry, a source, an import.';
COMMENT ON COLUMN data_quality_metrics.dimension IS 'Completeness, uniqueness, validity, timeliness, consistency.';
COMMENT ON COLUMN data_quality_metrics.numerator IS 'How many satisfy it.';
COMMENT ON COLUMN data_quality_metrics.denominator IS 'Of how many.';
COMMENT ON COLUMN data_quality_metrics.rule_set_version IS 'By which rules.';
COMMENT ON INDEX data_quality_metrics_pkey IS 'One value for each moment.';

-- +goose Down
DROP TABLE data_quality_metrics;
DROP TABLE consents;
DROP TABLE suppressions;
DROP TABLE numbering_plan_ranges;
