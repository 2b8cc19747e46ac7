package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// firstNumber is the first of the numbers that addNumbers registers.
const firstNumber = registry.Number(573001000000)

// addNumbers registers n valid numbers in a row.
func (w *world) addNumbers(t testing.TB, n int) {
	t.Helper()
	w.exec(t, `INSERT INTO phones (number, region, line_type, valid, plan_version, created_at, updated_at)
		SELECT $1::bigint + i, 'CO', 'MOBILE', true, 'test', $3, $3 FROM generate_series(0, $2::int - 1) AS i`, int64(firstNumber), n, w.clock.Now())
}

func everything() registry.Target { return registry.Target{Filter: &registry.PhoneFilter{}} }

// jobSpec is a job over a target on some platforms, ten numbers in a chunk.
func jobSpec(target registry.Target, platforms ...registry.Platform) registry.JobSpec {
	return registry.JobSpec{Name: "test", Platforms: platforms, Target: target, BatchSize: 10, MaxConcurrent: 40, RetryAttempts: 1}
}

func (w *world) createJob(t testing.TB, spec registry.JobSpec, phones ...registry.Phone) registry.Job {
	t.Helper()
	job, err := w.CreateJob(registry.WithActor(t.Context(), registry.Actor{Name: "ana", RequestID: "r1"}), spec, phones)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func (w *world) job(t testing.TB, id uuid.UUID) registry.Job {
	t.Helper()
	job, err := w.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// chunkNumbers returns the numbers that a job checks on a platform, less firstNumber, ascending; and of each its chunk.
func (w *world) chunkNumbers(t testing.TB, id uuid.UUID, p registry.Platform) (numbers, chunks []int) {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), `SELECT n - $3, chunk_no FROM validation_chunks, unnest(numbers) AS n
		WHERE job_id = $1 AND platform = $2::text::platform ORDER BY n`, id, string(p), int64(firstNumber))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n, chunk int
		if err := rows.Scan(&n, &chunk); err != nil {
			t.Fatal(err)
		}
		numbers, chunks = append(numbers, n), append(chunks, chunk)
	}
	return numbers, chunks
}

// sizes returns how many numbers each chunk holds.
func sizes(chunks []int) []int {
	held := make([]int, slices.Max(chunks)+1)
	for _, chunk := range chunks {
		held[chunk]++
	}
	return held
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestCreateJob(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 25)
	spec := jobSpec(everything(), scoring.WhatsApp, scoring.Apple)
	spec.RecheckAfter = time.Hour
	job := w.createJob(t, spec)
	want := registry.Job{
		ID: job.ID, Name: "test", Status: registry.JobQueued, Platforms: spec.Platforms, BatchSize: 10, MaxConcurrent: 40,
		RetryAttempts: 1, Priority: registry.PriorityNormal, RecheckAfter: time.Hour, Planned: true, Total: 50, Sequence: job.Sequence, CreatedBy: "ana",
		CreatedAt: job.CreatedAt, UpdatedAt: job.UpdatedAt,
	}
	if fmt.Sprint(job) != fmt.Sprint(want) {
		t.Errorf("%+v\nwant %+v", job, want)
	}
	if !job.CreatedAt.Equal(w.clock.Now().Truncate(time.Microsecond)) {
		t.Errorf("created at %s", job.CreatedAt)
	}
	_, ranges := w.chunkNumbers(t, job.ID, scoring.WhatsApp)
	for _, p := range spec.Platforms {
		numbers, chunks := w.chunkNumbers(t, job.ID, p)
		if !slices.Equal(numbers, upTo(25)) || !slices.Equal(sizes(chunks), []int{10, 10, 5}) || !slices.Equal(chunks, ranges) {
			t.Errorf("%s: numbers %v in chunks %v", p, numbers, chunks)
		}
	}
	counts, err := w.JobPlatforms(t.Context(), []uuid.UUID{job.ID})
	if err != nil || fmt.Sprint(counts[job.ID]) != "[{WHATSAPP 25 0 0 0} {APPLE 25 0 0 0}]" {
		t.Errorf("platforms %v, %v", counts, err)
	}
	actor := scalar[string](t, w, `SELECT actor || ' ' || request_id FROM audit_trail WHERE action = 'job.created' AND object_id = $1`, job.ID)
	if actor != "ana r1" {
		t.Errorf("the audit trail says %q", actor)
	}
}

// TestChunksTellNothingOfOrder: when a number was checked shows to those who see it masked, so that a chunk must not hold
// numbers that lie together; nor one of a retry. Each is ascending, as its message promises.
func TestChunksTellNothingOfOrder(t *testing.T) {
	const n, batch = 600, 100
	w := newWorld(t)
	w.addNumbers(t, n)
	spec := jobSpec(everything(), scoring.WhatsApp)
	spec.BatchSize = batch
	job := w.createJob(t, spec)
	check := func(from int) {
		t.Helper()
		if unsorted := scalar[int](t, w, `SELECT count(*) FROM validation_chunks WHERE job_id = $1
			AND numbers <> ARRAY(SELECT x FROM unnest(numbers) AS x ORDER BY x)`, job.ID); unsorted > 0 {
			t.Errorf("%d chunks are not ascending", unsorted)
		}
		if apart := scalar[int](t, w, `SELECT count(*) FROM validation_chunks WHERE job_id = $1 AND chunk_no >= $2
			AND numbers[1] < $3 AND numbers[cardinality(numbers)] >= $3`, job.ID, from, int64(firstNumber+n/2)); apart != n/batch {
			t.Errorf("%d of %d chunks hold numbers of both halves", apart, n/batch)
		}
	}
	check(0)
	for _, c := range w.claim(t, 100, 100) {
		w.apply(t, w.answer(c, scoring.Failed))
	}
	if _, err := w.RetryJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	check(n / batch)
}

// TestTargets: each kind of target finds its valid numbers, in order.
func TestTargets(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 10)
	w.exec(t, "UPDATE phones SET valid = false WHERE number = $1", int64(firstNumber+4))
	w.exec(t, "INSERT INTO customers (customer_id, created_at, updated_at) SELECT c, now(), now() FROM unnest('{a,b,c}'::text[]) AS c")
	w.exec(t, `INSERT INTO customer_phones (customer_id, number, is_primary, confidence, source_id, source_ids, first_seen_at, last_seen_at)
		SELECT c, $1::bigint + n, false, 0.5, 1, '{1}', now(), now()
		FROM (VALUES ('a', 7), ('a', 2), ('b', 2), ('b', 4), ('c', 9)) AS v (c, n)`, int64(firstNumber))
	imports := func(status string) *uuid.UUID {
		id := uuid.New()
		w.exec(t, `INSERT INTO import_batches (id, source_id, options, content_hash, options_hash, encoding, status, bytes_total, created_by, created_at, updated_at, completed_at)
			VALUES ($1, 1, '{}', sha256($2), sha256($2), 'utf-8', $3::text::import_status, 0, 'ana', now(), now(), CASE WHEN $3 = 'RUNNING' THEN NULL ELSE now() END)`,
			id, []byte(id.String()), status)
		w.exec(t, `INSERT INTO import_numbers (batch_no, number, row_no)
			SELECT batch_no, $2::bigint + n, n FROM import_batches, unnest('{1,4,6}'::int[]) AS n WHERE id = $1`, id, int64(firstNumber))
		return &id
	}
	yes, no, nowhere := true, false, uuid.New()
	described := registry.Phone{
		Number: 5215512345678, Region: "MX", LineType: numbering.FixedLineOrMobile, Valid: true, TimeZones: []string{"America/Mexico_City"}, PlanVersion: "p",
	}
	for _, c := range []struct {
		name   string
		target registry.Target
		phones []registry.Phone
		want   []int
		code   registry.Code
	}{
		{"all", everything(), nil, []int{0, 1, 2, 3, 5, 6, 7, 8, 9}, ""},
		{"valid ones", registry.Target{Filter: &registry.PhoneFilter{IsValid: &yes}}, nil, []int{0, 1, 2, 3, 5, 6, 7, 8, 9}, ""},
		{"those not valid", registry.Target{Filter: &registry.PhoneFilter{IsValid: &no}}, nil, nil, registry.CodeEmptyTarget},
		{"a prefix", registry.Target{Filter: &registry.PhoneFilter{NumberPrefix: "573001000003"}}, nil, []int{3}, ""},
		{"another country", registry.Target{Filter: &registry.PhoneFilter{Regions: []string{"AR"}}}, nil, nil, registry.CodeEmptyTarget},
		{"customers", registry.Target{CustomerIDs: []string{"b", "a", "nobody"}}, nil, []int{2, 7}, ""},
		{"nobody", registry.Target{CustomerIDs: []string{"nobody"}}, nil, nil, registry.CodeEmptyTarget},
		{"an import", registry.Target{ImportID: imports("COMPLETED")}, nil, []int{1, 6}, ""},
		{"an import that failed", registry.Target{ImportID: imports("FAILED")}, nil, []int{1, 6}, ""},
		{"an import that runs", registry.Target{ImportID: imports("RUNNING")}, nil, nil, registry.CodeInvalidState},
		{"no import", registry.Target{ImportID: &nowhere}, nil, nil, registry.CodeNotFound},
		{"listed", registry.Target{Numbers: []registry.Number{firstNumber + 3, firstNumber + 4, firstNumber + 1}}, nil, []int{1, 3}, ""},
		{"listed and new", registry.Target{Numbers: []registry.Number{described.Number}}, []registry.Phone{described}, []int{int(described.Number - firstNumber)}, ""},
		{"listed and unknown", registry.Target{Numbers: []registry.Number{1234567}}, nil, nil, registry.CodeEmptyTarget},
	} {
		t.Run(c.name, func(t *testing.T) {
			job, err := w.CreateJob(t.Context(), jobSpec(c.target, scoring.Google), c.phones)
			if c.code != "" {
				es, ok := registry.UserErrors(err)
				if !ok || es[0].Code != c.code || es[0].Path[1] != "target" {
					t.Fatalf("error %v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			numbers, _ := w.chunkNumbers(t, job.ID, scoring.Google)
			if !slices.Equal(numbers, c.want) || job.Total != int64(len(c.want)) || !job.Planned {
				t.Errorf("numbers %v, total %d, planned: %t; want %v", numbers, job.Total, job.Planned, c.want)
			}
		})
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM validation_jobs j WHERE NOT EXISTS (SELECT FROM validation_chunks WHERE job_id = j.id)"); n > 0 {
		t.Errorf("%d jobs without a chunk were left behind", n)
	}
	phone, err := w.Phone(t.Context(), described.Number)
	if err != nil || phone.Region != "MX" || !slices.Equal(phone.TimeZones, described.TimeZones) || phone.LineType != described.LineType {
		t.Errorf("registered as %+v, %v", phone, err)
	}
}

// TestLargeTargetIsCutInSteps: the first step belongs to the start, the others follow, and no number is lost or twice.
func TestLargeTargetIsCutInSteps(t *testing.T) {
	const n = 45678
	w := newWorld(t)
	w.addNumbers(t, n)
	spec := jobSpec(everything(), scoring.WhatsApp, scoring.Google)
	spec.BatchSize = 700 // does not divide a step
	job := w.createJob(t, spec)
	if job.Planned || job.Total != 2*19600 {
		t.Fatalf("planned: %t, %d checks after the first step", job.Planned, job.Total)
	}
	ids, err := w.UnplannedJobs(t.Context())
	if err != nil || !slices.Equal(ids, []uuid.UUID{job.ID}) {
		t.Fatalf("unplanned: %v, %v", ids, err)
	}
	steps := 0
	for ; ; steps++ {
		planned, err := w.PlanJob(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if planned.Job == uuid.Nil {
			break
		}
		if last := w.job(t, job.ID); last.Sequence <= job.Sequence {
			t.Errorf("the sequence stays at %d", last.Sequence)
		} else {
			job = last
		}
	}
	if steps != 2 || !job.Planned || job.Total != 2*n {
		t.Errorf("%d more steps, planned: %t, %d checks", steps, job.Planned, job.Total)
	}
	for _, p := range spec.Platforms {
		numbers, chunks := w.chunkNumbers(t, job.ID, p)
		if !slices.Equal(numbers, upTo(n)) {
			t.Errorf("%s: %d numbers, not each of them once", p, len(numbers))
		}
		if last := slices.Max(chunks); last != (n-1)/700 {
			t.Errorf("%s: the last chunk is %d, want %d", p, last, (n-1)/700)
		}
	}
}

// TestPlannersDoNotMeet: two servers that plan the same job at once cut each number once.
func TestPlannersDoNotMeet(t *testing.T) {
	const n = 90000
	w := newWorld(t)
	w.addNumbers(t, n)
	spec := jobSpec(everything(), scoring.Apple)
	spec.BatchSize = 1000
	job := w.createJob(t, spec)
	errs := make(chan error, 2)
	for range 2 {
		go func() {
			for {
				ids, err := w.UnplannedJobs(t.Context())
				if err == nil && len(ids) > 0 {
					_, err = w.PlanJob(t.Context(), job.ID)
				}
				if err != nil || len(ids) == 0 {
					errs <- err
					return
				}
			}
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if job = w.job(t, job.ID); job.Total != n {
		t.Errorf("%d checks", job.Total)
	}
	if numbers, _ := w.chunkNumbers(t, job.ID, scoring.Apple); !slices.Equal(numbers, upTo(n)) {
		t.Errorf("%d numbers, not each of them once", len(numbers))
	}
}

// addEvidence writes evidence as it is.
func (w *world) addEvidence(t testing.TB, n registry.Number, p registry.Platform, s registry.Status, age, holds time.Duration) {
	t.Helper()
	checked := w.clock.Now().Add(-age)
	var expires *time.Time
	if holds != 0 {
		until := w.clock.Now().Add(holds)
		expires = &until
	}
	w.exec(t, `INSERT INTO platform_validations (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at)
		VALUES ($1, $2::text::platform, $3::text::validation_status, 'test', 1, false, 1, 1, $4, $5)`, int64(n), string(p), string(s), checked, expires)
}

// TestRecheckAfter: evidence that is younger and still holds is not asked for again; ranges stay together.
func TestRecheckAfter(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 40)
	for i := range registry.Number(15) { // the first fifteen are fresh everywhere
		w.addEvidence(t, firstNumber+i, scoring.WhatsApp, scoring.NotFound, time.Minute, 0)
		w.addEvidence(t, firstNumber+i, scoring.Apple, scoring.Unknown, time.Minute, time.Hour)
	}
	w.addEvidence(t, firstNumber+20, scoring.WhatsApp, scoring.Active, time.Minute, 0) // fresh there only
	w.addEvidence(t, firstNumber+21, scoring.WhatsApp, scoring.Active, time.Hour, 0)   // as old as allowed
	w.addEvidence(t, firstNumber+22, scoring.WhatsApp, scoring.Active, time.Minute, -time.Second)
	w.addEvidence(t, firstNumber+23, scoring.WhatsApp, scoring.Failed, time.Minute, 0)
	w.addEvidence(t, firstNumber+24, scoring.WhatsApp, scoring.RateLimited, time.Minute, 0)
	spec := jobSpec(everything(), scoring.WhatsApp, scoring.Apple)
	spec.RecheckAfter = time.Hour
	job := w.createJob(t, spec)
	apple, appleChunks := w.chunkNumbers(t, job.ID, scoring.Apple)
	if !slices.Equal(apple, upTo(40)[15:]) {
		t.Errorf("APPLE checks %v", apple)
	}
	whatsapp, whatsappChunks := w.chunkNumbers(t, job.ID, scoring.WhatsApp)
	if want := slices.Delete(upTo(40)[15:], 5, 6); !slices.Equal(whatsapp, want) {
		t.Errorf("WHATSAPP checks %v, want %v", whatsapp, want)
	}
	if !slices.Equal(sizes(appleChunks), []int{10, 10, 5}) || len(apple) != 25 {
		t.Errorf("chunks of APPLE %v: what is fresh everywhere takes no place", appleChunks)
	}
	if !slices.Equal(whatsappChunks, slices.Delete(slices.Clone(appleChunks), 5, 6)) {
		t.Errorf("chunks of WHATSAPP %v: a range has the same chunk number on all platforms", whatsappChunks)
	}
	if job.Total != 49 || job.Skipped != 31 {
		t.Errorf("%d checks and %d skipped, want 49 and 31", job.Total, job.Skipped)
	}
}

// TestNothingToRecheck: when all of a target is fresh the job is done at once; that is no mistake of the caller.
func TestNothingToRecheck(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 3)
	for i := range registry.Number(3) {
		w.addEvidence(t, firstNumber+i, scoring.Google, scoring.Active, time.Minute, 0)
	}
	spec := jobSpec(everything(), scoring.Google)
	spec.RecheckAfter = time.Hour
	job := w.createJob(t, spec)
	if job.Status != registry.JobCompleted || job.Total != 0 || job.Skipped != 3 || !job.Planned || job.CompletedAt.IsZero() || job.ErrorMessage != "" {
		t.Errorf("%+v", job)
	}
	if n := scalar[int](t, w, `SELECT count(*) FROM audit_trail WHERE object_id = $1`, job.ID); n != 2 {
		t.Errorf("%d audit entries, want one for the start and one for the end", n)
	}
}

// TestClientKey: the same key of the same caller names one job, however often and at once it is started.
func TestClientKey(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 20)
	as := func(name string) context.Context {
		return registry.WithActor(testkit.Context(t), registry.Actor{Name: name})
	}
	spec := jobSpec(everything(), scoring.Google)
	spec.ClientKey = "monday"
	var (
		starts  sync.WaitGroup
		mu      sync.Mutex
		created []uuid.UUID
		ids     = map[uuid.UUID]bool{}
	)
	for range 8 {
		starts.Go(func() {
			job, err := w.CreateJob(as("ana"), spec, []registry.Phone{described(firstNumber + 100)})
			mu.Lock()
			defer mu.Unlock()
			ids[job.ID] = true
			switch {
			case err == nil:
				created = append(created, job.ID)
			case !errors.Is(err, registry.ErrJobExists):
				t.Error(err)
			}
		})
	}
	starts.Wait()
	if len(created) != 1 || len(ids) != 1 || scalar[int](t, w, "SELECT count(*) FROM validation_jobs") != 1 {
		t.Fatalf("created %v, returned %d different jobs", created, len(ids))
	}
	if j := w.job(t, created[0]); j.ClientKey != "monday" {
		t.Errorf("its key is %q", j.ClientKey)
	}
	other := spec
	other.Priority = registry.PriorityHigh
	if _, err := w.CreateJob(as("ana"), other, nil); code(err) != registry.CodeInvalidInput {
		t.Errorf("the key for another job: %v", err)
	}
	if job, err := w.CreateJob(as("bob"), other, nil); err != nil || job.ID == created[0] || job.Priority != registry.PriorityHigh {
		t.Errorf("the key of somebody else: %+v, %v", job, err)
	}
	if _, err := w.CancelJob(as("ana"), created[0]); err != nil {
		t.Fatal(err)
	}
	if job, err := w.CreateJob(as("ana"), spec, nil); !errors.Is(err, registry.ErrJobExists) || job.Status != registry.JobCancelled {
		t.Errorf("the key of a job that has ended: %s, %v", job.Status, err)
	}
	spec.ClientKey = ""
	for range 2 {
		if _, err := w.CreateJob(as("ana"), spec, nil); err != nil {
			t.Errorf("without a key: %v", err)
		}
	}
}

func TestListJobs(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 1)
	var ids []uuid.UUID
	for i := range 7 {
		if i != 3 && i != 4 { // three of the same moment
			w.clock.Add(time.Second)
		}
		ids = append(ids, w.createJob(t, jobSpec(everything(), scoring.Google)).ID)
	}
	if _, err := w.CancelJob(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	var listed []uuid.UUID
	request := registry.PageRequest{First: 2}
	for {
		page, err := w.Jobs(t.Context(), registry.JobFilter{}, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Items {
			listed = append(listed, j.ID)
		}
		if !page.HasMore {
			break
		}
		request.After = &page.Positions[len(page.Positions)-1]
	}
	want := []uuid.UUID{ids[6], ids[5], ids[2], ids[3], ids[4], ids[1], ids[0]}
	slices.SortFunc(want[2:5], func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	if !slices.Equal(listed, want) {
		t.Errorf("listed %v\nwant %v", listed, want)
	}
	cancelled := registry.JobFilter{Statuses: []registry.JobStatus{registry.JobCancelled, registry.JobFailed}}
	page, err := w.Jobs(t.Context(), cancelled, registry.PageRequest{First: 5})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != ids[0] {
		t.Errorf("cancelled: %v, %v", page.Items, err)
	}
	for f, want := range map[*registry.JobFilter]int64{{}: 7, &cancelled: 1} {
		if n, err := w.CountJobs(t.Context(), *f); err != nil || n != want {
			t.Errorf("%v: counted %d, %v; want %d", f.Statuses, n, err, want)
		}
	}
	if _, err := w.Job(t.Context(), uuid.New()); err != registry.ErrNotFound { //nolint:errorlint // the bare error is promised
		t.Errorf("a job that does not exist: %v", err)
	}
}
