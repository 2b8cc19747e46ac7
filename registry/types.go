// Package registry is the domain: phones, customers, scores, jobs and imports, the rules that hold among them, and
// the interfaces to what it needs. It knows neither PostgreSQL, NATS nor GraphQL.
package registry

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// Names of the pure packages that belong to the language of the domain.
type (
	// Number is an E.164 number as an integer.
	Number = numbering.Number
	// LineType is the kind of line, as the numbering plan or a lookup tells it.
	LineType = numbering.LineType
	// Platform is a platform on which a number may answer.
	Platform = scoring.Platform
	// Status is what a platform said of a number.
	Status = scoring.Status
	// Tier is a class of lead scores.
	Tier = scoring.Tier
	// Component is what one platform contributed to a score.
	Component = scoring.Component
)

// Regions of numbers that belong to no country.
const (
	NoRegion      = "ZZ"  // the number belongs to no region
	NonGeographic = "001" // an international service such as +800
)

// Phone is a number in the master registry.
type Phone struct {
	Number          Number
	Region          string // ISO 3166-1 alpha-2, NonGeographic or NoRegion
	LineType        LineType
	LineLookedUp    bool  // a lookup of the line told the line type, and it holds; else the numbering plan tells it
	LineInService   *bool // whether a lookup that holds found the line in service; nil: not known
	Valid           bool
	OriginalCarrier string // "" when not known
	Location        string // "" when not known
	TimeZones       []string
	PlanVersion     string
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// LineTypeSource is who told the line type of a number.
type LineTypeSource string

// The sources of line types.
const (
	LineTypeOfPlan   LineTypeSource = "PLAN"
	LineTypeOfLookup LineTypeSource = "LOOKUP"
)

// LineTypeSource returns who told the line type.
func (p Phone) LineTypeSource() LineTypeSource {
	if p.LineLookedUp {
		return LineTypeOfLookup
	}
	return LineTypeOfPlan
}

// Customer is a customer as the sources name it.
type Customer struct {
	ID        string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CustomerPhone is what is known of one number of one customer.
type CustomerPhone struct {
	CustomerID         string
	Number             Number
	IsPrimary          bool
	IsVerified         bool
	VerificationMethod string // "" when not verified
	Confidence         float64
	Source             string
	Extension          string
	FirstSeenAt        time.Time
	LastSeenAt         time.Time
	Phone              *Phone // the number's row in the registry, where it was asked for together with the contact
}

// Source is where contacts come from.
type Source struct {
	Name     string
	Priority int
}

// Validation is the newest evidence of one platform on one number.
type Validation struct {
	Number    Number
	Platform  Platform
	Status    Status
	Method    string
	Strength  float64
	Simulated bool
	Attempts  int
	LatencyMS int
	CheckedAt time.Time
	ExpiresAt time.Time // zero: does not run out
	Details   json.RawMessage
}

// Evidence returns the part of a validation that scoring looks at.
func (v Validation) Evidence() scoring.Evidence {
	return scoring.Evidence{
		Platform: v.Platform, Status: v.Status, Strength: v.Strength, Method: v.Method,
		Simulated: v.Simulated, CheckedAt: v.CheckedAt, ExpiresAt: v.ExpiresAt,
	}
}

// LeadScore is how good a lead a number is.
type LeadScore struct {
	Number        Number
	Total         int
	Coverage      float64
	Tier          Tier
	Points        map[Platform]float64 // points of the platforms that count
	Simulated     bool
	ModelVersion  string
	EvidenceUntil time.Time // zero: never runs out
	UpdatedAt     time.Time
}

// ScoreRecord is an earlier score of a number.
type ScoreRecord struct {
	Total        int
	Coverage     float64
	Tier         Tier
	ModelVersion string
	RecordedAt   time.Time
}

// JobStatus is the state of a validation job.
type JobStatus string

// The states of a job.
const (
	JobQueued    JobStatus = "QUEUED"
	JobRunning   JobStatus = "RUNNING"
	JobPaused    JobStatus = "PAUSED"
	JobCompleted JobStatus = "COMPLETED"
	JobFailed    JobStatus = "FAILED"
	JobCancelled JobStatus = "CANCELLED"
)

// Ended reports whether the state is final.
func (s JobStatus) Ended() bool { return s == JobCompleted || s == JobFailed || s == JobCancelled }

// JobPriority is which of two jobs goes first. A job of higher priority gets a larger share of the workers, never all
// of them.
type JobPriority string

// The priorities of jobs.
const (
	PriorityLow    JobPriority = "LOW"
	PriorityNormal JobPriority = "NORMAL"
	PriorityHigh   JobPriority = "HIGH"
)

// Valid reports whether p is one of the priorities.
func (p JobPriority) Valid() bool {
	return p == PriorityLow || p == PriorityNormal || p == PriorityHigh
}

// Weight is the share of a job of this priority, relative to others.
func (p JobPriority) Weight() float64 {
	switch p {
	case PriorityLow:
		return 1
	case PriorityHigh:
		return 4
	}
	return 2
}

// Job is a validation job with its counters. Counters count checks: numbers × platforms.
type Job struct {
	ID            uuid.UUID
	Name          string
	Status        JobStatus
	Platforms     []Platform
	BatchSize     int
	MaxConcurrent int
	RetryAttempts int
	Priority      JobPriority
	RecheckAfter  time.Duration // 0: check everything
	ClientKey     string        // "": none
	Schedule      uuid.UUID     // that started it; uuid.Nil: a caller did
	Planned       bool
	Total         int64
	Processed     int64
	Succeeded     int64
	Failed        int64
	Skipped       int64 // left out because the evidence is fresh; not part of Total
	Sequence      int64 // grows with every change
	CreatedBy     string
	CreatedAt     time.Time
	StartedAt     time.Time // zero: not yet
	UpdatedAt     time.Time
	CompletedAt   time.Time // zero: not yet
	ErrorMessage  string
}

// PlatformCount is what one platform has done for a job.
type PlatformCount struct {
	Platform  Platform
	Total     int64
	Processed int64
	Succeeded int64
	Failed    int64
}

// JobFailure is a check that did not get an answer.
type JobFailure struct {
	Number   Number
	Platform Platform
	Status   Status
	Reason   string
	Attempts int
	FailedAt time.Time
}

// JobSpec is a job to start, already checked and with its defaults filled in.
type JobSpec struct {
	Name          string
	Platforms     []Platform
	Target        Target
	BatchSize     int
	MaxConcurrent int
	RetryAttempts int
	RecheckAfter  time.Duration
	Priority      JobPriority // "": PriorityNormal
	ClientKey     string      `json:"-"` // "": none; else the same key of the same caller names the same job
}

// Target is which numbers a job checks: exactly one of its fields is set. It is stored with the job as JSON.
type Target struct {
	Numbers     []Number     `json:"numbers,omitempty"`
	CustomerIDs []string     `json:"customerIds,omitempty"`
	Filter      *PhoneFilter `json:"filter,omitempty"`
	ImportID    *uuid.UUID   `json:"importId,omitempty"`
}

// ImportStatus is the state of an import.
type ImportStatus string

// The states of an import.
const (
	ImportQueued    ImportStatus = "QUEUED"
	ImportRunning   ImportStatus = "RUNNING"
	ImportCompleted ImportStatus = "COMPLETED"
	ImportFailed    ImportStatus = "FAILED"
)

// Ended reports whether the state is final.
func (s ImportStatus) Ended() bool { return s == ImportCompleted || s == ImportFailed }

// ImportBatch is a file that was imported or is being imported.
type ImportBatch struct {
	ID              uuid.UUID
	FileName        string
	Source          string
	Region          string
	Status          ImportStatus
	BytesTotal      int64
	BytesRead       int64
	RowsRead        int64
	RowsAccepted    int64
	RowsRejected    int64
	NumbersAccepted int64
	PhonesCreated   int64
	ContactsCreated int64
	ContactsMerged  int64
	Rejections      map[string]int64 // quarantine entries by reason
	Sequence        int64            // grows with every change
	CreatedBy       string
	CreatedAt       time.Time
	StartedAt       time.Time // zero: not yet
	UpdatedAt       time.Time
	CompletedAt     time.Time // zero: not yet
	ErrorMessage    string
}

// QuarantineEntry is a row, or a number of a row, that was not accepted.
type QuarantineEntry struct {
	Row     int64
	Piece   int
	Reason  string
	Message string
	Raw     []byte
}

// Stats is the totals of the registry.
type Stats struct {
	AsOf      time.Time
	Customers int64
	Lines     []LineCount // one for each region and line type, largest first
	Tiers     map[Tier]int64
}

// Phones is how many numbers there are in all.
func (s Stats) Phones() int64 {
	var n int64
	for _, line := range s.Lines {
		n += line.Count
	}
	return n
}

// LineCount is how many numbers a region has of a line type.
type LineCount struct {
	Region   string
	LineType LineType
	Count    int64
}
