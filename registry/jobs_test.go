package registry_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

// told is a Notifier that remembers.
type told struct {
	registry.Notifier
	changed, cancelled []uuid.UUID
}

func (n *told) JobChanged(id uuid.UUID)   { n.changed = append(n.changed, id) }
func (n *told) JobCancelled(id uuid.UUID) { n.cancelled = append(n.cancelled, id) }

// newJobService is a service that can check GOOGLE and APPLE.
func newJobService(t *testing.T) (*registry.Service, *told) {
	t.Helper()
	numbers, err := normalizer()
	if err != nil {
		t.Fatal(err)
	}
	n := &told{}
	return registry.New(registry.Config{
		Store:   postgres.New(testkit.Pool(t), postgres.Options{Now: newClock().Now, Logger: testkit.Logger(t)}),
		Numbers: numbers, Model: scoring.DefaultModel(), Notifier: n, Logger: testkit.Logger(t),
		Platforms: func() []registry.PlatformInfo {
			return []registry.PlatformInfo{{Platform: scoring.Google, Adapter: "x"}, {Platform: scoring.Apple, Adapter: "y"}, {Platform: scoring.Facebook}}
		},
	}), n
}

func listed(numbers ...string) registry.StartJob {
	return registry.StartJob{Name: " Job ", Platforms: []registry.Platform{scoring.Google}, Target: registry.TargetInput{Numbers: numbers}}
}

func TestStartJob(t *testing.T) {
	s, told := newJobService(t)
	start := listed("+57 300 123 4567", "junk", "00573001234567", "573001234568", "300 123 4569", "+52 1 55 1234 5678", "")
	start.Platforms = []registry.Platform{scoring.Apple, scoring.Google, scoring.Apple}
	start.RecheckAfter = 1500 * time.Millisecond
	result, err := s.StartJob(registry.WithActor(t.Context(), registry.Actor{Name: "ana"}), start)
	if err != nil {
		t.Fatal(err)
	}
	j := result.Job
	if j.Name != "Job" || !slices.Equal(j.Platforms, []registry.Platform{scoring.Google, scoring.Apple}) || j.Total != 6 || j.CreatedBy != "ana" ||
		j.BatchSize != 500 || j.MaxConcurrent != 40 || j.RetryAttempts != 3 || j.RecheckAfter != 2*time.Second || j.Status != registry.JobQueued {
		t.Errorf("%+v", j)
	}
	var skipped []int
	for _, n := range result.Skipped {
		if n.Reason == "" {
			t.Errorf("number %d was left out for no reason", n.Index)
		}
		skipped = append(skipped, n.Index)
	}
	if result.SkippedCount != 3 || !slices.Equal(skipped, []int{1, 4, 6}) {
		t.Errorf("%d left out: %v", result.SkippedCount, skipped)
	}
	if !result.Created || j.Priority != registry.PriorityNormal || !slices.Equal(told.changed, []uuid.UUID{j.ID}) {
		t.Errorf("created: %t, priority %s, told of %v", result.Created, j.Priority, told.changed)
	}
	phone, err := s.Phone(t.Context(), 525512345678)
	if err != nil || phone.Region != "MX" || phone.PlanVersion == "" {
		t.Errorf("registered %+v, %v", phone, err)
	}
	if again, err := s.Job(t.Context(), j.ID); err != nil || fmt.Sprint(again) != fmt.Sprint(j) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestStartJobRefuses(t *testing.T) {
	s, told := newJobService(t)
	many := make([]string, registry.MaxTargetEntries+1)
	for i := range many {
		many[i] = fmt.Sprintf("c%d", i)
	}
	n := func(v int) *int { return &v }
	nowhere := uuid.New()
	for _, c := range []struct {
		name, want string
		change     func(*registry.StartJob)
	}{
		{"no name", "INVALID_INPUT input.name", func(j *registry.StartJob) { j.Name = " \n" }},
		{"a long name", "INVALID_INPUT input.name", func(j *registry.StartJob) { j.Name = strings.Repeat("ñ", 201) }},
		{"a name with NUL", "INVALID_INPUT input.name", func(j *registry.StartJob) { j.Name = "a\x00" }},
		{"an unknown priority", "INVALID_INPUT input.priority", func(j *registry.StartJob) { j.Priority = "URGENT" }},
		{"an empty client key", "INVALID_INPUT input.clientKey", func(j *registry.StartJob) { j.ClientKey = new(string) }},
		{"no platforms", "INVALID_INPUT input.platforms", func(j *registry.StartJob) { j.Platforms = nil }},
		{"an unknown platform", "INVALID_INPUT input.platforms", func(j *registry.StartJob) { j.Platforms = []registry.Platform{"MYSPACE"} }},
		{"platforms without adapter", "PLATFORM_NOT_AVAILABLE input.platforms, PLATFORM_NOT_AVAILABLE input.platforms",
			func(j *registry.StartJob) {
				j.Platforms = []registry.Platform{scoring.Google, scoring.Facebook, scoring.WhatsApp}
			}},
		{"no numbers in a chunk", "INVALID_INPUT input.batchSize", func(j *registry.StartJob) { j.BatchSize = n(0) }},
		{"too many in a chunk", "INVALID_INPUT input.batchSize", func(j *registry.StartJob) { j.BatchSize = n(1001) }},
		{"nothing at a time", "INVALID_INPUT input.maxConcurrent", func(j *registry.StartJob) { j.MaxConcurrent = n(0) }},
		{"too much at a time", "INVALID_INPUT input.maxConcurrent", func(j *registry.StartJob) { j.MaxConcurrent = n(1001) }},
		{"less than no attempts", "INVALID_INPUT input.retryAttempts", func(j *registry.StartJob) { j.RetryAttempts = n(-1) }},
		{"too many attempts", "INVALID_INPUT input.retryAttempts", func(j *registry.StartJob) { j.RetryAttempts = n(11) }},
		{"less than no time", "INVALID_INPUT input.recheckAfter", func(j *registry.StartJob) { j.RecheckAfter = -time.Hour }},
		{"no target", "INVALID_INPUT input.target", func(j *registry.StartJob) { j.Target = registry.TargetInput{} }},
		{"two targets", "INVALID_INPUT input.target", func(j *registry.StartJob) { j.Target.Filter = &registry.PhoneFilter{} }},
		{"an empty list", "EMPTY_TARGET input.target.numbers", func(j *registry.StartJob) { j.Target.Numbers = []string{} }},
		{"no valid number", "EMPTY_TARGET input.target.numbers", func(j *registry.StartJob) { j.Target.Numbers = []string{"123", "abc", "300 123 4567"} }},
		{"too many numbers", "INVALID_INPUT input.target.numbers", func(j *registry.StartJob) { j.Target.Numbers = many }},
		{"too many customers", "INVALID_INPUT input.target.customerIds", func(j *registry.StartJob) { j.Target = registry.TargetInput{CustomerIDs: many} }},
		{"no customers", "EMPTY_TARGET input.target.customerIds", func(j *registry.StartJob) { j.Target = registry.TargetInput{CustomerIDs: []string{}} }},
		{"a bad customer", "INVALID_INPUT input.target.customerIds.0", func(j *registry.StartJob) { j.Target = registry.TargetInput{CustomerIDs: []string{""}} }},
		{"a bad customer among good ones", "INVALID_INPUT input.target.customerIds.3",
			func(j *registry.StartJob) {
				j.Target = registry.TargetInput{CustomerIDs: []string{"a", "b", "a", "\x00"}}
			}},
		{"a name of two lines", "INVALID_INPUT input.name", func(j *registry.StartJob) { j.Name = "a\nb" }},
		{"a name with an escape", "INVALID_INPUT input.name", func(j *registry.StartJob) { j.Name = "a\x1b[2J" }},
		{"unknown customers", "EMPTY_TARGET input.target", func(j *registry.StartJob) { j.Target = registry.TargetInput{CustomerIDs: []string{"nobody"}} }},
		{"a bad filter", "INVALID_INPUT input.target.filter.regions.0",
			func(j *registry.StartJob) {
				j.Target = registry.TargetInput{Filter: &registry.PhoneFilter{Regions: []string{"Colombia"}}}
			}},
		{"a filter that finds nothing", "EMPTY_TARGET input.target", func(j *registry.StartJob) { j.Target = registry.TargetInput{Filter: &registry.PhoneFilter{}} }},
		{"no import", "NOT_FOUND input.target.importId", func(j *registry.StartJob) { j.Target = registry.TargetInput{ImportID: &nowhere} }},
		{"all wrong", "INVALID_INPUT input.name, INVALID_INPUT input.batchSize, INVALID_INPUT input.platforms, INVALID_INPUT input.target",
			func(j *registry.StartJob) { *j = registry.StartJob{BatchSize: n(-1)} }},
	} {
		start := listed("+573001234567")
		c.change(&start)
		result, err := s.StartJob(t.Context(), start)
		if got := codes(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.name == "no valid number" && (result.SkippedCount != 3 || len(result.Skipped) != 3) {
			t.Errorf("%s: %+v does not say what was left out", c.name, result)
		}
		if err != nil && strings.ContainsAny(err.Error(), "3") && strings.Contains(err.Error(), "300") {
			t.Errorf("%s: the message holds a number: %s", c.name, err)
		}
	}
	if count, err := s.CountJobs(t.Context(), registry.JobFilter{}); count != 0 || err != nil || len(told.changed) > 0 {
		t.Errorf("%d jobs were left behind, %v, told of %v", count, err, told.changed)
	}
}

// TestManySkipped: all are counted, the first are told apart.
func TestManySkipped(t *testing.T) {
	s, _ := newJobService(t)
	numbers := make([]string, 101)
	numbers[50] = "+573001234567"
	result, err := s.StartJob(t.Context(), listed(numbers...))
	if err != nil || result.SkippedCount != 100 || len(result.Skipped) != 20 || result.Job.Total != 1 {
		t.Errorf("%d left out, %d shown, %d checks, %v", result.SkippedCount, len(result.Skipped), result.Job.Total, err)
	}
}

func TestSteerJob(t *testing.T) {
	s, told := newJobService(t)
	result, err := s.StartJob(t.Context(), listed("+573001234567"))
	if err != nil {
		t.Fatal(err)
	}
	id := result.Job.ID
	for _, step := range []struct {
		name string
		do   func(context.Context, uuid.UUID) (registry.Job, error)
		want string
	}{
		{"pause", s.PauseJob, ""}, {"pause", s.PauseJob, "INVALID_STATE input.id"}, {"resume", s.ResumeJob, ""},
		{"retry", s.RetryJob, "INVALID_STATE input.id"}, {"cancel", s.CancelJob, ""}, {"cancel", s.CancelJob, "INVALID_STATE input.id"},
	} {
		if _, err := step.do(t.Context(), id); codes(err) != step.want {
			t.Errorf("%s: %v, want %q", step.name, err, step.want)
		}
	}
	if len(told.changed) != 3 || !slices.Equal(told.cancelled, []uuid.UUID{id}) {
		t.Errorf("told of changes %v and cancellations %v", told.changed, told.cancelled)
	}
	if _, err := s.PauseJob(t.Context(), uuid.New()); err != registry.ErrNotFound { //nolint:errorlint // the bare error is promised
		t.Errorf("no job: %v", err)
	}
}

func TestJobListsCheck(t *testing.T) {
	s, _ := newJobService(t)
	_, err := s.Jobs(t.Context(), registry.JobFilter{Statuses: []registry.JobStatus{"LOST"}}, registry.PageRequest{First: 501})
	if got := codes(err); got != "INVALID_INPUT filter.statuses, INVALID_INPUT first" {
		t.Errorf("jobs: %q", got)
	}
	if _, err := s.CountJobs(t.Context(), registry.JobFilter{Statuses: []registry.JobStatus{"LOST"}}); codes(err) != "INVALID_INPUT filter.statuses" {
		t.Errorf("count: %v", err)
	}
	if _, err := s.JobFailures(t.Context(), []uuid.UUID{uuid.New()}, registry.PageRequest{First: -1}); codes(err) != "INVALID_INPUT first" {
		t.Errorf("failures: %v", err)
	}
	if page, err := s.Jobs(t.Context(), registry.JobFilter{}, registry.PageRequest{}); err != nil || len(page.Items) != 0 || page.HasMore {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestStartJobAgain: a client that starts a job again by its key gets the same job, and nobody is told twice.
func TestStartJobAgain(t *testing.T) {
	s, told := newJobService(t)
	key := "k"
	start := listed("+57 300 123 4567", "junk")
	start.ClientKey = &key
	first, err := s.StartJob(t.Context(), start)
	if err != nil || !first.Created {
		t.Fatalf("%+v, %v", first, err)
	}
	start.Target.Numbers = []string{"573001234567", "junk"} // the same, written otherwise
	again, err := s.StartJob(t.Context(), start)
	if err != nil || again.Created || again.Job.ID != first.Job.ID || again.SkippedCount != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	if len(told.changed) != 1 {
		t.Errorf("told %d times", len(told.changed))
	}
	start.Target.Numbers = []string{"573001234568"}
	if _, err := s.StartJob(t.Context(), start); codes(err) != "INVALID_INPUT input.clientKey" {
		t.Errorf("other numbers by the same key: %v", err)
	}
}
