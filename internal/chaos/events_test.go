package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// checkEvents makes sure that the end of each job is in the outbox as often as it was written down, and waits until all of
// it was published and has come to the receiver of webhooks.
func (w *world) checkEvents(ctx context.Context) {
	w.none(ctx, "jobs whose ends are not in the outbox as often as they ended", `
		SELECT j.id || ' ends ' || a.n || ' events ' || o.n
		FROM validation_jobs j
		CROSS JOIN LATERAL (SELECT count(*) AS n FROM audit_trail WHERE object_id = j.id
			AND action IN ('job.completed', 'job.failed', 'job.cancelled')) a
		CROSS JOIN LATERAL (SELECT count(*) AS n FROM outbox WHERE type = 'job.finished'
			AND data ->> 'id' = 'job_' || replace(j.id::text, '-', '')) o
		WHERE a.n <> o.n`)
	limit, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	for {
		told, left, err := w.untold(ctx)
		switch {
		case err == nil && len(left) == 0:
			w.say("%-9s %d ends of jobs were told to the receiver of webhooks", "check", told)
			return
		case limit.Err() != nil:
			w.t.Errorf("%d events were not told, such as %v (%v)", len(left), left[:min(len(left), 3)], err)
			return
		}
		pause(limit, 500*time.Millisecond)
	}
}

// untold are the events that were not published, or have not come to the receiver of webhooks.
func (w *world) untold(ctx context.Context) (told int, left []string, err error) {
	rows, err := w.database.pool.Query(ctx, `SELECT 'evt_' || replace(id::text, '-', ''), published_at IS NOT NULL
		FROM outbox WHERE type = 'job.finished'`)
	if err != nil {
		return 0, nil, err
	}
	var id string
	var published bool
	_, err = pgx.ForEachRow(rows, []any{&id, &published}, func() error {
		switch {
		case !published:
			left = append(left, id+" is not published")
		case !w.platform.wasTold(id):
			left = append(left, id+" has not come")
		default:
			told++
		}
		return nil
	})
	if err != nil {
		return told, left, fmt.Errorf("read events: %w", err)
	}
	return told, left, nil
}
