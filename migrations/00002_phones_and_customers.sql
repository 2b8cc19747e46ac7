-- +goose Up
CREATE TABLE phones (
    number           bigint PRIMARY KEY CHECK (number BETWEEN 1000000 AND 999999999999999),
    region           text NOT NULL CHECK (region ~ '^([A-Z]{2}|001)$'),
    line_type        line_type NOT NULL,
    valid            boolean NOT NULL,
    original_carrier text NOT NULL DEFAULT '',
    location         text NOT NULL DEFAULT '',
    timezones        text[] NOT NULL DEFAULT '{}',
    plan_version     text NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);
CREATE INDEX phones_region_number_idx ON phones (region, number);
CREATE INDEX phones_created_at_idx ON phones (created_at, number);
CREATE INDEX phones_updated_at_idx ON phones (updated_at, number);
CREATE INDEX phones_not_valid_idx ON phones (number) WHERE NOT valid;
COMMENT ON TABLE phones IS 'The master registry: one row for each number, whoever it belongs to.';
COMMENT ON COLUMN phones.number IS 'E.164 as an integer: the digits without the plus, at most 15, no leading zero.';
COMMENT ON COLUMN phones.region IS 'ISO 3166-1 alpha-2 code; 001 for non-geographic numbers, ZZ when the number belongs to no region.';
COMMENT ON COLUMN phones.line_type IS 'The kind of line, as the numbering plan tells it.';
COMMENT ON COLUMN phones.valid IS 'Whether the numbering plan assigns the number. No evidence that somebody answers.';
COMMENT ON COLUMN phones.original_carrier IS 'The carrier the prefix was first assigned to; the number may have been ported. Empty when not known.';
COMMENT ON COLUMN phones.location IS 'City, state or country, as far as the prefix tells. Empty when not known.';
COMMENT ON COLUMN phones.timezones IS 'IANA time zones the number may be in.';
COMMENT ON COLUMN phones.plan_version IS 'Version of numbering metadata and rules by which the row was described.';
COMMENT ON COLUMN phones.created_at IS 'When the number was first registered.';
COMMENT ON COLUMN phones.updated_at IS 'When the row last changed.';
COMMENT ON INDEX phones_pkey IS 'A number is registered once; a prefix search is a range scan on it.';
COMMENT ON INDEX phones_region_number_idx IS 'Numbers of a country in the order of pages.';
COMMENT ON INDEX phones_created_at_idx IS 'Pages ordered by registration.';
COMMENT ON INDEX phones_updated_at_idx IS 'Pages ordered by last change.';
COMMENT ON INDEX phones_not_valid_idx IS 'The few numbers that the numbering plan does not assign (any more).';

CREATE TABLE customers (
    customer_id text COLLATE "C" PRIMARY KEY CHECK (length(customer_id) BETWEEN 1 AND 128),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
COMMENT ON TABLE customers IS 'Customers as the sources name them. The row is locked while the customer''s phones change.';
COMMENT ON COLUMN customers.customer_id IS 'The id as given by the sources.';
COMMENT ON COLUMN customers.created_at IS 'When a source first named them.';
COMMENT ON COLUMN customers.updated_at IS 'When their phones last changed.';
COMMENT ON INDEX customers_pkey IS 'A customer exists once.';

CREATE TABLE customer_phones (
    customer_id         text COLLATE "C" NOT NULL REFERENCES customers (customer_id) ON DELETE CASCADE,
    number              bigint NOT NULL REFERENCES phones (number) ON DELETE CASCADE,
    is_primary          boolean NOT NULL,
    is_verified         boolean NOT NULL DEFAULT false,
    verification_method text CHECK (verification_method ~ '^[a-z0-9_]{1,64}$'),
    verified_at         timestamptz,
    confidence          double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    source_id           smallint NOT NULL REFERENCES sources (id),
    source_ids          smallint[] NOT NULL,
    extension           text CHECK (length(extension) <= 32),
    first_seen_at       timestamptz NOT NULL,
    last_seen_at        timestamptz NOT NULL,
    PRIMARY KEY (customer_id, number),
    CONSTRAINT customer_phones_verification_complete
        CHECK (is_verified = (verification_method IS NOT NULL) AND is_verified = (verified_at IS NOT NULL)),
    CONSTRAINT customer_phones_seen_in_order CHECK (first_seen_at <= last_seen_at),
    CONSTRAINT customer_phones_source_listed CHECK (source_id = ANY (source_ids))
);
CREATE UNIQUE INDEX customer_phones_one_primary_idx ON customer_phones (customer_id) WHERE is_primary;
CREATE INDEX customer_phones_number_idx ON customer_phones (number, customer_id);
CREATE INDEX customer_phones_source_ids_idx ON customer_phones USING gin (source_ids);
CREATE INDEX customer_phones_verified_idx ON customer_phones (number) WHERE is_verified;
COMMENT ON TABLE customer_phones IS 'Which customer holds which number, on whose word.';
COMMENT ON COLUMN customer_phones.customer_id IS 'The customer.';
COMMENT ON COLUMN customer_phones.number IS 'The number, E.164 as an integer.';
COMMENT ON COLUMN customer_phones.is_primary IS 'Whether this is the customer''s primary number.';
COMMENT ON COLUMN customer_phones.is_verified IS 'Whether the customer''s hold of the number was verified.';
COMMENT ON COLUMN customer_phones.verification_method IS 'How it was verified.';
COMMENT ON COLUMN customer_phones.verified_at IS 'When it was verified.';
COMMENT ON COLUMN customer_phones.confidence IS 'How far the sources support that the number is the customer''s, 0 to 1. A rule, not calibrated.';
COMMENT ON COLUMN customer_phones.source_id IS 'The source with the highest priority that gave it.';
COMMENT ON COLUMN customer_phones.source_ids IS 'All sources that gave it.';
COMMENT ON COLUMN customer_phones.extension IS 'The extension given with the number.';
COMMENT ON COLUMN customer_phones.first_seen_at IS 'When a source first gave it.';
COMMENT ON COLUMN customer_phones.last_seen_at IS 'When a source last gave it.';
COMMENT ON INDEX customer_phones_pkey IS 'A customer holds a number once.';
COMMENT ON INDEX customer_phones_one_primary_idx IS 'A customer has at most one primary number.';
COMMENT ON INDEX customer_phones_number_idx IS 'The holders of a number.';
COMMENT ON INDEX customer_phones_source_ids_idx IS 'Numbers that a source gave, for sources that gave few.';
COMMENT ON INDEX customer_phones_verified_idx IS 'Numbers that were verified for a customer.';

-- +goose Down
DROP TABLE customer_phones;
DROP TABLE customers;
DROP TABLE phones;
