// Package bus is the wire contract between the orchestrator and the workers: subjects, streams and messages.
// docs/messages.md describes it for those who write a worker in another language. A change that an older reader would
// misread raises Version; new optional fields do not.
package bus

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Version is the version of the messages in this package, sent in each of them.
const Version = 1

// Streams and subjects. One work stream for each platform, one result stream for all; the last token of a subject is
// the platform in upper case.
const (
	workStreamPrefix    = "PHONEREG_WORK_"
	workSubjectPrefix   = "phonereg.v1.work."
	ResultStream        = "PHONEREG_RESULTS"
	resultSubjectPrefix = "phonereg.v1.result."
	ResultSubjects      = resultSubjectPrefix + "*"
	ApplierConsumer     = "applier"
	WorkConsumer        = "workers"
	// Events are plain NATS messages, hints that something changed. Losing one costs a moment, never the truth.
	jobEventPrefix    = "phonereg.v1.event.job."
	JobEvents         = jobEventPrefix + "*"
	importEventPrefix = "phonereg.v1.event.import."
	ImportEvents      = importEventPrefix + "*"
	LeadEvents        = "phonereg.v1.event.leads"
	// JobControl tells workers at once that a job was cancelled or held. A hint as well.
	JobControl = "phonereg.v1.control.jobs"
)

// Headers of work and result messages.
const (
	HeaderRequestID = "Phonereg-Request-Id" // the request that started the job
	HeaderJobID     = "Phonereg-Job-Id"
)

// WorkStream is the name of the stream that holds a platform's chunks.
func WorkStream(platform string) string { return workStreamPrefix + platform }

// WorkSubject is the subject of a platform's chunks.
func WorkSubject(platform string) string { return workSubjectPrefix + platform }

// ResultSubject is the subject of a platform's results.
func ResultSubject(platform string) string { return resultSubjectPrefix + platform }

// JobEvent is the subject of the events of a job.
func JobEvent(jobID string) string { return jobEventPrefix + jobID }

// ImportEvent is the subject of the events of an import.
func ImportEvent(importID string) string { return importEventPrefix + importID }

// LastToken returns the last token of a subject: the platform, or the id of a job or import.
func LastToken(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// Chunk is the work message: numbers to check on one platform.
type Chunk struct {
	Version       int     `json:"v"`
	JobID         string  `json:"job"`
	Platform      string  `json:"platform"`
	ChunkNo       int     `json:"chunk"`
	Epoch         int     `json:"epoch"`         // how often it has been published; echoed in the result
	RetryAttempts int     `json:"retryAttempts"` // how often to try again what failed
	Numbers       []int64 `json:"numbers"`       // E.164 as integers, ascending
}

// MessageID is the Nats-Msg-Id of the chunk. The dedupe window of the broker only saves work; the ledger in
// PostgreSQL makes effects happen once.
func (c Chunk) MessageID() string {
	return fmt.Sprintf("%s/%s/%d/%d", c.JobID, c.Platform, c.ChunkNo, c.Epoch)
}

// Result is the result message: what the platform said of every number of a chunk.
type Result struct {
	Version   int           `json:"v"`
	JobID     string        `json:"job"`
	Platform  string        `json:"platform"`
	ChunkNo   int           `json:"chunk"`
	Epoch     int           `json:"epoch"`
	Worker    string        `json:"worker"`
	Simulated bool          `json:"simulated,omitempty"`
	StartedAt time.Time     `json:"startedAt"`
	EndedAt   time.Time     `json:"endedAt"`
	Checks    []CheckResult `json:"checks"` // one for each number of the chunk, in its order
}

// MessageID is the Nats-Msg-Id of the result.
func (r Result) MessageID() string {
	return fmt.Sprintf("r/%s/%s/%d/%d", r.JobID, r.Platform, r.ChunkNo, r.Epoch)
}

// CheckResult is what the platform said of one number.
type CheckResult struct {
	Number    int64           `json:"n"`
	Status    string          `json:"s"`           // a ValidationStatus of the API
	Strength  float64         `json:"w,omitempty"` // 0 to 1; only of ACTIVE
	Method    string          `json:"m"`
	Reason    string          `json:"r,omitempty"` // why it is ERROR, RATE_LIMITED, UNKNOWN or NOT_CHECKABLE
	Attempts  int             `json:"a"`
	LatencyMS int             `json:"l"`
	CheckedAt time.Time       `json:"at"`
	TTLSec    int64           `json:"ttl,omitempty"` // the evidence holds this long; 0: does not run out
	Details   json.RawMessage `json:"d,omitempty"`   // a JSON object of at most MaxDetailsBytes
}

// Bounds of the messages. A chunk of MaxChunkNumbers with full details stays below the 1 MiB of a NATS message.
const (
	MaxChunkNumbers = 1000
	MaxDetailsBytes = 512
	MaxReasonBytes  = 200
)

// JobControlMessage tells workers to drop what they hold of a job.
type JobControlMessage struct {
	Version int    `json:"v"`
	JobID   string `json:"job"`
	Action  string `json:"action"` // ActionCancel; a worker ignores what it does not know
}

// ActionCancel tells workers that a job was cancelled: its chunks are acknowledged without a result.
const ActionCancel = "cancel"

// LeadsChanged is the event that says which scores changed.
type LeadsChanged struct {
	Version int     `json:"v"`
	Numbers []int64 `json:"numbers"` // at most MaxChunkNumbers
}
