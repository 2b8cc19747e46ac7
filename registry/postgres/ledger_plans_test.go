package postgres_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

// TestPlansOfClaims: with thousands of jobs and very many chunks that wait, a claim looks at the counters of each job once
// and at few chunks.
func TestPlansOfClaims(t *testing.T) {
	const jobs, large = 1900, 60_000
	tracer := &lastQuery{}
	w := newWorld(t)
	pool, err := postgres.OpenPool(t.Context(), w.url, postgres.PoolOptions{Tracer: tracer, StatementTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w.pool, w.Store = pool, postgres.New(pool, postgres.Options{Now: w.clock.Now})
	w.exec(t, `INSERT INTO validation_jobs (id, name, status, platforms, target, planned, batch_size, max_concurrent, retry_attempts, total, created_by, created_at, updated_at)
		SELECT ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, 'j', 'QUEUED', '{GOOGLE,APPLE}', '{}', true, 1, 40, 1, 100000, 'x', now(), now()
		FROM generate_series(1, $1::int) i`, jobs)
	w.exec(t, `INSERT INTO validation_job_platforms (job_id, platform, total) SELECT id, p, 50000 FROM validation_jobs, unnest(platforms) p`)
	w.exec(t, `INSERT INTO validation_chunks (job_id, platform, chunk_no, numbers)
		SELECT id, p, n, '{1}' FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM validation_jobs) j,
			unnest('{GOOGLE,APPLE}'::platform[]) p, generate_series(1, CASE place WHEN 1 THEN $1::int ELSE 3 END) n`, large)
	w.exec(t, "VACUUM ANALYZE")
	free := func() registry.Claim {
		return registry.Claim{Limit: 256, MaxOut: 2000, Lease: lease, Free: map[registry.Platform]int{scoring.Google: 16, scoring.Apple: 16}}
	}
	for range 3 { // the statistics of the first claims are those of an empty past
		tracer.take()
		begun := time.Now()
		chunks, err := w.ClaimChunks(t.Context(), free())
		if err != nil || len(chunks) == 0 {
			t.Fatalf("claimed %d, %v", len(chunks), err)
		}
		t.Logf("claimed %d in %s", len(chunks), time.Since(begun))
		for i := range chunks {
			for j := range chunks[:i] {
				if chunks[i].Job == chunks[j].Job && chunks[i].Platform == chunks[j].Platform {
					t.Fatal("a job was served twice while others wait")
				}
			}
		}
		if _, err := w.MarkPublished(t.Context(), published(chunks...), lease); err != nil {
			t.Fatal(err)
		}
	}
	sqls, arguments := tracer.take()
	found := false
	for i, sql := range sqls {
		if !strings.Contains(sql, "relay_clocks") {
			continue
		}
		found = true
		var raw []byte
		if err := w.pool.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+sql, arguments[i]...).Scan(&raw); err != nil {
			t.Fatal(err)
		}
		var plans []struct {
			Plan node
			Time float64 `json:"Execution Time"`
		}
		if err := json.Unmarshal(raw, &plans); err != nil {
			t.Fatal(err)
		}
		var chunks, all float64
		plans[0].Plan.walk(func(n node) {
			rows := (n.Actual + n.Removed) * n.Loops
			all += rows
			if n.Relation == "validation_chunks" {
				chunks += rows
			}
		})
		t.Logf("%.1f ms, %.0f rows touched, %.0f of them chunks", plans[0].Time, all, chunks)
		if chunks > 1000 || all > 25*jobs {
			t.Errorf("touches %.0f rows, %.0f of them chunks: want at most %d and 1000", all, chunks, 25*jobs)
		}
	}
	if !found {
		t.Error("no look at the contenders was seen")
	}
}
