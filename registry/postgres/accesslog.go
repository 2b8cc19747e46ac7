package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/registry"
)

const accessColumns = `id, at, actor, role, purpose, operation, fields, subjects, request_id, token`

func scanAccessEntry(row pgx.CollectableRow) (registry.AccessEntry, error) {
	var e registry.AccessEntry
	err := row.Scan(&e.ID, &e.At, &e.Actor, &e.Role, &e.Purpose, &e.Operation, &e.Fields, &e.Revealed, &e.RequestID, &e.Token)
	return e, err
}

// -- name: copy_access_entries
const copyAccessEntries = `
COPY access_log (` + accessColumns + `)
FROM STDIN BINARY`

// AddAccessEntries writes entries. One whose id is there already is left as it is.
func (s *Store) AddAccessEntries(ctx context.Context, entries []registry.AccessEntry) error {
	var rows copyRows
	for _, e := range entries {
		rows.row(10)
		rows.uuid(e.ID)
		rows.time(e.At)
		for _, text := range [...]string{e.Actor, string(e.Role), e.Purpose, e.Operation} {
			rows.text(text)
		}
		rows.texts(e.Fields)
		rows.int64(e.Revealed)
		rows.text(e.RequestID)
		rows.text(e.Token)
	}
	err := s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		return rows.send(ctx, conn.Conn(), copyAccessEntries)
	})
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.ConstraintName == "access_log_pkey" {
		err = s.addMissing(ctx, entries) // some were written by one who did not live to know it
	}
	return wrapped(err, "write access log")
}

// -- name: insert_access_entry
const insertAccessEntry = `
INSERT INTO access_log (` + accessColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO NOTHING`

func (s *Store) addMissing(ctx context.Context, entries []registry.AccessEntry) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for _, e := range entries {
			batch.Queue(insertAccessEntry, e.ID, e.At, e.Actor, string(e.Role), e.Purpose, e.Operation, e.Fields, e.Revealed, e.RequestID,
				e.Token)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

// AccessEntries pages through the entries, newest first. Ids begin with the time, so that they give the order.
func (s *Store) AccessEntries(ctx context.Context, f registry.AccessFilter, p registry.PageRequest) (registry.Page[registry.AccessEntry], error) {
	w := accessConditions(f)
	if p.After != nil {
		w.and("id < %s::text::uuid", uuidText(p.After.Text))
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, "SELECT "+accessColumns+"\nFROM access_log"+w.String()+"\nORDER BY id DESC\nLIMIT "+limit, listArguments(w)...)
	if err != nil {
		return registry.Page[registry.AccessEntry]{}, wrapped(err, "list access log")
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.AccessEntry], error) {
		e, err := scanAccessEntry(row)
		return listed[registry.AccessEntry]{e, registry.Position{Text: e.ID.String()}}, err
	})
	if err != nil {
		return registry.Page[registry.AccessEntry]{}, wrapped(err, "list access log")
	}
	return pageOf(entries, p.First), nil
}

// CountAccessEntries counts the entries that match.
func (s *Store) CountAccessEntries(ctx context.Context, f registry.AccessFilter) (n int64, err error) {
	w := accessConditions(f)
	err = s.pool.QueryRow(ctx, "SELECT count(*)\nFROM access_log"+w.String(), w.arguments...).Scan(&n)
	return n, wrapped(err, "count access log")
}

// accessConditions are those of a filter. Those on the time are asked of the ids too, which have the index.
func accessConditions(f registry.AccessFilter) *where {
	w := &where{}
	if f.Actor != nil {
		w.and("actor = %s", *f.Actor)
	}
	if f.RequestID != nil {
		w.and("request_id = %s", *f.RequestID)
	}
	if f.Since != nil {
		w.and("id >= %s AND at >= %s", firstIDOf(*f.Since), *f.Since)
	}
	if f.Until != nil {
		w.and("id < %s AND at < %s", firstIDOf(f.Until.Add(time.Millisecond)), *f.Until)
	}
	if f.MinRevealed != nil {
		w.and("subjects >= %s", *f.MinRevealed)
	}
	return w
}

// firstIDOf is below every id (UUID version 7) of the millisecond of a time, and above all before.
func firstIDOf(at time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:], uint64(max(at.UnixMilli(), 0))<<16)
	return id
}

// -- name: access_entry
const selectAccessEntry = `
SELECT ` + accessColumns + `
FROM access_log
WHERE id = $1`

// AccessEntry returns an entry; registry.ErrNotFound when there is none with this id.
func (s *Store) AccessEntry(ctx context.Context, id uuid.UUID) (registry.AccessEntry, error) {
	rows, err := s.pool.Query(ctx, selectAccessEntry, id)
	if err != nil {
		return registry.AccessEntry{}, wrapped(err, "read access log")
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanAccessEntry)
	return e, found(err, "read access log")
}

// -- name: purge_access_log
const purgeAccessLog = `
DELETE FROM access_log
WHERE id IN (
	SELECT id
	FROM access_log
	WHERE id < $1
	ORDER BY id
	LIMIT $2)`

// PurgeAccessLog deletes entries from before a time, oldest first, at most limit of them, and returns how many.
func (s *Store) PurgeAccessLog(ctx context.Context, before time.Time, limit int) (int64, error) {
	tag, err := s.pool.Exec(ctx, purgeAccessLog, firstIDOf(before), limit)
	return tag.RowsAffected(), wrapped(err, "purge access log")
}
