package registry

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store is the memory of the registry. Every method is one statement or one transaction; those that change something
// write their audit entry in the same transaction, with the actor of the context. A row that does not exist is
// ErrNotFound; methods that take many keys leave out what does not exist.
type Store interface {
	PhoneStore
	ScoreStore
	JobStore
	ScheduleStore
	ImportStore
	KeyStore
	AccessStore
	EvidenceStore
	WebhookStore
}

// PhoneStore holds phones, customers and sources.
type PhoneStore interface {
	Phone(ctx context.Context, n Number) (Phone, error)
	// PhonesByNumber, and others that take names of fields, need to return no more than these; none named: everything.
	PhonesByNumber(ctx context.Context, numbers []Number, fields ...string) (map[Number]Phone, error)
	Phones(ctx context.Context, f PhoneFilter, o PhoneOrder, p PageRequest) (Page[Phone], error)
	CountPhones(ctx context.Context, f PhoneFilter) (int64, error)
	// Customer returns ErrNotFound when no source has named the customer.
	Customer(ctx context.Context, customerID string) (Customer, error)
	// CustomerPhones returns the phones of each customer: the primary one first, then by confidence and number.
	CustomerPhones(ctx context.Context, customerIDs []string, want ContactFields) (map[string][]CustomerPhone, error)
	// PhoneHolders returns one page of the customers of each number, by customer id. p.After only with one number.
	PhoneHolders(ctx context.Context, numbers []Number, p PageRequest) (map[Number]Page[CustomerPhone], error)
	CountPhoneHolders(ctx context.Context, numbers []Number) (map[Number]int64, error)
	Sources(ctx context.Context) ([]Source, error)
	UpsertSource(ctx context.Context, s Source) (Source, error)
	// AddPhone adds a described number to a customer, or merges it by source priority and recency.
	// *Error UNKNOWN_SOURCE or TOO_MANY_PHONES.
	AddPhone(ctx context.Context, a PhoneAddition) (AddedPhone, error)
	// VerifyPhone returns *Error NOT_FOUND when the customer does not hold the number.
	VerifyPhone(ctx context.Context, customerID string, n Number, method string) (CustomerPhone, error)
	Stats(ctx context.Context) (Stats, error)
}

// PhoneAddition is a number to add to a customer.
type PhoneAddition struct {
	CustomerID  string
	Phone       Phone // described; CreatedAt and UpdatedAt are set by the store
	Extension   string
	Source      string
	MakePrimary bool
	MaxPhones   int // *Error TOO_MANY_PHONES beyond this
}

// AddedPhone is what became of an addition.
type AddedPhone struct {
	CustomerPhone CustomerPhone
	Phone         Phone
	Created       bool // false: the customer held the number already
}

// ScoreStore holds evidence and scores.
type ScoreStore interface {
	// Validations returns the evidence on each number, in the order of platforms.
	Validations(ctx context.Context, numbers []Number, fields ...string) (map[Number][]Validation, error)
	LeadScores(ctx context.Context, numbers []Number, fields ...string) (map[Number]LeadScore, error)
	// Leads pages through scores, best first; those with the same total in no order that can be told.
	Leads(ctx context.Context, f LeadFilter, p PageRequest) (Page[LeadScore], error)
	CountLeads(ctx context.Context, f LeadFilter) (int64, error)
	// ScoreHistory returns one page of the scores of each number, newest first. p.After only with one number.
	ScoreHistory(ctx context.Context, numbers []Number, p PageRequest) (map[Number]Page[ScoreRecord], error)
	CountScoreHistory(ctx context.Context, numbers []Number) (map[Number]int64, error)
	// LatestLead returns the score that changed last among those that match; ErrNotFound when none does.
	LatestLead(ctx context.Context, f LeadFilter) (LeadScore, error)
}

// JobStore holds validation jobs. The ledger of chunks behind them belongs to the orchestrator.
type JobStore interface {
	// CreateJob writes the job and cuts the first part of its target into chunks, so that a small job is whole at
	// once. phones describes the numbers of Target.Numbers, which are registered when they are new. A client key by
	// which the caller has started the same job before returns that job, wrapped in ErrJobExists.
	// *Error EMPTY_TARGET when the target holds no valid number, INVALID_INPUT when the client key names another job.
	CreateJob(ctx context.Context, spec JobSpec, phones []Phone) (Job, error)
	Job(ctx context.Context, id uuid.UUID) (Job, error)
	Jobs(ctx context.Context, f JobFilter, p PageRequest) (Page[Job], error)
	CountJobs(ctx context.Context, f JobFilter) (int64, error)
	JobPlatforms(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]PlatformCount, error)
	// JobFailures returns one page of the failures of each job. p.After only with one job.
	JobFailures(ctx context.Context, ids []uuid.UUID, p PageRequest) (map[uuid.UUID]Page[JobFailure], error)
	CountJobFailures(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error)
	// LedgerState returns how many chunks of each platform wait and are out; platforms without any are left out.
	LedgerState(ctx context.Context) ([]LedgerState, error)
	// PauseJob, ResumeJob, CancelJob and RetryJob return *Error INVALID_STATE when the job's state does not allow it.
	PauseJob(ctx context.Context, id uuid.UUID) (Job, error)
	ResumeJob(ctx context.Context, id uuid.UUID) (Job, error)
	CancelJob(ctx context.Context, id uuid.UUID) (Job, error)
	RetryJob(ctx context.Context, id uuid.UUID) (Job, error)
}

// ImportStore holds what is shown of imports. Reading a file in belongs to the importer.
type ImportStore interface {
	Import(ctx context.Context, id uuid.UUID) (ImportBatch, error)
	Imports(ctx context.Context, p PageRequest) (Page[ImportBatch], error)
	CountImports(ctx context.Context) (int64, error)
	// Quarantine returns one page of what each import did not accept; reason "": any. p.After only with one import.
	Quarantine(ctx context.Context, imports []uuid.UUID, reason string, p PageRequest) (map[uuid.UUID]Page[QuarantineEntry], error)
	CountQuarantine(ctx context.Context, imports []uuid.UUID, reason string) (map[uuid.UUID]int64, error)
}

// KeyStore holds API tokens by hash and the secret keys of the instance.
type KeyStore interface {
	// APIKeyByHash returns ErrNotFound for a hash that is not there, revoked or expired.
	APIKeyByHash(ctx context.Context, hash [32]byte) (APIKey, error)
	APIKey(ctx context.Context, id uuid.UUID) (APIKey, error)
	// APIKeys pages through the tokens, newest first, also those revoked or expired.
	APIKeys(ctx context.Context, p PageRequest) (Page[APIKey], error)
	CountAPIKeys(ctx context.Context) (int64, error)
	// CreateAPIKey keeps a token by its hash, and returns it as it is kept. k.CreatedAt is set by the store.
	CreateAPIKey(ctx context.Context, k APIKey, hash [32]byte) (APIKey, error)
	// UpdateAPIKey returns *Error INVALID_STATE when the token is revoked or expired.
	UpdateAPIKey(ctx context.Context, id uuid.UUID, c APIKeyChange) (APIKey, error)
	// RevokeAPIKey ends a token for good, and returns it. One that is revoked stays as it is.
	RevokeAPIKey(ctx context.Context, id uuid.UUID) (APIKey, error)
	// HeldAPIKeys returns what decides whether tokens still work, and for what: id, role, scopes, and when they end or were
	// revoked. Those that are not there are left out; in any order. The role of one whose scopes are not known is "".
	HeldAPIKeys(ctx context.Context, ids []uuid.UUID) ([]APIKey, error)
	// TouchAPIKeys notes when tokens were last used. One that was noted less than a minute before is left as it is.
	TouchAPIKeys(ctx context.Context, used map[uuid.UUID]time.Time) error
	// UseTicket notes that a ticket was used, until it ends by itself; false when it was used before.
	UseTicket(ctx context.Context, id uuid.UUID, expires time.Time) (first bool, err error)
	// ForgetTickets removes what need not be known of tickets any more.
	ForgetTickets(ctx context.Context) error
	// InstanceKey returns the key of this name, made on first use.
	InstanceKey(ctx context.Context, name string) ([]byte, error)
}

// APIKey is a bearer token, without its secret.
type APIKey struct {
	ID         uuid.UUID
	Name       string
	Role       Role
	Scopes     Scopes // of its role, those that it is restricted to; zero: all
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: until revoked
	RevokedAt  time.Time // zero: not revoked
	LastUsedAt time.Time // to about a minute; zero: never
}

// Notifier is told that something changed, after the change is committed, so that it is seen without delay. It is a
// hint: what it misses is found by looking again.
type Notifier interface {
	JobChanged(id uuid.UUID)
	JobCancelled(id uuid.UUID)
	ImportChanged(id uuid.UUID)
	LeadsChanged(numbers []Number)
}
