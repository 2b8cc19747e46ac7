package orchestrator

import (
	"fmt"
	"testing"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/simulator"
)

// BenchmarkJob measures a whole job with a simulator that takes no time, from the start to the last score, against
// writing the same evidence, and nothing else, in batches into the same table of the same database.
//
//	go test -run '^$' -bench Job -benchtime 1x ./registry/orchestrator
func BenchmarkJob(b *testing.B) {
	const numbers = 40000
	for range b.N {
		r := newRig(b)
		r.quiet = true
		r.phones(numbers)
		r.exec("VACUUM ANALYZE phones")
		r.start(r.orchestrator(func(c *Config) { c.Poll, c.Reconcile, c.Backoff = 0, 0, 0 }).Run)
		r.start(r.workers(simulator.Default()).Run)
		started := time.Now()
		job := r.ended(r.job(spec(registry.DefaultBatchSize)).ID)
		took := time.Since(started)
		if job.Processed != numbers*5 {
			b.Fatalf("%d checks were processed", job.Processed)
		}
		checks := float64(job.Processed) / took.Seconds()
		raw := r.rawUpserts()
		b.ReportMetric(checks, "checks/s")
		b.ReportMetric(raw, "raw/s")
		b.ReportMetric(checks/raw, "ratio")
	}
	b.ReportMetric(0, "ns/op")
}

// rawUpserts writes the evidence of the rig into an empty copy of its place, and returns rows a second.
func (r *rig) rawUpserts() float64 {
	r.t.Helper()
	r.exec("CREATE TABLE evidence AS SELECT *, (row_number() OVER (ORDER BY number, platform) - 1) / 10000 AS part FROM platform_validations")
	r.exec("CREATE INDEX ON evidence (part)")
	rows := read[int](r, "SELECT count(*) FROM evidence")
	parts := read[int](r, "SELECT max(part) + 1 FROM evidence")
	r.exec("TRUNCATE platform_validations")
	r.exec("CHECKPOINT")
	var took time.Duration
	for part := range parts {
		e := r.evidence(part)
		started := time.Now()
		e.write(r)
		took += time.Since(started)
	}
	if n := read[int](r, "SELECT count(*) FROM platform_validations"); n != rows {
		r.t.Fatalf("%d of %d rows were written", n, rows)
	}
	return float64(rows) / took.Seconds()
}

// columns is evidence as the arrays that one statement takes.
type columns struct {
	numbers             []int64
	platforms, statuses []string
	methods             []string
	strengths           []float32
	simulated           []bool
	attempts, latencies []int32
	checked, expires    []time.Time
}

func (r *rig) evidence(part int) *columns {
	r.t.Helper()
	rows, err := r.pool.Query(r.ctx, `SELECT number, platform::text, status::text, method, strength, simulated, attempts, latency_ms, checked_at, expires_at
		FROM evidence WHERE part = $1 ORDER BY number, platform`, part)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	var c columns
	for rows.Next() {
		var (
			v      registry.Validation
			expiry time.Time
		)
		if err := rows.Scan(&v.Number, &v.Platform, &v.Status, &v.Method, &v.Strength, &v.Simulated, &v.Attempts, &v.LatencyMS, &v.CheckedAt, &expiry); err != nil {
			r.t.Fatal(err)
		}
		c.numbers, c.platforms = append(c.numbers, int64(v.Number)), append(c.platforms, string(v.Platform))
		c.statuses, c.methods = append(c.statuses, string(v.Status)), append(c.methods, v.Method)
		c.strengths, c.simulated = append(c.strengths, float32(v.Strength)), append(c.simulated, v.Simulated)
		c.attempts, c.latencies = append(c.attempts, int32(v.Attempts)), append(c.latencies, int32(v.LatencyMS))
		c.checked, c.expires = append(c.checked, v.CheckedAt), append(c.expires, expiry)
	}
	if rows.Err() != nil {
		r.t.Fatal(rows.Err())
	}
	return &c
}

func (c *columns) write(r *rig) {
	r.t.Helper()
	r.exec(`INSERT INTO platform_validations AS v (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at)
		SELECT number, platform::platform, status::validation_status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::real[], $6::boolean[], $7::integer[], $8::integer[], $9::timestamptz[], $10::timestamptz[])
			AS e (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at)
		ON CONFLICT (number, platform) DO UPDATE SET status = excluded.status, method = excluded.method, strength = excluded.strength,
			simulated = excluded.simulated, attempts = excluded.attempts, latency_ms = excluded.latency_ms,
			checked_at = excluded.checked_at, expires_at = excluded.expires_at
		WHERE excluded.checked_at >= v.checked_at`,
		c.numbers, c.platforms, c.statuses, c.methods, c.strengths, c.simulated, c.attempts, c.latencies, c.checked, c.expires)
}

// BenchmarkPlan measures how fast a large target is cut into chunks, and how long its start takes.
func BenchmarkPlan(b *testing.B) {
	const numbers = 1000000
	for range b.N {
		r := newRig(b)
		r.quiet = true
		r.phones(numbers)
		r.exec("VACUUM ANALYZE phones")
		o := r.orchestrator()
		started := time.Now()
		job := r.job(spec(registry.DefaultBatchSize))
		b.ReportMetric(time.Since(started).Seconds()*1000, "start-ms")
		started = time.Now()
		for busy := true; busy; {
			var err error
			if busy, err = o.planRound(r.ctx); err != nil {
				b.Fatal(err)
			}
		}
		if job = r.look(job.ID); job.Total != numbers*int64(len(scoring.Platforms())) || !job.Planned {
			b.Fatal(fmt.Errorf("%d checks, planned: %t", job.Total, job.Planned))
		}
		b.ReportMetric(float64(numbers-20000)/time.Since(started).Seconds(), "numbers/s")
	}
	b.ReportMetric(0, "ns/op")
}
