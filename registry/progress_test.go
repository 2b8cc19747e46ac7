package registry_test

import (
	"math"
	"testing"

	"phoneregistry/registry"
)

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		status      registry.JobStatus
		done, total int64
		want        float64
	}{
		{registry.JobQueued, 0, 0, 0}, {registry.JobRunning, 0, 3, 0}, {registry.JobRunning, 1, 3, 33.33}, {registry.JobRunning, 2, 3, 66.66},
		{registry.JobRunning, 29, 100, 29}, {registry.JobRunning, 57, 100, 57}, {registry.JobRunning, 1, 8, 12.5},
		{registry.JobRunning, 99_999, 100_000, 99.99}, {registry.JobRunning, 5, 5, 99.99}, {registry.JobPaused, 5, 5, 99.99},
		{registry.JobCancelled, 5, 5, 100}, {registry.JobCancelled, 999_999, 1_000_000, 99.99}, {registry.JobFailed, 1, 3, 33.33},
		{registry.JobCompleted, 5, 5, 100}, {registry.JobCompleted, 0, 0, 100},
		{registry.JobRunning, math.MaxInt64 / 2, math.MaxInt64, 49.99}, {registry.JobCancelled, math.MaxInt64, math.MaxInt64, 100},
	} {
		job := registry.Job{Status: c.status, Processed: c.done, Total: c.total}
		if got := job.Percent(); got != c.want {
			t.Errorf("%s, %d of %d: %v; want %v", c.status, c.done, c.total, got, c.want)
		}
	}
	for status, want := range map[registry.ImportStatus]float64{
		registry.ImportRunning: 99.99, registry.ImportFailed: 100, registry.ImportCompleted: 100,
	} {
		batch := registry.ImportBatch{Status: status, BytesRead: 7, BytesTotal: 7}
		if got := batch.Percent(); got != want {
			t.Errorf("%s, all of it read: %v; want %v", status, got, want)
		}
	}
}

func TestPerSecond(t *testing.T) {
	for rate, want := range map[float64]float64{
		0: 0, 1.0 / 60: 0.017, 0.25: 0.25, 0.9999: 1, 1: 1, 100.0 / 3: 33.3, 1234.56: 1234.6,
	} {
		if got := registry.PerSecond(rate); got != want {
			t.Errorf("%v: %v; want %v", rate, got, want)
		}
	}
}
