package orchestrator

import (
	"testing"

	"phoneregistry/registry"
	"phoneregistry/workers/platform/simulator"
)

// TestWholeJob: a job over all numbers and platforms ends with every check counted, scored and told.
func TestWholeJob(t *testing.T) {
	r := newRig(t)
	r.phones(3000)
	job := r.job(spec(100))
	if job.Status != registry.JobQueued || job.Total != 15000 || !job.Planned {
		t.Fatalf("started as %s with %d checks, planned: %t", job.Status, job.Total, job.Planned)
	}
	r.start(r.orchestrator().Run)
	r.start(r.workers(simulator.Default()).Run)
	done := r.ended(job.ID)
	if done.Status != registry.JobCompleted || done.Processed != 15000 || done.Failed != 0 || done.ErrorMessage != "" {
		t.Errorf("ended as %s with %d processed, %d failed: %s", done.Status, done.Processed, done.Failed, done.ErrorMessage)
	}
	if done.StartedAt.IsZero() || done.CompletedAt.Before(done.StartedAt) || done.Sequence <= job.Sequence {
		t.Errorf("started %s, completed %s, sequence %d after %d", done.StartedAt, done.CompletedAt, done.Sequence, job.Sequence)
	}
	r.audit(job.ID)
	r.wait("all leads to be told", func() bool {
		r.changes.mu.Lock()
		defer r.changes.mu.Unlock()
		return len(r.changes.leads) == 3000
	})
	if n := read[int](r, `SELECT count(*) FROM audit_trail WHERE object_id = $1 AND action IN ('job.created', 'job.completed')`, job.ID); n != 2 {
		t.Errorf("%d audit entries, want one for the start and one for the end", n)
	}
}
