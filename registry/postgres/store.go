// Package postgres keeps the registry in PostgreSQL: all SQL of the project is here.
//
// Exported methods open the transaction; private functions do the work in it. Each statement is a constant beside its
// function; those put together from conditions are made by the builder in where.go.
//
// Transactions that lock several rows take them in this order, so that they do not wait for each other in a circle:
// the sources (an advisory lock, see lockSources), customers by id, phones by number, customers' phones, the rest.
// What a lookup tells of lines is written to phones last of all, see writeLines: only columns that nobody else writes.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/migrations"
	"phoneregistry/registry"
)

var (
	_ registry.PhoneStore = (*Store)(nil)
	_ registry.ScoreStore = (*Store)(nil)
	_ registry.KeyStore   = (*Store)(nil)
)

// Store keeps the registry in a PostgreSQL database. It is safe for concurrent use, also by several processes.
type Store struct {
	pool *pgxpool.Pool
	now  func() time.Time
	log  *slog.Logger
	box  atomic.Pointer[secretBox] // of the secrets of webhooks, once it was needed
}

// Options says how a Store works.
type Options struct {
	Now    func() time.Time // default: time.Now
	Logger *slog.Logger     // default: none
}

// New makes a store on a migrated database. The caller closes the pool.
func New(pool *pgxpool.Pool, o Options) *Store {
	s := &Store{pool: pool, now: o.Now, log: o.Logger}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Migrate brings the database at url to the version this program needs. Several servers may do so at once.
func Migrate(ctx context.Context, url string, log *slog.Logger) error {
	return migrations.Up(ctx, url, log)
}

// MigrateDown takes the database at url back to an earlier version; 0 removes everything, with all data.
func MigrateDown(ctx context.Context, url string, version int64, log *slog.Logger) error {
	return migrations.Down(ctx, url, version, log)
}

// PoolOptions says how connections are made. Zero values mean the defaults.
type PoolOptions struct {
	MaxConns         int32           // default: 16
	ApplicationName  string          // shown in pg_stat_activity; default: phoneregistry
	StatementTimeout time.Duration   // ends a statement that runs longer; default: 1 minute, negative: none
	Silence          time.Duration   // a server that is silent for longer than that beyond StatementTimeout is given up; default: 15 s
	Tracer           pgx.QueryTracer // sees every statement; default: none
}

// OpenPool opens a pool of connections and makes sure that the database can be reached.
func OpenPool(ctx context.Context, url string, o PoolOptions) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The cause may quote the URL, and with it a password.
		return nil, errors.New("the database URL cannot be read: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	config.MaxConns = 16
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	config.MaxConnIdleTime = 5 * time.Minute
	config.ConnConfig.DialFunc = o.dial(config.ConnConfig.DialFunc)
	maps.Copy(config.ConnConfig.RuntimeParams, o.session(config.ConnConfig.RuntimeParams))
	config.ConnConfig.Tracer = o.tracers(newFair(int(config.MaxConns)))
	// Statements differ by the columns that callers ask for: what each connection keeps prepared in PostgreSQL is bounded.
	config.ConnConfig.StatementCacheCapacity = 256
	config.ConnConfig.BuildContextWatcherHandler = cancel
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		// Times come back in UTC, wherever this program runs.
		utc := &pgtype.TimestamptzCodec{ScanLocation: time.UTC}
		conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: utc})
		if o.Tracer != nil {
			conn.PgConn().CustomData()[tracerData] = o.Tracer
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	return pool, nil
}

// tracers watch the pool for those who take turns, and statements of all kinds for who wants to see them.
func (o PoolOptions) tracers(turns *fair) *multitracer.Tracer {
	all := &multitracer.Tracer{}
	if o.Tracer != nil {
		all = multitracer.New(o.Tracer)
	}
	all.PoolAcquireTracers = append(all.PoolAcquireTracers, turns)
	all.PoolReleaseTracers = append(all.PoolReleaseTracers, turns)
	return all
}

// session returns the settings of a session that the URL does not set itself.
func (o PoolOptions) session(given map[string]string) map[string]string {
	settings := map[string]string{
		"application_name": cmp.Or(o.ApplicationName, "phoneregistry"),
		"timezone":         "UTC",
		// A client that hangs or cannot be reached must not hold its locks for long: others wait for them.
		"idle_in_transaction_session_timeout": "60000",
		"tcp_keepalives_idle":                 "30",
		"tcp_keepalives_interval":             "10",
		// Compiling a plan takes longer than any statement here that is not a count.
		"jit": "off",
		// Lists are joins of which only the first rows are wanted. A merge join looks cheap for them as long as matches
		// lie evenly among all numbers, as PostgreSQL assumes. But the numbers of a country, an import or a job lie
		// together, and then it reads half of a table before it finds the first.
		"enable_mergejoin": "off",
	}
	if o.StatementTimeout >= 0 {
		timeout := cmp.Or(o.StatementTimeout, time.Minute)
		settings["statement_timeout"] = strconv.FormatInt(max(timeout.Milliseconds(), 1), 10)
	}
	maps.DeleteFunc(settings, func(name, _ string) bool { _, ok := given[name]; return ok })
	return settings
}

// Ping makes sure that the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// moment is the time of the clock as PostgreSQL keeps it: in microseconds, in UTC.
func (s *Store) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// attempts is how often a transaction is tried that PostgreSQL ended to resolve a conflict with another one.
const attempts = 5

// inTx runs do in a transaction at READ COMMITTED and commits it. now is the moment of the transaction. Where
// PostgreSQL ends it to resolve a deadlock, do is run again in a new one: it must not change anything outside.
func (s *Store) inTx(ctx context.Context, do func(tx pgx.Tx, now time.Time) error) error {
	return s.inTxWith(ctx, pgx.TxOptions{}, do)
}

// inSnapshot runs do in a transaction that sees one state of the database and changes nothing.
func (s *Store) inSnapshot(ctx context.Context, do func(tx pgx.Tx, now time.Time) error) error {
	return s.inTxWith(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, do)
}

func (s *Store) inTxWith(ctx context.Context, o pgx.TxOptions, do func(tx pgx.Tx, now time.Time) error) error {
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, o, do)
		if attempt == attempts || ctx.Err() != nil || !isConflict(err) {
			return err
		}
		s.log.DebugContext(ctx, "transaction is tried again", "attempt", attempt, "error", err)
	}
}

func (s *Store) once(ctx context.Context, o pgx.TxOptions, do func(tx pgx.Tx, now time.Time) error) error {
	tx, err := s.pool.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", ended(err))
	}
	if err := do(tx, s.moment()); err != nil {
		rollback(ctx, tx)
		return ended(err)
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit transaction: %w", ended(err))
	}
	return nil
}

// rollback ends a transaction also when ctx has ended. A connection on which that fails is closed by the pool.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = tx.Rollback(ctx) // nothing can be done, see above
}

// SQLSTATE codes that are told apart. PostgreSQL manual, appendix A.
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeUnique        = "23505"
	codeForeignKey    = "23503"
	codeCheck         = "23514"
)

// isConflict reports whether a transaction failed only because of what another one did at the same time.
func isConflict(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	// A row that was on its way into the default partition when the partition for it was made, see EnsurePartitions.
	moved := e.Code == codeCheck && e.ConstraintName == "" && strings.HasSuffix(e.TableName, "_default")
	return e.Code == codeSerialization || e.Code == codeDeadlock || moved
}

// violates reports whether err says that a constraint (or unique index) was violated.
func violates(err error, code, constraint string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == code && e.ConstraintName == constraint
}

// found turns the absence of a row into registry.ErrNotFound and wraps other errors with what was being done.
func found(err error, doing string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return registry.ErrNotFound
	}
	return wrapped(err, doing)
}

func wrapped(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, ended(err))
}
