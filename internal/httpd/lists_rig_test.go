package httpd_test

import (
	"encoding/json"
	"testing"
	"time"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// entries is how many entries each list of the rig has at least.
const entries = 8

// workers are two workers on the platforms of the rig.
type workers []registry.Worker

func (w workers) Workers() []registry.Worker { return w }

func twoWorkers(now time.Time) workers {
	var all workers
	for _, name := range []string{"one", "two"} {
		rate, most, budget := 5.0, 3, int64(1000)
		w := registry.Worker{ID: "id-" + name, Name: name, Version: "1", StartedAt: now, LastSeenAt: now}
		for _, p := range []registry.Platform{scoring.WhatsApp, scoring.Google} {
			w.Platforms = append(w.Platforms, registry.WorkerPlatform{
				Platform: p, Adapter: "simulator", Simulated: true, Slots: 2, InFlight: 1, Checked: 7, Failed: 1, RatePerSecond: 3,
				Breaker: registry.BreakerOpen, HeldUntil: &now, Reason: ptr("resting"),
				Quota: &registry.PlatformQuota{
					Credential: "c-" + name, RatePerSecond: &rate, CurrentRate: &rate, Concurrency: &most, BudgetPerDay: &budget, SpentToday: 4,
				},
			})
		}
		all = append(all, w)
	}
	return all
}

func ptr[T any](v T) *T { return &v }

// newFullApp is an app in which every list has entries and each of them children, and every field a value that tells.
func newFullApp(t *testing.T) *app {
	t.Helper()
	a := newApp(t, func(a *app, c *httpd.Config) {
		numbers, err := normalizer()
		must(t, err)
		c.Service = registry.New(registry.Config{
			Store: a.store, Numbers: numbers, Model: scoring.DefaultModel(), Notifier: a.notifier, Fleet: twoWorkers(time.Now().UTC()),
			Platforms: func() []registry.PlatformInfo {
				return []registry.PlatformInfo{
					{Platform: scoring.WhatsApp, Adapter: "simulator", Simulated: true, Weight: 20},
					{Platform: scoring.Google, Adapter: "simulator", Simulated: true, Weight: 20},
				}
			},
		})
	})
	a.addPhones(t, entries)
	for _, statement := range []string{
		`INSERT INTO sources (name, priority) VALUES ('rig', 50)`,
		// Each number has two more customers, and one customer has them all.
		`INSERT INTO customers SELECT 'kin-' || i || '-' || k, now(), now() FROM generate_series(1, 8) i CROSS JOIN generate_series(1, 2) k`,
		`INSERT INTO customers VALUES ('single', now(), now()), ('collector', now(), now())`,
		`INSERT INTO customer_phones (customer_id, number, is_primary, is_verified, verification_method, verified_at, confidence, source_id, source_ids,
			extension, first_seen_at, last_seen_at)
		SELECT o.customer_id, p.number, o.customer_id LIKE 'kin%' OR p.i = 1, true, 'call', now(), 0.5, s.id, ARRAY[s.id], '12', now() - interval '1 day', now()
		FROM (SELECT number, row_number() OVER (ORDER BY number) AS i FROM phones) p
		JOIN sources s ON s.name = 'rig'
		CROSS JOIN LATERAL (SELECT 'collector' AS customer_id UNION ALL SELECT 'single' WHERE p.i = 1
			UNION ALL SELECT 'kin-' || p.i || '-' || k FROM generate_series(1, 2) k) o`,
		`UPDATE phones SET original_carrier = 'Claro', location = 'Bogotá', timezones = '{America/Bogota}', lookup_in_service = true,
			lookup_line_type = 'VOIP', lookup_at = now()`,
		`UPDATE phones SET region = 'MX', line_type = 'FIXED_LINE', lookup_line_type = NULL WHERE number = (SELECT min(number) FROM phones)`,
		`INSERT INTO platform_validations (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details)
		SELECT number, e, 'ACTIVE', 'simulator', 0.75, true, 2, 5, now(), now() + interval '1 day', '{"a": 1}'
		FROM phones CROSS JOIN unnest('{WHATSAPP,GOOGLE}'::platform[]) e`,
		`INSERT INTO lead_scores (number, total, coverage, tier, whatsapp, google, simulated, model_version, evidence_until, updated_at)
		SELECT number, 75, 0.5, 'HIGH', 15, 15, true, '1', now() + interval '1 day', now() FROM phones`,
		`UPDATE lead_scores SET total = 10, tier = 'POOR' WHERE number = (SELECT min(number) FROM phones)`,
		`INSERT INTO lead_score_history (number, recorded_at, total, coverage, tier, model_version)
		SELECT number, now() - h * interval '1 hour', 70 + h, 0.5, 'HIGH', '1' FROM phones CROSS JOIN generate_series(1, 3) h`,
		`INSERT INTO validation_schedules (id, name, platforms, filter, every_seconds, budget_per_day, recheck_seconds, priority, batch_size, max_concurrent,
			retry_attempts, spent_on, spent, next_run_at, last_run_at, last_skip_reason, created_by, created_at, updated_at)
		SELECT md5('schedule' || i)::uuid, 'schedule ' || i, '{WHATSAPP}', '{"regions": ["CO"], "lineTypes": ["MOBILE"], "customerIds": ["single"],
			"sources": ["rig"], "isVerified": true, "isValid": true, "numberPrefix": "57", "minScore": 1, "tiers": ["HIGH"], "platforms": ["WHATSAPP"]}',
			3600, 10, 60, 'HIGH', 5, 6, 2, (now() AT TIME ZONE 'UTC')::date, 3, now(), now(), 'it was busy', 'rig', now(), now()
		FROM generate_series(1, 8) i`,
		`INSERT INTO validation_jobs (id, name, status, platforms, target, planned, batch_size, max_concurrent, retry_attempts, recheck_seconds, total,
			processed, succeeded, failed, created_by, created_at, started_at, updated_at, completed_at, error_message, priority, client_key, input_hash,
			skipped, schedule_id)
		SELECT md5('job' || i || '.' || k)::uuid, 'job', 'FAILED', '{WHATSAPP,GOOGLE}', '{}', true, 7, 8, 2, 60, 9, 6, 2, 4, 'rig',
			now() - (k * 8 + i) * interval '1 minute', now(), now(), now(), 'it broke', 'HIGH', 'key' || i || '.' || k, '\x00', 1, md5('schedule' || i)::uuid
		FROM generate_series(1, 8) i CROSS JOIN generate_series(1, 3) k`,
		`INSERT INTO validation_job_platforms (job_id, platform, total, processed, succeeded, failed)
		SELECT id, e, 5, 3, 1, 2 FROM validation_jobs CROSS JOIN unnest('{WHATSAPP,GOOGLE}'::platform[]) e`,
		`INSERT INTO validation_failures (job_id, platform, number, chunk_no, status, reason, attempts, failed_at)
		SELECT j.id, 'WHATSAPP', p.number, 1, 'ERROR', 'quota', 3, now() FROM validation_jobs j CROSS JOIN (SELECT number FROM phones LIMIT 3) p`,
		`INSERT INTO validation_jobs (id, name, status, platforms, target, planned, batch_size, max_concurrent, retry_attempts, created_by, created_at, updated_at)
		SELECT md5('running')::uuid, 'job', 'RUNNING', '{WHATSAPP}', '{}', true, 1, 1, 0, 'rig', now() - interval '1 day', now()`,
		`INSERT INTO validation_job_platforms (job_id, platform) VALUES (md5('running')::uuid, 'WHATSAPP')`,
		`INSERT INTO validation_chunks (job_id, platform, chunk_no, state, numbers, published_at, stream_seq, deadline_at)
		SELECT md5('running')::uuid, 'WHATSAPP', c, s, '{573001000000}', p, 1, p
		FROM (VALUES (1, 'PENDING'::chunk_state, NULL), (2, 'PUBLISHED', now())) AS x (c, s, p)`,
		`INSERT INTO import_batches (id, source_id, file_name, options, content_hash, options_hash, encoding, status, bytes_total, bytes_read, rows_read,
			rows_accepted, rows_rejected, numbers_accepted, phones_created, contacts_created, contacts_merged, rejections, created_by, created_at, started_at,
			updated_at, completed_at, error_message)
		SELECT md5('import' || i)::uuid, s.id, 'people.csv', '{"region": "CO"}', sha256(('c' || i)::bytea), sha256('o'), 'utf-8', 'FAILED', 100, 50, 9, 6, 3, 4, 2, 3, 1,
			'{"TOO_SHORT": 3}', 'rig', now() - i * interval '1 minute', now() - interval '1 minute', now(), now(), 'cut off'
		FROM generate_series(1, 8) i JOIN sources s ON s.name = 'rig'`,
		`INSERT INTO quarantine (batch_no, row_no, piece, reason, message, raw, created_at)
		SELECT batch_no, r, 0, 'TOO_SHORT', 'too short', '1;12', now() FROM import_batches CROSS JOIN generate_series(1, 3) r`,
		`INSERT INTO webhooks (id, url, events, status, description, secret, last_delivered_at, created_by, created_at, updated_at)
		SELECT md5('hook' || i)::uuid, 'https://example.com/' || i, '{job.finished}', 'PAUSED', 'told of jobs', '\x00', now(), 'rig', now() - i * interval '1 minute', now()
		FROM generate_series(1, 8) i`,
		`INSERT INTO outbox (id, type, created_at, data, fanned_out_at, published_at)
		SELECT md5('event' || i)::uuid, 'webhook.test', now(), '{}', now(), now() FROM generate_series(1, 4) i`,
		`INSERT INTO webhook_deliveries (id, webhook_id, event_id, status, attempts, next_attempt_at, response_status, error, duration_ms, created_at, delivered_at, ended_at)
		SELECT md5(w.id::text || i)::uuid, w.id, md5('event' || i)::uuid, x.status, 2, CASE x.status WHEN 'PENDING' THEN now() END, 500, 'refused', 12,
			now() - i * interval '1 minute', CASE x.status WHEN 'DELIVERED' THEN now() END, CASE WHEN x.status <> 'PENDING' THEN now() END
		FROM webhooks w CROSS JOIN generate_series(1, 4) i
		CROSS JOIN LATERAL (SELECT (ARRAY['PENDING', 'DEAD', 'DELIVERED', 'PENDING'])[(i + right(w.url, 1)::integer) % 4 + 1] AS status) x`,
		`UPDATE api_keys SET last_used_at = now(), expires_at = now() + interval '1 day'`,
		`INSERT INTO api_keys (id, name, role, token_hash, created_by, created_at, expires_at, revoked_at)
		SELECT md5('key' || i)::uuid, 'key', 'VIEWER', sha256(('k' || i)::bytea), 'rig', now() - i * interval '1 minute', now() + interval '1 day', now()
		FROM generate_series(1, 8) i`,
		`INSERT INTO access_log (id, at, actor, token, role, operation, fields, subjects, purpose, request_id)
		SELECT md5('read' || i)::uuid, now(), 'admin', 'key:' || i, 'ADMIN', 'Op', '{Phone.number}', 3, 'a test', 'r' || i FROM generate_series(1, 8) i`,
		`ANALYZE`,
	} {
		if _, err := a.pool.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%v in\n%s", err, statement)
		}
	}
	return a
}

// leaves counts the objects at the end of a path in an answer; connections are passed through.
func leaves(data json.RawMessage, path []string) int {
	if len(data) == 0 || string(data) == "null" {
		return 0
	}
	if data[0] == '[' {
		var all []json.RawMessage
		_ = json.Unmarshal(data, &all) // it was made by encoding/json or the executor
		n := 0
		for _, one := range all {
			n += leaves(one, path)
		}
		return n
	}
	var object map[string]json.RawMessage
	_ = json.Unmarshal(data, &object)
	if nodes, ok := object["nodes"]; ok {
		return leaves(nodes, path)
	}
	if len(path) == 0 {
		return 1
	}
	return leaves(object[path[0]], path[1:])
}
