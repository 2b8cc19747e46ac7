-- +goose Up
CREATE TABLE import_batches (
    id               uuid PRIMARY KEY,
    batch_no         integer GENERATED ALWAYS AS IDENTITY,
    source_id        smallint NOT NULL REFERENCES sources (id),
    file_name        text NOT NULL DEFAULT '' CHECK (length(file_name) <= 255),
    options          jsonb NOT NULL,
    content_hash     bytea NOT NULL CHECK (length(content_hash) = 32),
    options_hash     bytea NOT NULL CHECK (length(options_hash) = 32),
    spool_id         uuid,
    spool_name       text NOT NULL DEFAULT '' CHECK (length(spool_name) <= 255),
    encoding         text NOT NULL,
    status           import_status NOT NULL,
    bytes_total      bigint NOT NULL CHECK (bytes_total >= 0),
    bytes_read       bigint NOT NULL DEFAULT 0,
    rows_read        bigint NOT NULL DEFAULT 0,
    rows_accepted    bigint NOT NULL DEFAULT 0,
    rows_rejected    bigint NOT NULL DEFAULT 0,
    numbers_accepted bigint NOT NULL DEFAULT 0,
    phones_created   bigint NOT NULL DEFAULT 0,
    contacts_created bigint NOT NULL DEFAULT 0,
    contacts_merged  bigint NOT NULL DEFAULT 0,
    rejections       jsonb NOT NULL DEFAULT '{}',
    sequence         bigint NOT NULL DEFAULT 1,
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL,
    started_at       timestamptz,
    updated_at       timestamptz NOT NULL,
    completed_at     timestamptz,
    error_message    text NOT NULL DEFAULT '',
    CONSTRAINT import_batches_batch_no_key UNIQUE (batch_no),
    CONSTRAINT import_batches_spooled CHECK ((spool_id IS NULL) = (spool_name = '')),
    CONSTRAINT import_batches_counted CHECK (rows_read = rows_accepted + rows_rejected),
    CONSTRAINT import_batches_numbers_counted CHECK (numbers_accepted = contacts_created + contacts_merged),
    CONSTRAINT import_batches_ended CHECK ((completed_at IS NOT NULL) = (status IN ('COMPLETED', 'FAILED')))
);
CREATE UNIQUE INDEX import_batches_once_idx ON import_batches (content_hash, source_id, options_hash) WHERE status <> 'FAILED';
CREATE INDEX import_batches_created_at_idx ON import_batches (created_at DESC, id);
CREATE INDEX import_batches_open_idx ON import_batches (spool_id, created_at) WHERE status IN ('QUEUED', 'RUNNING');
COMMENT ON TABLE import_batches IS 'Files that were imported or are being imported, with their checkpoint and their sums.';
COMMENT ON COLUMN import_batches.id IS 'Id in the API.';
COMMENT ON COLUMN import_batches.batch_no IS 'Short key used in the tables that hold rows.';
COMMENT ON COLUMN import_batches.source_id IS 'The source the file belongs to.';
COMMENT ON COLUMN import_batches.file_name IS 'Name of the file as given.';
COMMENT ON COLUMN import_batches.options IS 'Format, region, area, header mapping and limits by which it is read.';
COMMENT ON COLUMN import_batches.content_hash IS 'SHA-256 of the file.';
COMMENT ON COLUMN import_batches.options_hash IS 'SHA-256 of the options: the same file with other options is another import.';
COMMENT ON COLUMN import_batches.spool_id IS 'Which directory of received files holds the file; only servers that have it can go on with the import. Null when it is read from a local file.';
COMMENT ON COLUMN import_batches.spool_name IS 'Name of the file in that directory; empty when it is read from a local file.';
COMMENT ON COLUMN import_batches.encoding IS 'How the file writes its characters: utf-8, windows-1252, utf-16le or utf-16be. Raw rows are kept in it.';
COMMENT ON COLUMN import_batches.status IS 'State of the import.';
COMMENT ON COLUMN import_batches.bytes_total IS 'Size of the file in bytes.';
COMMENT ON COLUMN import_batches.bytes_read IS 'Checkpoint: everything before this offset is in the registry or in quarantine.';
COMMENT ON COLUMN import_batches.rows_read IS 'Data rows up to the checkpoint.';
COMMENT ON COLUMN import_batches.rows_accepted IS 'Rows that brought at least one number.';
COMMENT ON COLUMN import_batches.rows_rejected IS 'Rows that brought none.';
COMMENT ON COLUMN import_batches.numbers_accepted IS 'Numbers accepted; one that several rows give counts for each.';
COMMENT ON COLUMN import_batches.phones_created IS 'Numbers that were new to the registry.';
COMMENT ON COLUMN import_batches.contacts_created IS 'Customer-number pairs that were new.';
COMMENT ON COLUMN import_batches.contacts_merged IS 'Times a row gave a customer-number pair that was known, from before or from an earlier row.';
COMMENT ON COLUMN import_batches.rejections IS 'Quarantine entries by reason code.';
COMMENT ON COLUMN import_batches.sequence IS 'Grows with every change of this row.';
COMMENT ON COLUMN import_batches.created_by IS 'Who started it.';
COMMENT ON COLUMN import_batches.created_at IS 'When it was received.';
COMMENT ON COLUMN import_batches.started_at IS 'When reading began.';
COMMENT ON COLUMN import_batches.updated_at IS 'When this row last changed.';
COMMENT ON COLUMN import_batches.completed_at IS 'When it ended.';
COMMENT ON COLUMN import_batches.error_message IS 'Why it failed; empty otherwise.';
COMMENT ON INDEX import_batches_pkey IS 'Key of an import.';
COMMENT ON INDEX import_batches_batch_no_key IS 'Short key of an import.';
COMMENT ON INDEX import_batches_once_idx IS 'The same file is imported once for the same source and options, unless it failed.';
COMMENT ON INDEX import_batches_created_at_idx IS 'Imports, newest first.';
COMMENT ON INDEX import_batches_open_idx IS 'Imports with work to do, oldest first.';

CREATE TABLE source_records (
    batch_no    integer NOT NULL,
    row_no      bigint NOT NULL CHECK (row_no > 0),
    received_at timestamptz NOT NULL,
    raw         bytea NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 16),
    PRIMARY KEY (batch_no, row_no, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE source_records_default PARTITION OF source_records DEFAULT;
COMMENT ON TABLE source_records IS 'Rows as received, byte for byte. By month of the import.';
COMMENT ON COLUMN source_records.batch_no IS 'The import.';
COMMENT ON COLUMN source_records.row_no IS 'The row''s number in the file; 1 is the first after the header.';
COMMENT ON COLUMN source_records.received_at IS 'When the import was received; decides the partition.';
COMMENT ON COLUMN source_records.raw IS 'The row as received, in the file''s encoding, without its line end; of a row longer than 1 MiB the first 64 KiB.';
COMMENT ON COLUMN source_records.hash IS 'First 16 bytes of the SHA-256 of raw.';
COMMENT ON TABLE source_records_default IS 'Rows for which no month''s partition exists.';
COMMENT ON INDEX source_records_pkey IS 'A row of an import is kept once.';

CREATE TABLE import_numbers (
    batch_no integer NOT NULL REFERENCES import_batches (batch_no) ON DELETE CASCADE,
    number   bigint NOT NULL REFERENCES phones (number) ON DELETE CASCADE,
    row_no   bigint NOT NULL,
    PRIMARY KEY (batch_no, number)
);
COMMENT ON TABLE import_numbers IS 'Which numbers an import brought, for jobs over an import and for provenance.';
COMMENT ON COLUMN import_numbers.batch_no IS 'The import.';
COMMENT ON COLUMN import_numbers.number IS 'The number, E.164 as an integer.';
COMMENT ON COLUMN import_numbers.row_no IS 'The first row that gave it.';
COMMENT ON INDEX import_numbers_pkey IS 'A number is listed once for each import, in the order jobs are cut.';

CREATE TABLE quarantine (
    batch_no   integer NOT NULL REFERENCES import_batches (batch_no) ON DELETE CASCADE,
    row_no     bigint NOT NULL CHECK (row_no > 0),
    piece      smallint NOT NULL DEFAULT 0,
    reason     text NOT NULL CHECK (reason ~ '^[A-Z][A-Z0-9_]{0,63}$'),
    message    text NOT NULL,
    raw        bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (batch_no, row_no, piece)
);
COMMENT ON TABLE quarantine IS 'Rows, and numbers of rows, that were not accepted.';
COMMENT ON COLUMN quarantine.batch_no IS 'The import.';
COMMENT ON COLUMN quarantine.row_no IS 'The row''s number in the file; 1 is the first after the header.';
COMMENT ON COLUMN quarantine.piece IS 'Tells several rejected numbers of one row apart; 0 is the first.';
COMMENT ON COLUMN quarantine.reason IS 'Reason code.';
COMMENT ON COLUMN quarantine.message IS 'What was wrong in a few words; holds no phone number.';
COMMENT ON COLUMN quarantine.raw IS 'The row as received, cut at 64 KiB.';
COMMENT ON COLUMN quarantine.created_at IS 'When it was put here.';
COMMENT ON INDEX quarantine_pkey IS 'In file order.';

-- +goose Down
DROP TABLE quarantine;
DROP TABLE import_numbers;
DROP TABLE source_records;
DROP TABLE import_batches;
