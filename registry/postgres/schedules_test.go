package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

func scheduleSpec(name string, platforms ...registry.Platform) registry.ScheduleSpec {
	return registry.ScheduleSpec{
		Name: name, Platforms: platforms, Every: time.Hour, Priority: registry.PriorityLow, BatchSize: 10, MaxConcurrent: 5, RetryAttempts: 2,
	}
}

func (w *world) schedule(t testing.TB, spec registry.ScheduleSpec) registry.Schedule {
	t.Helper()
	s, err := w.CreateSchedule(acting(t), spec, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// due runs what is due, and fails when nothing is.
func (w *world) due(t testing.TB) registry.ScheduleRun {
	t.Helper()
	run, err := w.RunDueSchedule(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// finish does all that is pending, as workers would; the evidence holds for so long.
func (w *world) finish(t testing.TB, id uuid.UUID, holds time.Duration) {
	t.Helper()
	for !w.job(t, id).Status.Ended() {
		if _, err := w.PlanJob(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		for _, c := range w.claim(t, 100, 1000) {
			r := w.answer(c, scoring.Active)
			for i := range r.Checks {
				r.Checks[i].ExpiresAt = w.clock.Now().Add(holds)
			}
			w.apply(t, r)
		}
	}
}

// TestScheduleRuns: it starts a job when it is due, none while that runs, and makes up for nothing.
func TestScheduleRuns(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 25)
	s := w.schedule(t, scheduleSpec("nightly", scoring.Google, scoring.Apple))
	run := w.due(t)
	j := run.Job
	if j == nil || j.Total != 50 || j.CreatedBy != "schedule:nightly" || j.Schedule != s.ID || j.Priority != registry.PriorityLow ||
		j.BatchSize != 10 || j.MaxConcurrent != 5 || j.RetryAttempts != 2 || j.Name != "nightly" || j.RecheckAfter != 0 {
		t.Fatalf("started %+v", j)
	}
	begun := w.clock.Now().Truncate(time.Microsecond)
	if got := run.Schedule; !got.NextRunAt.Equal(begun.Add(time.Hour)) || !got.LastRunAt.Equal(begun) || got.SpentToday != 50 || got.LastSkipReason != "" {
		t.Errorf("after the run %+v", got)
	}
	if _, err := w.RunDueSchedule(t.Context()); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("due again at once: %v", err)
	}
	w.clock.Add(time.Hour)
	if run = w.due(t); run.Job != nil || run.Schedule.LastSkipReason != "the job before still runs" || !run.Schedule.LastRunAt.Equal(begun) {
		t.Errorf("while its job runs: %+v", run)
	}
	if _, err := w.PauseJob(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(time.Hour)
	if run = w.due(t); run.Job != nil || run.Schedule.LastSkipReason != "the job before is held" {
		t.Errorf("while its job is held: %+v", run)
	}
	if _, err := w.ResumeJob(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	w.finish(t, j.ID, 100*time.Hour)
	w.clock.Add(7*time.Hour + time.Minute) // a long outage
	if run = w.due(t); run.Job != nil || !strings.Contains(run.Schedule.LastSkipReason, "nothing to check") {
		t.Errorf("while all holds: %+v", run)
	}
	if want := begun.Add(10 * time.Hour); !run.Schedule.NextRunAt.Equal(want) {
		t.Errorf("next at %s, want %s: what was missed is not made up for", run.Schedule.NextRunAt, want)
	}
	w.clock.Add(100 * time.Hour)
	if run = w.due(t); run.Job == nil || run.Job.Total != 50 {
		t.Errorf("when all has run out: %+v", run.Job)
	}
	jobs, err := only(w.JobsOfSchedules(t.Context(), []uuid.UUID{s.ID}, registry.PageRequest{First: 10}))
	if err != nil || len(jobs.Items) != 2 || jobs.Items[0].ID != run.Job.ID {
		t.Errorf("its jobs %+v, %v", jobs.Items, err)
	}
	if n := scalar[int](t, w, `SELECT count(*) FROM audit_trail WHERE action = 'job.created' AND actor = 'schedule:nightly' AND details->>'schedule' = $1`, s.ID.String()); n != 2 {
		t.Errorf("%d starts in the audit trail, want 2", n)
	}
	if n := scalar[int](t, w, `SELECT count(*) FROM validation_jobs`); n != 2 {
		t.Errorf("%d jobs, want none left of the runs that found nothing", n)
	}
}

// TestScheduleChecksWhatIsStale: missing, failed, run out, or older than asked for.
func TestScheduleChecksWhatIsStale(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 6)
	w.addEvidence(t, firstNumber, scoring.Google, scoring.Active, 90*24*time.Hour, 0)                  // does not run out
	w.addEvidence(t, firstNumber+1, scoring.Google, scoring.NotFound, time.Minute, -time.Second)       // has run out
	w.addEvidence(t, firstNumber+2, scoring.Google, scoring.Failed, time.Minute, 0)                    // no answer
	w.addEvidence(t, firstNumber+3, scoring.Google, scoring.NotCheckable, time.Minute, time.Hour)      // holds
	w.addEvidence(t, firstNumber+4, scoring.Google, scoring.Active, 40*24*time.Hour, 100*24*time.Hour) // old, holds
	w.schedule(t, scheduleSpec("only what has run out", scoring.Google))
	run := w.due(t)
	if numbers, _ := w.chunkNumbers(t, run.Job.ID, scoring.Google); !slices.Equal(numbers, []int{1, 2, 5}) || run.Job.Skipped != 3 {
		t.Errorf("checks %v, skipped %d", numbers, run.Job.Skipped)
	}
	spec := scheduleSpec("also what is old", scoring.Google)
	spec.RecheckAfter = 30 * 24 * time.Hour
	w.schedule(t, spec)
	run = w.due(t)
	if numbers, _ := w.chunkNumbers(t, run.Job.ID, scoring.Google); !slices.Equal(numbers, []int{0, 1, 2, 4, 5}) || run.Job.Skipped != 1 {
		t.Errorf("checks %v, skipped %d", numbers, run.Job.Skipped)
	}
	spec = scheduleSpec("nobody", scoring.Google)
	spec.Filter.NumberPrefix = "44"
	w.schedule(t, spec)
	if run = w.due(t); run.Job != nil || run.Schedule.LastSkipReason != "no valid number matches the filter" {
		t.Errorf("%+v", run)
	}
}

// planned cuts the rest of a job's target, as the planner would.
func (w *world) planned(t testing.TB, id uuid.UUID) registry.Job {
	t.Helper()
	for !w.job(t, id).Planned {
		if _, err := w.PlanJob(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	return w.job(t, id)
}

// TestScheduleBudget: whatever the budget, no day has more checks than that, and after some days every check was made.
func TestScheduleBudget(t *testing.T) {
	for _, c := range []struct {
		platforms int
		budget    int64
		every     time.Duration
	}{
		{1, 4, 24 * time.Hour}, {2, 5, 7 * time.Hour}, {3, 1, 13 * time.Hour}, {3, 2, 24 * time.Hour}, {5, 7, 50 * time.Hour}, {2, 100, time.Hour},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			w := newWorld(t)
			w.addNumbers(t, 11)
			spec := scheduleSpec("thrifty", scoring.Platforms()[:c.platforms]...)
			spec.BudgetPerDay, spec.Every = c.budget, c.every
			w.schedule(t, spec)
			perDay, made, want := map[string]int64{}, map[string]bool{}, 11*c.platforms
			for run := 0; len(made) < want; run++ {
				if run > 24*want {
					t.Fatalf("%d of %d checks after %d runs", len(made), want, run)
				}
				r := w.due(t)
				if r.Job != nil {
					perDay[w.clock.Now().Format(time.DateOnly)] += w.planned(t, r.Job.ID).Total
					for _, p := range spec.Platforms {
						numbers, _ := w.chunkNumbers(t, r.Job.ID, p)
						for _, n := range numbers {
							if check := fmt.Sprint(p, n); made[check] {
								t.Fatalf("%s was checked twice", check)
							} else {
								made[check] = true
							}
						}
					}
					w.finish(t, r.Job.ID, 100*365*24*time.Hour)
				} else if r.Schedule.LastSkipReason != "the budget of today is spent" {
					t.Fatalf("nothing was started: %s", r.Schedule.LastSkipReason)
				}
				w.clock.Add(spec.Every)
			}
			for day, n := range perDay {
				if n > spec.BudgetPerDay {
					t.Errorf("%d checks on %s, the budget is %d", n, day, spec.BudgetPerDay)
				}
			}
		})
	}
}

// TestScheduleStarvesNobody: where the budget is too small for what runs out every day, all numbers still get their turn.
func TestScheduleStarvesNobody(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 10)
	spec := scheduleSpec("round", scoring.Google)
	spec.BudgetPerDay, spec.Every = 3, 24*time.Hour
	w.schedule(t, spec)
	times := map[int]int{}
	for range 20 { // sixty checks
		run := w.due(t)
		w.planned(t, run.Job.ID)
		numbers, _ := w.chunkNumbers(t, run.Job.ID, scoring.Google)
		for _, n := range numbers {
			times[n]++
		}
		if s, err := w.Schedule(t.Context(), run.Schedule.ID); err != nil || len(numbers) != 3 || s.SpentToday != 3 {
			t.Fatalf("checks %v, spent %d, %v", numbers, s.SpentToday, err)
		}
		w.finish(t, run.Job.ID, time.Hour) // holds for less than a day
		w.clock.Add(24 * time.Hour)
	}
	for n, k := range times {
		if k != 6 {
			t.Errorf("number %d was checked %d times, want 6", n, k)
		}
	}
	if len(times) != 10 {
		t.Errorf("%v were checked", slices.Sorted(maps.Keys(times)))
	}
}

// TestSchedulersDoNotMeet: several servers start one job.
func TestSchedulersDoNotMeet(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 100)
	for i := range 5 {
		w.schedule(t, scheduleSpec(fmt.Sprint("s", i), scoring.Google))
	}
	ctx := testkit.Context(t)
	var (
		servers sync.WaitGroup
		mu      sync.Mutex
		started = map[uuid.UUID]int{}
	)
	for range 4 {
		servers.Go(func() {
			for {
				run, err := w.RunDueSchedule(ctx)
				if errors.Is(err, registry.ErrNotFound) {
					return
				}
				if err != nil || run.Job == nil {
					t.Errorf("%+v, %v", run, err)
					return
				}
				mu.Lock()
				started[run.Schedule.ID]++
				mu.Unlock()
			}
		})
	}
	servers.Wait()
	if len(started) != 5 || scalar[int](t, w, "SELECT count(*) FROM validation_jobs") != 5 {
		t.Errorf("started %v, want each of five once", started)
	}
}

// TestSteerSchedule: made, changed, held, run by hand, removed.
func TestSteerSchedule(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 10)
	ctx := acting(t)
	s := w.schedule(t, scheduleSpec("a", scoring.Google))
	if _, err := w.CreateSchedule(ctx, scheduleSpec("a", scoring.Google), w.clock.Now()); code(err) != registry.CodeInvalidInput {
		t.Errorf("a name that is taken: %v", err)
	}
	other := w.schedule(t, scheduleSpec("b", scoring.Google))
	rename := func(name string) func(registry.ScheduleSpec) (registry.ScheduleSpec, error) {
		return func(spec registry.ScheduleSpec) (registry.ScheduleSpec, error) {
			spec.Name, spec.Every, spec.BudgetPerDay = name, 2*time.Hour, 7
			return spec, nil
		}
	}
	if _, err := w.UpdateSchedule(ctx, other.ID, rename("a")); code(err) != registry.CodeInvalidInput {
		t.Errorf("renamed to one that is taken: %v", err)
	}
	if s, err := w.UpdateSchedule(ctx, other.ID, rename("c")); err != nil || s.Name != "c" || s.Every != 2*time.Hour || s.BudgetPerDay != 7 {
		t.Errorf("changed to %+v, %v", s, err)
	}
	if _, err := w.UpdateSchedule(ctx, uuid.New(), rename("x")); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("changed nothing: %v", err)
	}
	if s, err := w.PauseSchedule(ctx, s.ID); err != nil || s.Status != registry.SchedulePaused || !s.NextRunAt.IsZero() {
		t.Errorf("held: %+v, %v", s, err)
	}
	if _, err := w.PauseSchedule(ctx, s.ID); code(err) != registry.CodeInvalidState {
		t.Errorf("held twice: %v", err)
	}
	run, err := w.RunSchedule(ctx, s.ID)
	if err != nil || run.Job == nil || !run.Schedule.NextRunAt.IsZero() || run.Job.CreatedBy != "schedule:a" {
		t.Errorf("run by hand: %+v, %v", run, err)
	}
	if s, err := w.ResumeSchedule(ctx, s.ID); err != nil || !s.NextRunAt.Equal(w.clock.Now().Truncate(time.Microsecond).Add(time.Hour)) {
		t.Errorf("goes on: %+v, %v", s, err)
	}
	w.finish(t, run.Job.ID, time.Minute)
	w.clock.Add(10 * time.Minute)
	if run, err = w.RunSchedule(ctx, s.ID); err != nil || run.Job == nil || !run.Schedule.NextRunAt.Equal(w.clock.Now().Truncate(time.Microsecond).Add(time.Hour)) {
		t.Errorf("run by hand: %+v, %v", run, err)
	}
	page, err := w.Schedules(ctx, registry.PageRequest{First: 1})
	if err != nil || len(page.Items) != 1 || page.Items[0].Name != "a" || !page.HasMore {
		t.Errorf("first page %+v, %v", page, err)
	}
	page, err = w.Schedules(ctx, registry.PageRequest{First: 1, After: &page.Positions[0]})
	if err != nil || len(page.Items) != 1 || page.Items[0].Name != "c" || page.HasMore {
		t.Errorf("second page %+v, %v", page, err)
	}
	if err := w.DeleteSchedule(ctx, s.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteSchedule(ctx, s.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if j := w.job(t, run.Job.ID); j.Schedule != uuid.Nil || j.Status.Ended() {
		t.Errorf("its job is %+v", j)
	}
	w.finish(t, run.Job.ID, time.Hour)
	known, err := w.SchedulesByID(ctx, []uuid.UUID{s.ID, other.ID})
	if err != nil || len(known) != 1 || known[other.ID].Name != "c" {
		t.Errorf("known %v, %v", known, err)
	}
	trail := scalar[string](t, w, `SELECT string_agg(action, ' ' ORDER BY entry) FROM (SELECT action, min(at) AS entry FROM audit_trail WHERE object_id = $1 GROUP BY action) x`, s.ID)
	for _, action := range []string{"schedule.created", "schedule.paused", "schedule.run", "schedule.resumed", "schedule.deleted"} {
		if !strings.Contains(trail, action) {
			t.Errorf("audit trail %q, want %s", trail, action)
		}
	}
}

// TestSlowPlanOfSchedule: what a deleted schedule or a new day does to a job that is still planned.
func TestSlowPlanOfSchedule(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 50000)
	spec := scheduleSpec("large", scoring.Google)
	spec.BudgetPerDay, spec.BatchSize = 45000, 1000
	s := w.schedule(t, spec)
	run := w.due(t)
	if run.Job.Planned || run.Schedule.SpentToday != 20000 {
		t.Fatalf("planned: %t, spent %d", run.Job.Planned, run.Schedule.SpentToday)
	}
	w.clock.Add(24 * time.Hour)
	if _, err := w.PlanJob(t.Context(), run.Job.ID); err != nil {
		t.Fatal(err)
	}
	if s, err := w.Schedule(t.Context(), s.ID); err != nil || s.SpentToday != 20000 {
		t.Errorf("the new day has spent %d, %v", s.SpentToday, err)
	}
	if err := w.DeleteSchedule(context.WithoutCancel(t.Context()), s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.PlanJob(t.Context(), run.Job.ID); err != nil {
		t.Fatal(err)
	}
	if j := w.job(t, run.Job.ID); !j.Planned || j.Total != 45000 {
		t.Errorf("planned: %t, %d checks, want the budget", j.Planned, j.Total)
	}
}
