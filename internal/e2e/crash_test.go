package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/pgembed"
)

const watchJob = `subscription($id: ID!) { validationJobProgress(id: $id) {
	sequence job { id status isPlanned total processed succeeded failed } } }`

type progressEvent struct {
	ValidationJobProgress struct {
		Sequence int64
		Job      jobState
	}
}

// TestKilledThreeTimesInAJob kills the server with -9 in the middle of a job, twice alone and once together with its
// PostgreSQL, and then counts: every check must be there exactly once.
func TestKilledThreeTimesInAJob(t *testing.T) {
	dir := dataDir(t)
	flags := []string{"--simulator", "latency=25ms,jitter=25ms,errors=0.02,seed=3", "--concurrency", "2"}
	p := serve(t, dir, flags...)
	p.upload(bytes.NewReader(sampleCSV(t, 2500, 11)), url.Values{"source": {"call_center"}, "region": {"CO"}})
	job := p.startJob(map[string]any{
		"name": "killed", "platforms": []string{"WHATSAPP", "GOOGLE", "APPLE"}, "batchSize": 20, "maxConcurrent": 12,
		"retryAttempts": 1, "target": map[string]any{"filter": map[string]any{}},
	})
	if job.Total == 0 || job.Total%3 != 0 {
		t.Fatalf("the job has %d checks", job.Total)
	}

	var last int64
	for round := range 3 {
		goal := job.Total * int64(round+1) / 5
		last = watchUntil(t, p, job.ID, last, goal)
		if round == 1 {
			killPostgres(t, dir)
		}
		p.kill()
		p = serve(t, dir, flags...)
	}
	final := watchToEnd(t, p, job.ID, last)
	if final.Status != "COMPLETED" || final.Processed != job.Total || final.Total != job.Total {
		t.Fatalf("the job ended as %+v, want COMPLETED with %d checks", final, job.Total)
	}
	checkLedger(t, dir, job.Total)
}

// watchUntil follows a job until it has done so many checks, and returns the last sequence.
func watchUntil(t *testing.T, p *process, id string, after, goal int64) int64 {
	t.Helper()
	last := after
	p.subscribe(watchJob, map[string]any{"id": id}, func(data json.RawMessage) bool {
		e := decode[progressEvent](t, data).ValidationJobProgress
		if e.Sequence < last {
			t.Errorf("sequence fell from %d to %d", last, e.Sequence)
		}
		last = e.Sequence
		if e.Job.Status == "COMPLETED" {
			t.Fatalf("the job ended before it could be interrupted")
		}
		return e.Job.Processed < goal
	})
	return last
}

func watchToEnd(t *testing.T, p *process, id string, after int64) jobState {
	t.Helper()
	var final jobState
	last := after
	p.subscribe(watchJob, map[string]any{"id": id}, func(data json.RawMessage) bool {
		e := decode[progressEvent](t, data).ValidationJobProgress
		if e.Sequence < last {
			t.Errorf("sequence fell from %d to %d", last, e.Sequence)
		}
		last, final = e.Sequence, e.Job
		return true
	})
	return final
}

func decode[T any](t *testing.T, data json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

// killPostgres kills the postmaster with -9, as a crash of the machine would.
func killPostgres(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(b), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// checkLedger compares the counters of the only job with the ledger, the evidence and the failures.
func checkLedger(t *testing.T, dir string, total int64) {
	t.Helper()
	address, err := pgembed.RunningURL(dir)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	count := func(sql string) (n int64) {
		if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return n
	}
	for what, sql := range map[string]string{
		"checks in settled chunks":     `SELECT sum(cardinality(numbers)) FROM validation_chunks WHERE state = 'DONE'`,
		"checks in all chunks":         `SELECT sum(cardinality(numbers)) FROM validation_chunks`,
		"different checks in chunks":   `SELECT count(*) FROM (SELECT DISTINCT platform, unnest(numbers) FROM validation_chunks) c`,
		"counted by chunks":            `SELECT sum(succeeded + failed) FROM validation_chunks`,
		"counted by platforms":         `SELECT sum(processed) FROM validation_job_platforms`,
		"pieces of evidence":           `SELECT count(*) FROM platform_validations`,
		"succeeded checks, failed too": `SELECT sum(succeeded) + (SELECT count(*) FROM validation_failures) FROM validation_jobs`,
	} {
		if got := count(sql); got != total {
			t.Errorf("%s: %d, want %d", what, got, total)
		}
	}
	if scores, phones := count(`SELECT count(*) FROM lead_scores`), total/3; scores != phones {
		t.Errorf("%d scores, want %d", scores, phones)
	}
}
