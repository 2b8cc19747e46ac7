package orchestrator

import (
	"context"
	"testing"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/simulator"
)

// TestSchedulesKeepEvidenceFresh: two servers start the job of a schedule once; when its evidence has run out, once more.
func TestSchedulesKeepEvidenceFresh(t *testing.T) {
	r := newRig(t)
	r.changes.Notifier = NewNotifier(r.conn, nil)
	r.phones(50)
	s, err := r.store.CreateSchedule(r.ctx, registry.ScheduleSpec{
		Name: "fresh", Platforms: []registry.Platform{scoring.Google}, Every: time.Minute, Priority: registry.PriorityLow,
		BatchSize: 20, MaxConcurrent: 10, RetryAttempts: 1,
	}, r.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	often := func(c *Config) { c.Schedule = 10 * time.Millisecond }
	servers := []*Orchestrator{r.orchestrator(often), r.orchestrator(often)}
	for _, o := range servers {
		r.start(o.Run)
	}
	r.start(r.workers(simulator.Config{Seed: 1, TTL: time.Hour}).Run)
	done := func(jobs int) func() bool {
		return func() bool {
			return read[int](r, `SELECT count(*) FROM validation_jobs WHERE schedule_id = $1 AND status = 'COMPLETED' AND processed = 50`, s.ID) == jobs
		}
	}
	r.wait("the first job", done(1))
	r.clock.Add(2 * time.Minute)
	r.wait("a run that finds nothing", func() bool {
		s, err := r.store.Schedule(context.WithoutCancel(r.ctx), s.ID)
		return err == nil && s.LastSkipReason != ""
	})
	r.clock.Add(2 * time.Hour)
	r.wait("the second job", done(2))
	if n := read[int](r, `SELECT count(*) FROM validation_jobs`); n != 2 {
		t.Errorf("%d jobs, want two", n)
	}
	if n := r.count(servers[0].metrics.scheduled.WithLabelValues("started")) + r.count(servers[1].metrics.scheduled.WithLabelValues("started")); n != 2 {
		t.Errorf("%g starts were counted, want two", n)
	}
}
