package live

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// JobProgress is one state of a job.
type JobProgress struct {
	Sequence      int64 // grows with every change
	Job           registry.Job
	Platforms     []registry.PlatformCount
	RatePerSecond float64  // over the last seconds; over the whole job once it has ended
	ETASeconds    *float64 // nil: cannot be told
}

// Status is the state of the job.
func (p *JobProgress) Status() registry.JobStatus { return p.Job.Status }

// Total is the checks the job holds.
func (p *JobProgress) Total() int64 { return p.Job.Total }

// Processed is the checks done.
func (p *JobProgress) Processed() int64 { return p.Job.Processed }

// Succeeded is the checks to which a platform gave an answer.
func (p *JobProgress) Succeeded() int64 { return p.Job.Succeeded }

// Failed is the checks that got none.
func (p *JobProgress) Failed() int64 { return p.Job.Failed }

// Skipped is the checks that were left out because their evidence is fresh.
func (p *JobProgress) Skipped() int64 { return p.Job.Skipped }

// Percent is how much of the job is done.
func (p *JobProgress) Percent() float64 { return p.Job.Percent() }

// ImportProgress is one state of an import.
type ImportProgress struct {
	Sequence      int64 // grows with every change
	Batch         registry.ImportBatch
	RatePerSecond float64  // rows, over the last seconds; over the whole import once it has ended
	ETASeconds    *float64 // nil: cannot be told
}

// Status is the state of the import.
func (p *ImportProgress) Status() registry.ImportStatus { return p.Batch.Status }

// Percent is how much of the file was read.
func (p *ImportProgress) Percent() float64 { return p.Batch.Percent() }

// LeadChange is a score that changed, with the number it is of.
type LeadChange struct {
	Score registry.LeadScore
	Phone registry.Phone
}

// watchJob makes the function that loads the state of a job, and remembers how fast it went.
func (h *Hub) watchJob(id uuid.UUID) loader[*JobProgress] {
	var speed speedometer
	return func(ctx context.Context) (state[*JobProgress], error) {
		job, err := h.source.Job(ctx, id)
		if err != nil {
			return state[*JobProgress]{}, err
		}
		counts, err := h.source.JobPlatforms(ctx, []uuid.UUID{id}) // after the job: of an ended one they are final
		if err != nil {
			return state[*JobProgress]{}, err
		}
		now, ended := h.now(), job.Status.Ended()
		p := &JobProgress{Sequence: job.Sequence, Job: job, Platforms: counts[id]}
		speed.add(now, job.Processed)
		p.RatePerSecond = registry.PerSecond(speed.rate(job.StartedAt, endOr(now, job.CompletedAt, ended), ended))
		if ended || job.Planned {
			p.ETASeconds = eta(float64(job.Total-job.Processed), p.RatePerSecond, ended)
		}
		return state[*JobProgress]{value: p, sequence: job.Sequence, ended: ended}, nil
	}
}

// watchImport makes the function that loads the state of an import.
func (h *Hub) watchImport(id uuid.UUID) loader[*ImportProgress] {
	var rows, bytes speedometer
	return func(ctx context.Context) (state[*ImportProgress], error) {
		batch, err := h.source.Import(ctx, id)
		if err != nil {
			return state[*ImportProgress]{}, err
		}
		now, ended := h.now(), batch.Status.Ended()
		rows.add(now, batch.RowsRead)
		bytes.add(now, batch.BytesRead)
		end := endOr(now, batch.CompletedAt, ended)
		p := &ImportProgress{Sequence: batch.Sequence, Batch: batch}
		p.RatePerSecond = registry.PerSecond(rows.rate(batch.StartedAt, end, ended))
		if ended || batch.BytesTotal > 0 {
			left := float64(batch.BytesTotal - batch.BytesRead)
			p.ETASeconds = eta(left, bytes.rate(batch.StartedAt, end, ended), ended)
		}
		return state[*ImportProgress]{value: p, sequence: batch.Sequence, ended: ended}, nil
	}
}

func endOr(now, completed time.Time, ended bool) time.Time {
	if ended && !completed.IsZero() {
		return completed
	}
	return now
}

// eta is the seconds to go, rounded up, so that there are none at the end only; nil when it cannot be told.
func eta(left, perSecond float64, ended bool) *float64 {
	if ended {
		left, perSecond = 0, 1
	}
	if perSecond <= 0 {
		return nil
	}
	seconds := math.Ceil(max(0, left) / perSecond)
	return &seconds
}
