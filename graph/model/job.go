package model

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// ValidationJob is a job that checks numbers on platforms.
type ValidationJob struct {
	registry.Job
	Siblings *ValidationJobs
}

// ValidationJobs is the jobs of one list.
type ValidationJobs struct {
	IDs      []uuid.UUID
	Owners   []uuid.UUID // the schedules that started some of them
	Progress Lazy[map[uuid.UUID][]registry.PlatformCount]
	Schedule Lazy[map[uuid.UUID]*ValidationSchedule]
	Failures Pages[uuid.UUID, *ValidationFailure]
}

// NewValidationJobs makes the jobs of one list.
func NewValidationJobs(jobs ...registry.Job) []*ValidationJob {
	return new(ValidationJobs).Add(jobs)
}

// Add adds jobs to the list, before anything of it is loaded.
func (s *ValidationJobs) Add(jobs []registry.Job) []*ValidationJob {
	all := make([]*ValidationJob, len(jobs))
	for i, j := range jobs {
		all[i] = &ValidationJob{Job: j, Siblings: s}
		s.IDs = append(s.IDs, j.ID)
		if j.Schedule != uuid.Nil && !slices.Contains(s.Owners, j.Schedule) {
			s.Owners = append(s.Owners, j.Schedule)
		}
	}
	return all
}

// IsNode marks a type with a global id.
func (*ValidationJob) IsNode() {}

// ID is the global id.
func (j *ValidationJob) ID() string { return opaque.UUID(KindJob, j.Job.ID) }

// RecheckAfter is null when the job checks everything.
func (j *ValidationJob) RecheckAfter() *time.Duration { return positive(j.Job.RecheckAfter) }

// ClientKey is null when the client gave none.
func (j *ValidationJob) ClientKey() *string { return optional(j.Job.ClientKey) }

// ErrorMessage is null unless the job failed.
func (j *ValidationJob) ErrorMessage() *string { return optional(j.Job.ErrorMessage) }

// ValidationFailure is a check that did not get an answer.
type ValidationFailure struct{ registry.JobFailure }

// Reason is null when the adapter gave none.
func (f *ValidationFailure) Reason() *string { return optional(f.JobFailure.Reason) }

// PlatformInfo is a platform and what this installation can tell about it.
type PlatformInfo struct {
	registry.PlatformInfo
	Siblings *PlatformInfos
}

// PlatformInfos is the platforms of one list.
type PlatformInfos struct {
	Workers Lazy[[]registry.Worker]
	Ledger  Lazy[map[registry.Platform]registry.LedgerState]
}

// Adapter is null when there is none.
func (p *PlatformInfo) Adapter() *string { return optional(p.PlatformInfo.Adapter) }

// IsAvailable tells whether jobs may be started for the platform.
func (p *PlatformInfo) IsAvailable() bool { return p.PlatformInfo.Adapter != "" }
