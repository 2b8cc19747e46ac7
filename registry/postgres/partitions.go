package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// monthly are the tables kept in a partition for each month, and the column that decides which. Each has a default
// partition, named after it with _default behind, for rows whose month has none.
func monthly() []partitioned {
	return []partitioned{{"source_records", "received_at"}, {"audit_trail", "at"}}
}

type partitioned struct {
	table, column string // constants of this package: they become SQL text
}

// partitionsLock names the advisory lock on the making of partitions.
const partitionsLock = 0x70686f70 // "phop"

// -- name: lock_partitions
const lockPartitions = `SELECT pg_advisory_xact_lock($1)`

// -- name: partition_exists
// Reads the catalogue itself: to_regclass would go by what this session has cached of it.
const selectPartitionExists = `
SELECT EXISTS (
	SELECT
	FROM pg_inherits i
	JOIN pg_class c ON c.oid = i.inhrelid
	WHERE i.inhparent = $1::text::regclass AND c.relname = $2)`

// EnsurePartitions makes the partitions of the month of now and the one after, where they are missing. Rows of these
// months that were put into the default partition are moved over. Several servers may do so at once.
func (s *Store) EnsurePartitions(ctx context.Context, now time.Time) error {
	now = now.UTC()
	for _, p := range monthly() {
		for next := range 2 {
			month := time.Date(now.Year(), now.Month()+time.Month(next), 1, 0, 0, 0, 0, time.UTC)
			err := s.inTx(ctx, func(tx pgx.Tx, _ time.Time) error { return p.ensure(ctx, tx, month) })
			if err != nil {
				return fmt.Errorf("make partition of %s for %s: %w", p.table, month.Format("2006-01"), err)
			}
		}
	}
	return nil
}

// ensure makes the partition of a month. It is made apart and then attached, as that does not stop those who read and
// write the other partitions; only the default one, which should be empty, is locked.
func (p partitioned) ensure(ctx context.Context, tx pgx.Tx, month time.Time) error {
	name := p.table + month.Format("_2006_01")
	var exists bool
	if err := tx.QueryRow(ctx, selectPartitionExists, p.table, name).Scan(&exists); err != nil || exists {
		return err
	}
	if _, err := tx.Exec(ctx, lockPartitions, partitionsLock); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, selectPartitionExists, p.table, name).Scan(&exists); err != nil || exists {
		return err
	}
	from, to := month.Format(time.RFC3339), month.AddDate(0, 1, 0).Format(time.RFC3339)
	for _, statement := range []string{
		// Somebody who reads for minutes must not make everybody behind this lock wait for minutes.
		"SET LOCAL lock_timeout = '5s'",
		fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)", name, p.table),
		fmt.Sprintf("COMMENT ON TABLE %s IS 'Rows of %s.'", name, month.Format("2006-01")),
		fmt.Sprintf("LOCK TABLE %s_default IN ACCESS EXCLUSIVE MODE", p.table),
		fmt.Sprintf("WITH moved AS (DELETE FROM %s_default WHERE %s >= '%s' AND %[2]s < '%[4]s' RETURNING *) INSERT INTO %[5]s SELECT * FROM moved",
			p.table, p.column, from, to, name),
		fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')", p.table, name, from, to),
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
