package orchestrator

import (
	"context"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// Ledger is the memory of validation jobs and of what became of each of their chunks. Every method is one statement or
// one transaction, and is safe to be called by several servers at once. An error that wraps registry.ErrRejected means
// that trying the same again cannot help; any other one may be temporary.
type Ledger interface {
	// UnplannedJobs returns the jobs whose target has not been cut to its end and that are not held, oldest first.
	UnplannedJobs(ctx context.Context) ([]uuid.UUID, error)
	// PlanJob cuts the next step of a job's target. It returns the zero value when there is nothing to cut, or somebody
	// else changed the job at the same time.
	PlanJob(ctx context.Context, id uuid.UUID) (registry.Planned, error)
	// FailJob ends a job that cannot go on. *registry.Error INVALID_STATE when it has ended already.
	FailJob(ctx context.Context, id uuid.UUID, message string) (registry.Job, error)

	// OpenPlatforms returns the platforms for which jobs that are not held have checks to do.
	OpenPlatforms(ctx context.Context) ([]registry.Platform, error)
	// ClaimChunks takes pending chunks to publish them, shared fairly among the jobs.
	ClaimChunks(ctx context.Context, claim registry.Claim) ([]registry.ClaimedChunk, error)
	// MarkPublished notes that the broker has acknowledged claimed chunks, and returns the jobs that run since.
	MarkPublished(ctx context.Context, chunks []registry.PublishedChunk, lease time.Duration) ([]uuid.UUID, error)
	// ReturnChunks makes claimed or published chunks of these epochs pending again.
	ReturnChunks(ctx context.Context, chunks []registry.PublishedChunk) (int64, error)

	// RecallableChunks returns chunks of jobs that are held or were cancelled whose message may still wait in its stream.
	RecallableChunks(ctx context.Context, limit int) ([]registry.RecallableChunk, error)
	// ForgetChunks notes that the messages of cancelled chunks do not wait any more.
	ForgetChunks(ctx context.Context, chunks []registry.PublishedChunk) error

	// ReturnClaims makes chunks pending again whose claim has run out.
	ReturnClaims(ctx context.Context) (int64, error)
	// OverdueChunks returns published chunks without a result at their deadline.
	OverdueChunks(ctx context.Context, limit int) ([]registry.OverdueChunk, error)
	// ExtendChunks gives published chunks another lease from now on.
	ExtendChunks(ctx context.Context, chunks []registry.PublishedChunk, lease time.Duration) error
	// LastPublished returns the highest sequence among the published chunks of each platform.
	LastPublished(ctx context.Context) (map[registry.Platform]uint64, error)
	// ReturnPublished makes a platform's published chunks pending again whose sequence is above after, up to last.
	ReturnPublished(ctx context.Context, p registry.Platform, after, last uint64) (int64, error)

	// RunDueSchedule starts the job of a schedule that is due. registry.ErrNotFound when none is.
	RunDueSchedule(ctx context.Context) (registry.ScheduleRun, error)

	// ApplyResults settles chunks and writes what follows from their results, each result exactly once.
	ApplyResults(ctx context.Context, model *scoring.Model, results []registry.ChunkResult) (registry.Applied, error)
	// RescoreExpired makes up to limit scores anew whose evidence has run out. It returns how many it made and which
	// of them changed.
	RescoreExpired(ctx context.Context, model *scoring.Model, limit int) (made int, changed []registry.Number, err error)
	// ExpireLookups takes what lookups told of lines out of up to limit phones once it does not hold any more, and returns
	// of how many.
	ExpireLookups(ctx context.Context, limit int) (int, error)
	// LedgerState returns how much of each platform waits and is out.
	LedgerState(ctx context.Context) ([]registry.LedgerState, error)
}
