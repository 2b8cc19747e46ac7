package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/registry"
)

// -- name: insert_import
const insertImport = `
INSERT INTO import_batches (id, source_id, file_name, options, content_hash, options_hash, spool_id, spool_name, encoding,
	status, bytes_total, created_by, created_at, updated_at)
SELECT $1, s.id, $3, $4::jsonb, $5, $6, $7, $8, $9, 'QUEUED', $10, $11, $12, $12
FROM sources s
WHERE s.name = $2
ON CONFLICT (content_hash, source_id, options_hash) WHERE status <> 'FAILED' DO NOTHING`

// -- name: same_import
const selectSameImport = `
SELECT ` + importColumns + `
FROM import_batches b
JOIN sources s ON s.id = b.source_id
WHERE b.content_hash = $1 AND s.name = $2 AND b.options_hash = $3 AND b.status <> 'FAILED'
FOR UPDATE OF b`

// -- name: adopt_import
const adoptImport = `
UPDATE import_batches
SET spool_id = $2, spool_name = $3, sequence = sequence + 1, updated_at = $4
WHERE id = $1`

// StartImport registers a file. When the same file was registered before for the same source and options, and did not
// fail, that import is returned and nothing changes — but for one that was read from a local file and interrupted: it
// takes over a received file, so that it can go on. The task's spool tells which file it reads.
func (s *Store) StartImport(ctx context.Context, n registry.NewImport) (task registry.ImportTask, existed bool, err error) {
	options, err := json.Marshal(n.Options) // maps in the order of their keys
	if err != nil {
		return task, false, wrapped(err, "write import")
	}
	sum := sha256.Sum256(options)
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		sources, err := findSources(ctx, tx)
		if err != nil {
			return err
		}
		if _, ok := sourceNamed(sources, n.Source); !ok {
			return unknownSource(n.Source, sources)
		}
		tag, err := tx.Exec(ctx, insertImport, n.ID, n.Source, n.FileName, string(options), n.ContentHash[:], sum[:],
			orNull(n.Spool.Dir), n.Spool.Name, n.Encoding, n.BytesTotal, actorName(ctx), now)
		if err != nil {
			return wrapped(err, "write import")
		}
		b, err := findImport(ctx, tx, selectSameImport, n.ContentHash[:], n.Source, sum[:])
		if err != nil {
			return err
		}
		task, existed = b.ImportTask, tag.RowsAffected() == 0
		if !existed {
			return audit(ctx, tx, now, auditEntry{Action: "import.received", ObjectID: n.ID, Details: map[string]any{
				"source": n.Source, "bytes": n.BytesTotal,
			}})
		}
		if b.Status.Ended() || b.Spool.Name != "" || n.Spool.Name == "" {
			return nil
		}
		task.Spool = n.Spool
		_, err = tx.Exec(ctx, adoptImport, b.ID, n.Spool.Dir, n.Spool.Name, now)
		return wrapped(err, "write import")
	})
	return task, existed, err
}

func unknownSource(name string, sources []source) error {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Name
	}
	return registry.Errorf(registry.CodeUnknownSource, []string{"source"},
		"there is no source %q: create it with upsertSource, or use one of %q", name, names)
}

func actorName(ctx context.Context) string {
	if name := registry.ActorFrom(ctx).Name; name != "" {
		return name
	}
	return systemActor
}

// -- name: open_imports
const selectOpenImports = `
SELECT id
FROM import_batches
WHERE spool_id = $1 AND status IN ('QUEUED', 'RUNNING')
ORDER BY created_at, id`

// OpenImports returns the imports that are not at their end and whose files lie in a spool directory, oldest first.
func (s *Store) OpenImports(ctx context.Context, spool uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, selectOpenImports, spool)
	if err != nil {
		return nil, wrapped(err, "read open imports")
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, wrapped(err, "read open imports")
}

// importsLock is the class of the advisory locks on imports; the batch number is the rest of their name.
const importsLock = 0x70686969 // "phii"

const (
	// -- name: claim_import
	claimImport = `SELECT pg_try_advisory_lock($1, $2)`
	// -- name: release_import
	releaseImport = `SELECT pg_advisory_unlock($1, $2)`
)

// -- name: begin_import
const beginImport = `
UPDATE import_batches
SET status = 'RUNNING', started_at = coalesce(started_at, $2), sequence = sequence + 1, updated_at = $2
WHERE id = $1 AND status IN ('QUEUED', 'RUNNING')`

// importClaim holds an import by an advisory lock of a connection of its own: PostgreSQL gives it up when the
// connection or the process ends, so nobody waits for a lease to run out. All work is done on that connection: a claim
// that is lost cannot change anything any more, and many claims do not wait for each other's connections. Should the
// import change hands nevertheless, the checkpoint tells: see Merge.
type importClaim struct {
	store *Store
	conn  *pgxpool.Conn
	row   importRow
}

// ClaimImport claims an import and marks it as running. registry.ErrImportBusy when another process works on it;
// an import that has ended is returned as it is.
func (s *Store) ClaimImport(ctx context.Context, id uuid.UUID) (registry.ImportClaim, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, wrapped(err, "claim import")
	}
	c := &importClaim{store: s, conn: conn}
	if c.row, err = findImport(ctx, conn, selectImport, id); err != nil {
		conn.Release()
		return nil, err
	}
	var claimed bool
	if err := conn.QueryRow(ctx, claimImport, importsLock, c.row.no).Scan(&claimed); err != nil {
		c.drop(ctx) // a statement that was given up may have got the lock before, which no rollback takes back
		return nil, wrapped(err, "claim import")
	}
	if !claimed {
		conn.Release()
		return nil, registry.ErrImportBusy
	}
	if err := c.begin(ctx); err != nil {
		c.Release(ctx)
		return nil, err
	}
	return c, nil
}

// inTx is Store.inTx on the connection of the claim.
func (c *importClaim) inTx(ctx context.Context, do func(tx pgx.Tx, now time.Time) error) error {
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, do)
		if attempt == attempts || ctx.Err() != nil || !isConflict(err) {
			return err
		}
		c.store.log.DebugContext(ctx, "transaction is tried again", "attempt", attempt, "error", err)
	}
}

func (c *importClaim) once(ctx context.Context, do func(tx pgx.Tx, now time.Time) error) error {
	tx, err := c.conn.BeginTx(ctx, pgx.TxOptions{})
	if err != nil {
		return wrapped(err, "begin transaction")
	}
	if err := do(tx, c.store.moment()); err != nil {
		rollback(ctx, tx)
		return err
	}
	return wrapped(tx.Commit(ctx), "commit transaction")
}

func (c *importClaim) begin(ctx context.Context) error {
	var begun importRow
	err := c.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		if _, err := tx.Exec(ctx, beginImport, c.row.ID, now); err != nil {
			return wrapped(err, "begin import")
		}
		var err error
		if begun, err = findImport(ctx, tx, selectImport, c.row.ID); err != nil || begun.Status.Ended() {
			return err
		}
		action := "import.started"
		if c.row.Status == registry.ImportRunning {
			action = "import.resumed"
		}
		return audit(ctx, tx, now, auditEntry{Action: action, ObjectID: begun.ID, Details: map[string]any{"rows_read": begun.RowsRead}})
	})
	if err == nil {
		c.row = begun
	}
	return err
}

// Task returns the import as it stood at the last change through the claim.
func (c *importClaim) Task() registry.ImportTask { return c.row.ImportTask }

// Release gives the claim back.
func (c *importClaim) Release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var released bool
	if err := c.conn.QueryRow(ctx, releaseImport, importsLock, c.row.no).Scan(&released); err != nil || !released {
		c.drop(ctx) // the lock ends with the connection, one way or the other
		return
	}
	c.conn.Release()
}

// drop ends the connection, and with it whatever its session holds.
func (c *importClaim) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = c.conn.Conn().Close(ctx)
	c.conn.Release()
}

// -- name: lock_import
const selectImportForUpdate = `
SELECT ` + importColumns + `
FROM import_batches b
JOIN sources s ON s.id = b.source_id
WHERE b.id = $1
FOR UPDATE OF b`

// -- name: end_import
const endImport = `
UPDATE import_batches
SET status = $2::text::import_status, error_message = $3, completed_at = $4, updated_at = $4, sequence = sequence + 1,
	bytes_read = CASE WHEN $2 = 'COMPLETED' THEN bytes_total ELSE bytes_read END
WHERE id = $1`

var errImportEnded = errors.New("the import has ended")

// End makes the import COMPLETED or FAILED.
func (c *importClaim) End(ctx context.Context, status registry.ImportStatus, message string) (registry.ImportBatch, error) {
	var ended importRow
	err := c.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		b, err := findImport(ctx, tx, selectImportForUpdate, c.row.ID)
		if err != nil {
			return err
		}
		if b.Status.Ended() {
			return errImportEnded
		}
		if b.RowsRead != c.row.RowsRead {
			return registry.ErrImportBusy
		}
		if _, err := tx.Exec(ctx, endImport, b.ID, string(status), message, now); err != nil {
			return wrapped(err, "end import")
		}
		if ended, err = findImport(ctx, tx, selectImport, b.ID); err != nil {
			return err
		}
		if err := emit(ctx, tx, now, finished(registry.EventImportFinished, b.ID)...); err != nil {
			return err
		}
		action := "import.completed"
		if status == registry.ImportFailed {
			action = "import.failed"
		}
		return audit(ctx, tx, now, auditEntry{Action: action, ObjectID: b.ID, Details: map[string]any{
			"rows": ended.RowsRead, "accepted": ended.RowsAccepted, "rejected": ended.RowsRejected, "numbers": ended.NumbersAccepted,
			"phones_created": ended.PhonesCreated, "contacts_created": ended.ContactsCreated, "contacts_merged": ended.ContactsMerged,
		}})
	})
	if err != nil {
		return registry.ImportBatch{}, err
	}
	c.row = ended
	return ended.ImportBatch, nil
}
