package registry

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"phoneregistry/registry/scoring"
)

// Bounds of evidence that callers bring. The schema of the API states them too.
const (
	MaxEvidence      = 1000 // entries of one call
	DefaultHoldsFor  = 90 * 24 * time.Hour
	MaxHoldsFor      = 730 * 24 * time.Hour
	MinHoldsFor      = time.Second
	evidenceSkew     = time.Minute // by which the clock of a caller may be ahead
	maxReferenceRun  = 8           // digits in a row, separators left out: a date has 8, a phone number more
	referencePattern = `^[A-Za-z0-9._:-]{1,64}$`
)

var referenceRegexp = regexp.MustCompile(referencePattern)

// EvidenceKind is what a person did that shows that a number answers on a platform.
type EvidenceKind string

// The kinds of evidence.
const (
	EvidenceLogin            EvidenceKind = "LOGIN"
	EvidenceLeadForm         EvidenceKind = "LEAD_FORM"
	EvidenceMessageReceived  EvidenceKind = "MESSAGE_RECEIVED"
	EvidenceMessageDelivered EvidenceKind = "MESSAGE_DELIVERED"
	EvidenceMessageRead      EvidenceKind = "MESSAGE_READ"
	EvidenceNoAccount        EvidenceKind = "NO_ACCOUNT"
)

// EvidenceKinds returns all kinds.
func EvidenceKinds() []EvidenceKind {
	return []EvidenceKind{
		EvidenceLogin, EvidenceLeadForm, EvidenceMessageReceived, EvidenceMessageDelivered, EvidenceMessageRead, EvidenceNoAccount,
	}
}

// testimony is what an observation says of a number.
type testimony struct {
	status   Status
	method   string
	strength float64
}

// testifies returns what a kind says; ok is false for a kind that does not exist. docs/adapters/evidence.md gives the
// reasons for the strengths.
func (k EvidenceKind) testifies() (t testimony, ok bool) {
	switch k {
	case EvidenceLogin:
		return testimony{scoring.Active, "first_party_login", 1}, true
	case EvidenceLeadForm:
		return testimony{scoring.Active, "first_party_lead_form", 0.7}, true
	case EvidenceMessageReceived:
		return testimony{scoring.Active, "first_party_message_received", 1}, true
	case EvidenceMessageDelivered:
		return testimony{scoring.Active, "first_party_message_delivered", 0.9}, true
	case EvidenceMessageRead:
		return testimony{scoring.Active, "first_party_message_read", 1}, true
	case EvidenceNoAccount:
		return testimony{scoring.NotFound, "first_party_no_account", 0}, true
	}
	return testimony{}, false
}

// SeenEvidence is one observation that a caller brings.
type SeenEvidence struct {
	Number     Number
	Platform   Platform // any that counts in a score
	Kind       EvidenceKind
	ObservedAt time.Time      // zero: now
	HoldsFor   *time.Duration // MinHoldsFor to MaxHoldsFor; nil: DefaultHoldsFor
	Reference  string         // where the caller has it on record; "": nowhere
}

// Recording is evidence to record, in one transaction.
type Recording struct {
	Evidence []Validation // each with its number; of the same number and platform the better word remains
	Phones   []Phone      // describes the numbers; those that are new are registered
	// AuditAll has the audit trail name also what changed nothing. Without it a message that comes twice leaves no trace.
	AuditAll bool
}

// Recorded is what a recording changed.
type Recorded struct {
	Changed []bool   // of each piece of evidence, whether it took the place of what was known
	Leads   []Number // whose score changed, ascending
}

// EvidenceStore takes evidence that no job has asked for.
type EvidenceStore interface {
	// RecordEvidence writes evidence by the rule of scoring.Evidence.Supersedes, and the scores that follow from it.
	RecordEvidence(ctx context.Context, model *scoring.Model, r Recording) (Recorded, error)
}

// RecordEvidence records what one's own systems have seen, all of it or none, and returns the newest evidence on the
// numbers, in their order. User errors: INVALID_INPUT and INVALID_NUMBER, with the path to each entry.
func (s *Service) RecordEvidence(ctx context.Context, seen []SeenEvidence) ([]Validation, error) {
	path := pathTo("input", "evidence")
	if n := len(seen); n < 1 || n > MaxEvidence {
		return nil, Errorf(CodeInvalidInput, path, "evidence has %d entries: want 1 to %d", n, MaxEvidence)
	}
	var (
		es  Errors
		r   = Recording{AuditAll: true}
		now = s.now()
	)
	for i, e := range seen {
		v, phone, err := s.checkEvidence(e, now, in(path, strconv.Itoa(i)))
		es = collect(es, err)
		r.Evidence, r.Phones = append(r.Evidence, v), append(r.Phones, phone)
	}
	if len(es) > 0 {
		return nil, es
	}
	if _, err := s.record(ctx, r); err != nil {
		return nil, err
	}
	return s.evidenceOn(ctx, r.Evidence)
}

// record writes evidence and tells who listens.
func (s *Service) record(ctx context.Context, r Recording) (Recorded, error) {
	recorded, err := s.store.RecordEvidence(ctx, s.model, r)
	if err != nil {
		return Recorded{}, err
	}
	if len(recorded.Leads) > 0 {
		s.notify.LeadsChanged(recorded.Leads)
	}
	return recorded, nil
}

// evidenceOn reads all evidence on the numbers of what was recorded, in the order in which they first come.
func (s *Service) evidenceOn(ctx context.Context, recorded []Validation) ([]Validation, error) {
	numbers := make([]Number, len(recorded))
	for i, v := range recorded {
		numbers[i] = v.Number
	}
	numbers = distinct(numbers)
	of, err := s.store.Validations(ctx, numbers)
	if err != nil {
		return nil, err
	}
	var all []Validation
	for _, n := range numbers {
		all = append(all, of[n]...)
	}
	return all, nil
}

// checkEvidence turns an observation into evidence, or says all that is wrong with it.
func (s *Service) checkEvidence(e SeenEvidence, now time.Time, path []string) (Validation, Phone, error) {
	var es Errors
	read := s.numbers.Describe(e.Number)
	if !read.IsValid {
		es = append(es, Errorf(CodeInvalidNumber, in(path, "number"), "%s", WhyInvalid(read.Reason)))
	}
	if !e.Platform.Scored() {
		es = append(es, Errorf(CodeInvalidInput, in(path, "platform"), "evidence of %s cannot be recorded: want one of %v",
			quoted(string(e.Platform)), scoring.Platforms()))
	}
	says, ok := e.Kind.testifies()
	if !ok {
		es = append(es, Errorf(CodeInvalidInput, in(path, "kind"), "kind is %s: want one of %v", quoted(string(e.Kind)), EvidenceKinds()))
	}
	at := e.ObservedAt
	switch {
	case at.IsZero():
		at = now
	case at.After(now.Add(evidenceSkew)):
		es = append(es, Errorf(CodeInvalidInput, in(path, "observedAt"), "observedAt is in the future: want when it was seen"))
	}
	holds := DefaultHoldsFor
	if e.HoldsFor != nil {
		holds = *e.HoldsFor
	}
	if holds < MinHoldsFor || holds > MaxHoldsFor {
		es = append(es, Errorf(CodeInvalidInput, in(path, "holdsFor"), "holdsFor is out of bounds: want PT1S to P2Y"))
	}
	es = collect(es, checkReference(e.Reference, in(path, "reference")))
	if len(es) > 0 {
		return Validation{}, Phone{}, es
	}
	return says.of(e.Number, e.Platform, at, holds, evidenceDetails(map[string]any{"kind": e.Kind}, e.Reference)),
		PhoneOf(read, s.numbers.PlanVersion()), nil
}

// of makes evidence of a testimony.
func (t testimony) of(n Number, p Platform, at time.Time, holds time.Duration, details json.RawMessage) Validation {
	return Validation{
		Number: n, Platform: p, Status: t.status, Method: t.method, Strength: t.strength, Attempts: 1,
		CheckedAt: at, ExpiresAt: at.Add(holds), Details: details,
	}
}

func evidenceDetails(details map[string]any, reference string) json.RawMessage {
	if reference != "" {
		details["reference"] = reference
	}
	text, err := json.Marshal(details)
	if err != nil {
		panic(err) // only strings and numbers are in it, which always can be written
	}
	return text
}

// checkReference refuses what is too long, may not be shown, or may hold a phone number: it is kept in the clear.
func checkReference(reference string, path []string) error {
	if reference == "" {
		return nil
	}
	if !referenceRegexp.MatchString(reference) {
		return Errorf(CodeInvalidInput, path, "the reference is not one: want at most 64 of A-Z, a-z, 0-9, '.', '_', ':' and '-'")
	}
	run := 0
	for _, c := range reference {
		switch {
		case c >= '0' && c <= '9':
			if run++; run > maxReferenceRun {
				return Errorf(CodeInvalidInput, path,
					"the reference may be a phone number: want at most %d digits without a letter between them", maxReferenceRun)
			}
		case !strings.ContainsRune("._:-", c):
			run = 0
		}
	}
	return nil
}
