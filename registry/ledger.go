package registry

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// ErrRejected is wrapped by errors of the store that say that the database does not take what it was given. Trying the
// same again does not help.
var ErrRejected = errors.New("rejected by the database")

// ChunkKey names a chunk of a job: up to JobSpec.BatchSize numbers to check on one platform.
type ChunkKey struct {
	Job      uuid.UUID
	Platform Platform
	No       int
}

// Claim is how many chunks a relay wants to publish.
type Claim struct {
	Limit  int              // at most so many at once
	MaxOut int              // and no more than so many out in all jobs together
	Free   map[Platform]int // and so many of each platform, none of those it does not name; nil: of all as many as there are
	Lease  time.Duration    // how long publishing them may take
}

// ClaimedChunk is a chunk that a relay has taken to publish it. While its claim holds no other relay takes it.
type ClaimedChunk struct {
	ChunkKey
	Epoch         int // how often it has been taken, this time included
	RetryAttempts int
	RequestID     string // the request that started the job; "" when there was none
	Numbers       []Number
}

// PublishedChunk is a claimed chunk that the broker has acknowledged.
type PublishedChunk struct {
	ChunkKey
	Epoch     int
	StreamSeq uint64 // where it is in the stream of its platform
}

// OverdueChunk is a published chunk whose result did not come before its deadline.
type OverdueChunk struct {
	PublishedChunk
	PublishedAt time.Time
}

// RecallableChunk is a chunk that nobody should begin any more: its job is held, or was cancelled.
type RecallableChunk struct {
	PublishedChunk
	Cancelled bool
}

// ChunkResult is what a worker says of a chunk. Checks holds each number of the chunk once; a result of which that is
// not true is refused.
type ChunkResult struct {
	ChunkKey
	Epoch  int
	Worker string
	Checks []Check
	GiveUp string // instead of checks: why there will never be any; the chunk is settled as failed
}

// Check is what a platform said of one number, or how asking it failed.
type Check struct {
	Validation
	Reason string // why there is no answer, or none that tells; holds no phone number
}

// Verdict is what became of a result.
type Verdict int

// The verdicts.
const (
	ResultApplied Verdict = iota // it settled its chunk
	ResultLate                   // the chunk was settled or cancelled before: nothing changed
	ResultUnknown                // there is no such chunk: nothing changed
	ResultRefused                // it does not fit its chunk, which will be published again
	ResultGivenUp                // the same, once too often, or it gives its chunk up: the chunk is settled as failed
)

func (v Verdict) String() string {
	return [...]string{"applied", "late", "unknown", "refused", "given_up"}[v]
}

// Applied is what a batch of results changed.
type Applied struct {
	Verdicts []Verdict   // of each result, in their order
	Jobs     []uuid.UUID // whose counters changed
	Ended    []uuid.UUID // those of them that ended
	Leads    []Number    // whose score changed, ascending
	Checks   []CheckCount
}

// CheckCount is how many checks of a platform ended in a status, for the numbers of a region.
type CheckCount struct {
	Platform Platform
	Status   Status
	Region   string
	Count    int64
}

// Planned is what a step of the planner did.
type Planned struct {
	Job    uuid.UUID
	Checks int64 // put into chunks
	Done   bool  // the whole target has been cut
	Ended  bool  // and there is nothing to wait for
}

// LedgerState is how much the ledger holds of a platform.
type LedgerState struct {
	Platform Platform
	Pending  int64 // chunks of jobs that are not held, waiting for a relay
	Out      int64 // chunks being published, or with the broker and the workers
}
