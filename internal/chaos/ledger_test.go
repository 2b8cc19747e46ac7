package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/opaque"
)

// settle waits until every job has ended, resuming those that are held.
func (w *world) settle(ctx context.Context) error {
	for {
		held, open, err := w.openJobs(ctx)
		switch {
		case err == nil && len(held)+len(open) == 0:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%d jobs are open and %d held after the faults are off: %w\n%s", len(open), len(held), ctx.Err(), w.ledgerDump())
		}
		for _, id := range held {
			_, _ = w.client.steer(ctx, "resume", opaque.UUID("job", id)) // somebody may have done so
		}
		pause(ctx, 300*time.Millisecond)
	}
}

func (w *world) openJobs(ctx context.Context) (held, open []uuid.UUID, err error) {
	rows, err := w.database.pool.Query(ctx, `SELECT id, status = 'PAUSED' FROM validation_jobs WHERE status IN ('QUEUED', 'RUNNING', 'PAUSED')`)
	if err != nil {
		return nil, nil, err
	}
	var id uuid.UUID
	var paused bool
	_, err = pgx.ForEachRow(rows, []any{&id, &paused}, func() error {
		if paused {
			held = append(held, id)
		} else {
			open = append(open, id)
		}
		return nil
	})
	return held, open, err
}

// retryFailures asks again for what failed while things were broken, until nothing fails any more but what always does.
func (w *world) retryFailures(ctx context.Context) error {
	for round := range 6 {
		rows, err := w.database.pool.Query(ctx, `SELECT j.id, f.platform::text, f.number
			FROM validation_failures f JOIN validation_jobs j ON j.id = f.job_id WHERE j.status IN ('COMPLETED', 'FAILED')`)
		if err != nil {
			return err
		}
		again := map[uuid.UUID]bool{}
		var (
			id     uuid.UUID
			where  string
			number int64
			all    int
		)
		_, err = pgx.ForEachRow(rows, []any{&id, &where, &number}, func() error {
			all++
			if !w.platform.answers.of(platformNamed(where), numberOf(number)).poison {
				again[id] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		w.say("%-9s round %d: %d failures, %d jobs to retry", "settle", round, all, len(again))
		if len(again) == 0 {
			return nil
		}
		for id := range again {
			if _, err := w.client.steer(ctx, "retry", opaque.UUID("job", id)); err != nil {
				return fmt.Errorf("retry: %w", err)
			}
			w.load.markRetried(opaque.UUID("job", id))
		}
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("checks still fail although their platform is well")
}

// ledgerDump describes what is not done, for a run that got stuck.
func (w *world) ledgerDump() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var b strings.Builder
	for what, sql := range map[string]string{
		"jobs": `SELECT id::text || ' ' || status || ' planned=' || planned || ' ' || processed || '/' || total || ' updated ' || updated_at
			FROM validation_jobs WHERE status IN ('QUEUED', 'RUNNING', 'PAUSED') LIMIT 20`,
		"chunks": `SELECT c.job_id::text || ' ' || c.platform || ' ' || c.state || ' n=' || count(*) || ' epochs ' || min(epoch) || '-' || max(epoch)
			|| ' deadline ' || coalesce(min(deadline_at)::text, '-') || ' seq ' || coalesce(min(stream_seq)::text, '-')
			FROM validation_chunks c JOIN validation_jobs j ON j.id = c.job_id
			WHERE j.status IN ('QUEUED', 'RUNNING', 'PAUSED') GROUP BY c.job_id, c.platform, c.state LIMIT 60`,
		"sessions": `SELECT pid || ' ' || state || ' ' || coalesce(wait_event, '-') || ' since ' || coalesce(xact_start::text, '-') || ' ' || left(query, 80)
			FROM pg_stat_activity WHERE ` + ours + ` AND state <> 'idle'`,
	} {
		fmt.Fprintf(&b, "%s:\n", what)
		rows, err := w.database.pool.Query(ctx, sql)
		if err != nil {
			fmt.Fprintf(&b, "  %v\n", err)
			continue
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, line := range lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		if err != nil {
			fmt.Fprintf(&b, "  %v\n", err)
		}
	}
	b.WriteString(w.streamDump(ctx))
	return b.String()
}
