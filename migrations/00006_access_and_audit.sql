-- +goose Up
CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    token_hash   bytea NOT NULL CHECK (length(token_hash) = 32),
    role         text NOT NULL CHECK (role IN ('VIEWER', 'ANALYST', 'STEWARD', 'OPERATOR', 'ADMIN')),
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT api_keys_token_hash_key UNIQUE (token_hash)
);
COMMENT ON TABLE api_keys IS 'Bearer tokens of the API. Only their hashes are kept.';
COMMENT ON COLUMN api_keys.id IS 'Key of the token.';
COMMENT ON COLUMN api_keys.name IS 'Name for people; written to the audit trail as the actor.';
COMMENT ON COLUMN api_keys.token_hash IS 'SHA-256 of the token, which holds 256 random bits.';
COMMENT ON COLUMN api_keys.role IS 'What its bearer may do.';
COMMENT ON COLUMN api_keys.created_by IS 'Who made it.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN api_keys.expires_at IS 'Until when it holds; null until revoked.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it was revoked.';
COMMENT ON INDEX api_keys_pkey IS 'Key of a token.';
COMMENT ON INDEX api_keys_token_hash_key IS 'Looks a bearer up.';

CREATE TABLE access_log (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    actor      text NOT NULL,
    role       text NOT NULL,
    operation  text NOT NULL,
    fields     text[] NOT NULL DEFAULT '{}',
    subjects   bigint NOT NULL,
    purpose    text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT '',
    PRIMARY KEY (id)
);
COMMENT ON TABLE access_log IS 'Reads of whole numbers.';
COMMENT ON COLUMN access_log.id IS 'Grows.';
COMMENT ON COLUMN access_log.at IS 'When.';
COMMENT ON COLUMN access_log.actor IS 'Who.';
COMMENT ON COLUMN access_log.role IS 'In which role.';
COMMENT ON COLUMN access_log.operation IS 'Name of the operation.';
COMMENT ON COLUMN access_log.fields IS 'Which fields were shown whole.';
COMMENT ON COLUMN access_log.subjects IS 'How many numbers were shown whole.';
COMMENT ON COLUMN access_log.purpose IS 'For what, as the caller said.';
COMMENT ON COLUMN access_log.request_id IS 'The request.';
COMMENT ON INDEX access_log_pkey IS 'In order.';

CREATE TABLE audit_trail (
    id            bigint GENERATED ALWAYS AS IDENTITY,
    at            timestamptz NOT NULL,
    actor         text NOT NULL,
    action        text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    customer_id   text COLLATE "C",
    number        bigint,
    object_id     uuid,
    details       jsonb NOT NULL DEFAULT '{}',
    request_id    text NOT NULL DEFAULT '',
    chain_no      bigint,
    hash          bytea CHECK (length(hash) = 32),
    customer_hmac bytea CHECK (length(customer_hmac) = 32),
    number_hmac   bytea CHECK (length(number_hmac) = 32),
    PRIMARY KEY (id, at),
    CONSTRAINT audit_trail_sealed CHECK ((chain_no IS NULL) = (hash IS NULL)
        AND (chain_no IS NULL OR ((customer_id IS NULL OR customer_hmac IS NOT NULL) AND (number IS NULL OR number_hmac IS NOT NULL))))
) PARTITION BY RANGE (at);
CREATE TABLE audit_trail_default PARTITION OF audit_trail DEFAULT;
CREATE INDEX audit_trail_number_idx ON audit_trail (number, at) WHERE number IS NOT NULL;
CREATE INDEX audit_trail_unsealed_idx ON audit_trail (id) WHERE chain_no IS NULL;
CREATE INDEX audit_trail_chain_idx ON audit_trail (chain_no) WHERE chain_no IS NOT NULL;
COMMENT ON TABLE audit_trail IS 'Every change, written in the transaction that made it. By month; sealed into a hash chain shortly after.';
COMMENT ON COLUMN audit_trail.id IS 'Grows; gaps are possible.';
COMMENT ON COLUMN audit_trail.at IS 'When; decides the partition.';
COMMENT ON COLUMN audit_trail.actor IS 'Who: the name of the token, or the part of the system.';
COMMENT ON COLUMN audit_trail.action IS 'What: subject.verb, for example phone.added.';
COMMENT ON COLUMN audit_trail.customer_id IS 'The customer it concerns.';
COMMENT ON COLUMN audit_trail.number IS 'The number it concerns. An erasure empties it and the customer; the chain holds, because it was made over their keyed hashes.';
COMMENT ON COLUMN audit_trail.object_id IS 'The job or import it concerns.';
COMMENT ON COLUMN audit_trail.details IS 'What changed; holds no phone number.';
COMMENT ON COLUMN audit_trail.request_id IS 'The request that caused it.';
COMMENT ON COLUMN audit_trail.chain_no IS 'Its place in the chain; null until sealed.';
COMMENT ON COLUMN audit_trail.hash IS 'SHA-256 over the previous entry''s hash and this entry, with keyed hashes in place of the number and the customer.';
COMMENT ON COLUMN audit_trail.customer_hmac IS 'HMAC-SHA-256 of the customer under the key audit of this registry; set when sealed.';
COMMENT ON COLUMN audit_trail.number_hmac IS 'HMAC-SHA-256 of the number under the key audit of this registry; set when sealed.';
COMMENT ON TABLE audit_trail_default IS 'Entries for which no month''s partition exists.';
COMMENT ON INDEX audit_trail_pkey IS 'In order.';
COMMENT ON INDEX audit_trail_number_idx IS 'What happened to a number.';
COMMENT ON INDEX audit_trail_unsealed_idx IS 'What is yet to be sealed.';
COMMENT ON INDEX audit_trail_chain_idx IS 'The chain in its order.';

CREATE TABLE audit_chain (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    chain_no  bigint NOT NULL,
    hash      bytea NOT NULL CHECK (length(hash) = 32)
);
INSERT INTO audit_chain (chain_no, hash) VALUES (0, decode(repeat('00', 32), 'hex'));
COMMENT ON TABLE audit_chain IS 'The head of the audit chain. Its row is locked while entries are sealed.';
COMMENT ON COLUMN audit_chain.singleton IS 'There is one row.';
COMMENT ON COLUMN audit_chain.chain_no IS 'Place of the last sealed entry.';
COMMENT ON COLUMN audit_chain.hash IS 'Hash of the last sealed entry.';
COMMENT ON INDEX audit_chain_pkey IS 'There is one row.';

-- +goose Down
DROP TABLE audit_chain;
DROP TABLE audit_trail;
DROP TABLE access_log;
DROP TABLE api_keys;
