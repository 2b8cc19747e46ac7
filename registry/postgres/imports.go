package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
)

// importColumns are the columns of import_batches b and sources s that make an import.
const importColumns = `b.id, b.batch_no, b.file_name, s.name, b.status::text, b.bytes_total, b.bytes_read, b.rows_read,
	b.rows_accepted, b.rows_rejected, b.numbers_accepted, b.phones_created, b.contacts_created, b.contacts_merged,
	b.rejections, b.sequence, b.created_by, b.created_at, b.started_at, b.updated_at, b.completed_at, b.error_message,
	b.options, b.spool_id, b.spool_name`

var importShown = columnsOf(importColumns, //nolint:gochecknoglobals // a constant
	always(), always(), forFields("''", "fileName"), forFields("''", "source"), forFields("''", "status"), forFields("0", "bytesTotal"), forFields("0", "bytesRead"),
	forFields("0", "rowsRead", "rowsPerSecond"), forFields("0", "rowsAccepted"), forFields("0", "rowsRejected"), forFields("0", "numbersAccepted"),
	forFields("0", "phonesCreated"), forFields("0", "contactsCreated"), forFields("0", "contactsMerged"), forFields("'{}'::jsonb", "rejections"),
	forFields("0", "sequence"), forFields("''", "createdBy"), always(), forFields("NULL::timestamptz", "startedAt", "rowsPerSecond"),
	forFields("'epoch'::timestamptz", "updatedAt", "rowsPerSecond"), forFields("NULL::timestamptz", "completedAt", "rowsPerSecond"), forFields("''", "errorMessage"),
	forFields("'{}'::jsonb", "region"), forFields("NULL::uuid", "spool"), forFields("''", "spool"))

// importRow is a row of import_batches.
type importRow struct {
	registry.ImportTask
	no int32
}

func scanImport(row pgx.CollectableRow) (importRow, error) {
	var (
		b                   importRow
		started, completed  *time.Time
		rejections, options []byte
		spool               *uuid.UUID
	)
	err := row.Scan(&b.ID, &b.no, &b.FileName, &b.Source, &b.Status, &b.BytesTotal, &b.BytesRead, &b.RowsRead,
		&b.RowsAccepted, &b.RowsRejected, &b.NumbersAccepted, &b.PhonesCreated, &b.ContactsCreated, &b.ContactsMerged,
		&rejections, &b.Sequence, &b.CreatedBy, &b.CreatedAt, &started, &b.UpdatedAt, &completed, &b.ErrorMessage,
		&options, &spool, &b.Spool.Name)
	if err != nil {
		return b, err
	}
	b.StartedAt, b.CompletedAt, b.Spool.Dir = orZero(started), orZero(completed), orZero(spool)
	if err := json.Unmarshal(rejections, &b.Rejections); err != nil {
		return b, fmt.Errorf("read rejections of import: %w", err)
	}
	if err := json.Unmarshal(options, &b.Options); err != nil {
		return b, fmt.Errorf("read options of import: %w", err)
	}
	b.Region = b.Options.Region
	return b, nil
}

// -- name: import
const selectImport = `
SELECT ` + importColumns + `
FROM import_batches b
JOIN sources s ON s.id = b.source_id
WHERE b.id = $1`

// Import returns an import; registry.ErrNotFound when there is none with this id.
func (s *Store) Import(ctx context.Context, id uuid.UUID) (registry.ImportBatch, error) {
	b, err := findImport(ctx, s.pool, selectImport, id)
	return b.ImportBatch, err
}

func findImport(ctx context.Context, q querier, statement string, arguments ...any) (importRow, error) {
	rows, err := q.Query(ctx, statement, arguments...)
	if err != nil {
		return importRow{}, wrapped(err, "read import")
	}
	b, err := pgx.CollectExactlyOneRow(rows, scanImport)
	return b, found(err, "read import")
}

// Imports returns one page of imports, newest first.
func (s *Store) Imports(ctx context.Context, p registry.PageRequest) (registry.Page[registry.ImportBatch], error) {
	w := &where{}
	if p.After != nil {
		// One bound for the index, and the rest of what "behind" means.
		w.and("b.created_at <= %s AND (b.created_at < %[1]s OR b.id > %[2]s::text::uuid)", time.UnixMicro(p.After.Sort), uuidText(p.After.Text))
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, "SELECT "+importShown.of(p.Fields)+"\nFROM import_batches b\nJOIN sources s ON s.id = b.source_id"+w.String()+
		"\nORDER BY b.created_at DESC, b.id\nLIMIT "+limit, listArguments(w)...)
	if err != nil {
		return registry.Page[registry.ImportBatch]{}, wrapped(err, "list imports")
	}
	imports, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.ImportBatch], error) {
		b, err := scanImport(row)
		at := registry.Position{Sort: b.CreatedAt.UnixMicro(), Text: b.ID.String()}
		return listed[registry.ImportBatch]{b.ImportBatch, at}, err
	})
	if err != nil {
		return registry.Page[registry.ImportBatch]{}, wrapped(err, "list imports")
	}
	return pageOf(imports, p.First), nil
}

// -- name: count_imports
const countImports = `
SELECT count(*)
FROM import_batches`

// CountImports counts the imports.
func (s *Store) CountImports(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, countImports).Scan(&n)
	return n, wrapped(err, "count imports")
}

// piecesOfRow is more than the entries a row can have in quarantine: a place in the list of an import is
// row*piecesOfRow + piece.
const piecesOfRow = 1 << 15

var quarantineShown = columnsOf("b.id, q.row_no, q.piece, q.reason, q.message, q.raw, b.encoding", //nolint:gochecknoglobals // a constant
	always(), always(), always(), forFields("''", "reason"), forFields("''", "message"), forFields("''::bytea", "raw"), always())

// fromQuarantine is behind the columns of import_batches b and quarantine q. $3 is a row and $4 a piece to start behind.
const fromQuarantine = `
FROM unnest($1::uuid[]) AS i (id)
JOIN import_batches b ON b.id = i.id
CROSS JOIN LATERAL (
	SELECT q.*
	FROM quarantine q
	WHERE q.batch_no = b.batch_no AND (q.row_no, q.piece) > ($3, $4) AND ($2 = '' OR q.reason = $2)
	ORDER BY q.row_no, q.piece
	LIMIT $5) q
ORDER BY b.id, q.row_no, q.piece`

// Quarantine returns one page of what each import did not accept, in file order; "": for any reason. Raw rows are in
// UTF-8, whatever the file was written in.
func (s *Store) Quarantine(ctx context.Context, imports []uuid.UUID, reason string, p registry.PageRequest) (map[uuid.UUID]registry.Page[registry.QuarantineEntry], error) {
	after := int64(-1)
	if p.After != nil {
		after = p.After.Sort
	}
	rows, err := s.pool.Query(ctx, "SELECT "+quarantineShown.of(p.Fields)+fromQuarantine, imports, reason, after/piecesOfRow, after%piecesOfRow, p.First+1)
	if err != nil {
		return nil, wrapped(err, "list quarantine")
	}
	pages, err := pagesOf(rows, p.First, func(row pgx.CollectableRow) (uuid.UUID, listed[registry.QuarantineEntry], error) {
		id, e, err := scanQuarantine(row)
		return id, listed[registry.QuarantineEntry]{e, registry.Position{Sort: e.Row*piecesOfRow + int64(e.Piece)}}, err
	})
	return pages, wrapped(err, "list quarantine")
}

func scanQuarantine(row pgx.CollectableRow) (id uuid.UUID, e registry.QuarantineEntry, err error) {
	var encoding intake.Encoding
	err = row.Scan(&id, &e.Row, &e.Piece, &e.Reason, &e.Message, &e.Raw, &encoding)
	e.Raw = []byte(encoding.Decode(e.Raw))
	return id, e, err
}

// -- name: count_quarantine
const countQuarantine = `
SELECT b.id, (SELECT count(*) FROM quarantine q WHERE q.batch_no = b.batch_no AND ($2 = '' OR q.reason = $2))
FROM import_batches b
WHERE b.id = ANY ($1::uuid[])`

// CountQuarantine counts what each import did not accept; "": for any reason.
func (s *Store) CountQuarantine(ctx context.Context, imports []uuid.UUID, reason string) (map[uuid.UUID]int64, error) {
	rows, err := s.pool.Query(ctx, countQuarantine, imports, reason)
	if err != nil {
		return nil, wrapped(err, "count quarantine")
	}
	counts, err := countsOf[uuid.UUID](rows)
	return counts, wrapped(err, "count quarantine")
}
