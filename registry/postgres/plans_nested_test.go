package postgres_test

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

// owners is how many entries lists are read for at once.
const owners = 20

// fillNested gives the entries of lists many children, as fill makes the entries.
func fillNested(t *testing.T, w *world, rows int) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO lead_score_history (number, recorded_at, total, coverage, tier, model_version)
		SELECT number, now() - h * interval '1 hour', 50, 1, 'MEDIUM', '1' FROM lead_scores CROSS JOIN generate_series(1, 2) h`,
		`INSERT INTO customer_phones (customer_id, number, is_primary, confidence, source_id, source_ids, first_seen_at, last_seen_at)
		SELECT 'c' || i, (SELECT min(number) FROM phones), false, 0.5, 1, '{1}', now(), now() FROM generate_series(2, 5000) i
		ON CONFLICT DO NOTHING`,
		`INSERT INTO validation_schedules (id, name, platforms, filter, every_seconds, priority, batch_size, max_concurrent, retry_attempts, spent_on,
			next_run_at, created_by, created_at, updated_at)
		SELECT md5('schedule' || i)::uuid, 's' || i, '{WHATSAPP}', '{}', 60, 'NORMAL', 1, 1, 0, now()::date, now(), 'rig', now(), now() FROM generate_series(1, 50) i`,
		`INSERT INTO validation_jobs (id, name, status, platforms, target, batch_size, max_concurrent, retry_attempts, created_by, created_at, updated_at, schedule_id)
		SELECT md5('job' || i)::uuid, 'j', 'RUNNING', '{WHATSAPP}', '{}', 1, 1, 0, 'rig', now() - i * interval '1 minute', now(), md5('schedule' || (1 + i % 50))::uuid
		FROM generate_series(1, 10000) i`,
		`INSERT INTO validation_failures (job_id, platform, number, chunk_no, status, attempts, failed_at)
		SELECT md5('job' || (1 + number % 40))::uuid, 'WHATSAPP', number, 1, 'ERROR', 1, now() FROM phones`,
		`INSERT INTO import_batches (id, source_id, options, content_hash, options_hash, encoding, status, bytes_total, created_by, created_at, updated_at)
		SELECT md5('import' || i)::uuid, 1, '{}', sha256(i::text::bytea), sha256('o'), 'utf-8', 'RUNNING', 1, 'rig', now(), now() FROM generate_series(1, 40) i`,
		fmt.Sprintf(`INSERT INTO quarantine (batch_no, row_no, piece, reason, message, raw, created_at)
		SELECT batch_no, r, 0, CASE r %% 2 WHEN 0 THEN 'TOO_SHORT' ELSE 'NO_PHONE' END, '', repeat('x', 500)::bytea, now()
		FROM import_batches CROSS JOIN generate_series(1, %d) r`, rows/40),
		`INSERT INTO webhooks (id, url, events, status, secret, created_by, created_at, updated_at)
		SELECT md5('hook' || i)::uuid, 'https://example.com', '{job.finished}', 'ACTIVE', '', 'rig', now(), now() FROM generate_series(1, 40) i`,
		fmt.Sprintf(`INSERT INTO outbox (id, type, created_at, data, fanned_out_at, published_at)
		SELECT md5('event' || i)::uuid, 'webhook.test', now(), '{}', now(), now() FROM generate_series(1, %d) i`, rows/40),
		fmt.Sprintf(`INSERT INTO webhook_deliveries (id, webhook_id, event_id, status, next_attempt_at, created_at, ended_at)
		SELECT md5(w.id::text || i)::uuid, w.id, md5('event' || i)::uuid, CASE i %% 100 WHEN 0 THEN 'DEAD' ELSE 'PENDING' END,
			CASE WHEN i %% 100 > 0 THEN now() END, now() - i * interval '1 minute', CASE WHEN i %% 100 = 0 THEN now() END
		FROM webhooks w CROSS JOIN generate_series(1, %d) i`, rows/40),
		`VACUUM ANALYZE`,
	} {
		w.exec(t, statement)
	}
}

// idsOf are the ids that fillNested gives.
func idsOf(kind string) []uuid.UUID {
	ids := make([]uuid.UUID, owners)
	for i := range ids {
		ids[i] = uuid.UUID(md5.Sum([]byte(fmt.Sprint(kind, i+1)))) // as PostgreSQL made them
	}
	return ids
}

// A page of what hangs on each of some entries is read by an index in its order, and so is its length: no table is read as
// a whole, and pages touch what they show.
func TestPlansOfNestedLists(t *testing.T) {
	tracer := &lastQuery{}
	w := newWorld(t)
	pool, err := postgres.OpenPool(t.Context(), w.url, postgres.PoolOptions{Tracer: tracer, StatementTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w.pool, w.Store = pool, postgres.New(pool, postgres.Options{Now: w.clock.Now})
	const rows = 20_000
	fill(t, w, rows)
	fillNested(t, w, rows)
	numbers := make([]registry.Number, owners)
	for i := range numbers {
		numbers[i] = registry.Number(573000000000 + int64(2*i+2)*37)
	}
	jobs, schedules, imports, hooks := idsOf("job"), idsOf("schedule"), idsOf("import"), idsOf("hook")
	first := registry.PageRequest{First: 2}
	page := registry.PageRequest{First: 500}
	for _, c := range []struct {
		name  string
		read  func(context.Context) error
		index string // by which it is read
		most  float64
	}{
		{"holders", none(func(ctx context.Context) (any, error) { return w.PhoneHolders(ctx, numbers, first) }), "customer_phones_number_idx", 800},
		{"length of holders", none(func(ctx context.Context) (any, error) { return w.CountPhoneHolders(ctx, numbers) }), "customer_phones_number_idx", 400},
		{"history", none(func(ctx context.Context) (any, error) { return w.ScoreHistory(ctx, numbers, first) }), "lead_score_history_pkey", 400},
		{"length of history", none(func(ctx context.Context) (any, error) { return w.CountScoreHistory(ctx, numbers) }), "lead_score_history_pkey", 400},
		{"evidence", none(func(ctx context.Context) (any, error) { return w.Validations(ctx, numbers, "status") }), "platform_validations_pkey", 1000},
		{"failures", none(func(ctx context.Context) (any, error) { return w.JobFailures(ctx, jobs, first) }), "validation_failures_list_idx", 400},
		{"failures further on", none(func(ctx context.Context) (any, error) {
			return w.JobFailures(ctx, jobs[:1], registry.PageRequest{First: 2, After: &registry.Position{Text: string(scoring.WhatsApp), Number: numbers[0]}})
		}), "validation_failures_list_idx", 400},
		{"length of failures", none(func(ctx context.Context) (any, error) { return w.CountJobFailures(ctx, jobs) }), "validation_failures_list_idx", rows + 400},
		{"jobs of schedules", none(func(ctx context.Context) (any, error) { return w.JobsOfSchedules(ctx, schedules, first) }), "validation_jobs_schedule_idx", 400},
		{"number of jobs of schedules", none(func(ctx context.Context) (any, error) { return w.CountJobsOfSchedules(ctx, schedules) }), "validation_jobs_schedule_idx", 5000},
		{"quarantine", none(func(ctx context.Context) (any, error) { return w.Quarantine(ctx, imports, "", first) }), "quarantine_pkey", 600},
		{"quarantine for one reason", none(func(ctx context.Context) (any, error) { return w.Quarantine(ctx, imports, "TOO_SHORT", first) }), "quarantine_pkey", 800},
		{"length of quarantine", none(func(ctx context.Context) (any, error) { return w.CountQuarantine(ctx, imports, "") }), "quarantine_pkey", rows + 400},
		{"deliveries", none(func(ctx context.Context) (any, error) { return w.Deliveries(ctx, hooks, "", first) }), "webhook_deliveries_newest_idx", 800},
		{"dead deliveries", none(func(ctx context.Context) (any, error) { return w.Deliveries(ctx, hooks, registry.DeliveryDead, first) }), "webhook_deliveries_status_idx", 800},
		{"number of deliveries", none(func(ctx context.Context) (any, error) { return w.CountDeliveries(ctx, hooks, "") }), "webhook_deliveries_", rows + 400},
		{"a customer's phones", none(func(ctx context.Context) (any, error) {
			return w.CustomerPhones(ctx, []string{"c7"}, registry.ContactFields{Contact: registry.Fields{"number"}})
		}), "phones_line_in_service_idx", 20},
		{"a customer's phones with their rows", none(func(ctx context.Context) (any, error) {
			return w.CustomerPhones(ctx, []string{"c7"}, registry.ContactFields{Phone: registry.Fields{"region"}})
		}), "phones_pkey", 20},
		{"a page of the oldest", none(func(ctx context.Context) (any, error) {
			return w.Phones(ctx, registry.PhoneFilter{}, registry.PhoneOrder{Field: registry.OrderByCreatedAt}, page)
		}), "phones_created_at_idx", 3000},
	} {
		t.Run(c.name, func(t *testing.T) {
			tracer.takeAll()
			if err := c.read(t.Context()); err != nil {
				t.Fatal(err)
			}
			sqls, arguments := tracer.takeAll()
			if len(sqls) != 1 {
				t.Fatalf("%d statements", len(sqls))
			}
			words, read := explain(t, w, sqls[0], arguments[0])
			if !strings.Contains(words, c.index) {
				t.Errorf("%s is not used: %s", c.index, words)
			}
			if read > c.most {
				t.Errorf("touches %.0f rows, want at most %.0f: %s", read, c.most, words)
			}
			for _, table := range []string{"phones", "customer_phones", "validation_jobs", "validation_failures", "quarantine", "webhook_deliveries", "lead_score_history"} {
				if strings.Contains(words+" ", "Seq Scan "+table+" ") {
					t.Errorf("reads %s as a whole: %s", table, words)
				}
			}
			t.Logf("%.0f rows touched: %s", read, words)
		})
	}
}

// none drops what was read.
func none(read func(context.Context) (any, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := read(ctx)
		return err
	}
}

// explain runs a statement again and returns the parts of its plan, and how many rows they touched together.
func explain(t *testing.T, w *world, sql string, arguments []any) (words string, read float64) {
	t.Helper()
	var raw []byte
	if err := w.pool.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+sql, arguments...).Scan(&raw); err != nil {
		t.Fatal(err)
	}
	var plans []struct {
		Plan node `json:"Plan"`
	}
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	var parts []string
	plans[0].Plan.walk(func(n node) {
		parts = append(parts, strings.Join(strings.Fields(n.Type+" "+n.Index+" "+n.Relation), " "))
		read += (n.Actual + n.Removed) * n.Loops
	})
	return strings.Join(parts, " < "), read
}
