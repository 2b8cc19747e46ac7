package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

func TestRecordEvidenceRefuses(t *testing.T) {
	c := newClock()
	s := newService(t, c, nil)
	right := registry.SeenEvidence{Number: 573001234567, Platform: scoring.Instagram, Kind: registry.EvidenceLogin}
	for _, tt := range []struct {
		name   string
		change func(*registry.SeenEvidence)
		want   string // codes and paths below input.evidence.1
	}{
		{"right", func(*registry.SeenEvidence) {}, ""},
		{"a number that no plan knows", func(e *registry.SeenEvidence) { e.Number = 573601234567 }, "INVALID_NUMBER number"},
		{"a number without its sense", func(e *registry.SeenEvidence) { e.Number = 0 }, "INVALID_NUMBER number"},
		{"the line", func(e *registry.SeenEvidence) { e.Platform = scoring.Line }, "INVALID_INPUT platform"},
		{"no platform", func(e *registry.SeenEvidence) { e.Platform = "ICQ" }, "INVALID_INPUT platform"},
		{"no kind", func(e *registry.SeenEvidence) { e.Kind = "HEARSAY" }, "INVALID_INPUT kind"},
		{"seen a while ago", func(e *registry.SeenEvidence) { e.ObservedAt = c.Now().Add(-1000 * time.Hour) }, ""},
		{"a clock a little ahead", func(e *registry.SeenEvidence) { e.ObservedAt = c.Now().Add(time.Minute) }, ""},
		{"the future", func(e *registry.SeenEvidence) { e.ObservedAt = c.Now().Add(61 * time.Second) }, "INVALID_INPUT observedAt"},
		{"two years", func(e *registry.SeenEvidence) { e.HoldsFor = ptr(730 * 24 * time.Hour) }, ""},
		{"longer", func(e *registry.SeenEvidence) { e.HoldsFor = ptr(730*24*time.Hour + 1) }, "INVALID_INPUT holdsFor"},
		{"no time", func(e *registry.SeenEvidence) { e.HoldsFor = ptr(time.Duration(0)) }, "INVALID_INPUT holdsFor"},
		{"less than no time", func(e *registry.SeenEvidence) { e.HoldsFor = ptr(-time.Hour) }, "INVALID_INPUT holdsFor"},
		{"a ticket", func(e *registry.SeenEvidence) { e.Reference = "crm:TICKET-2026-11-21.a_b" }, ""},
		{"64 characters", func(e *registry.SeenEvidence) { e.Reference = strings.Repeat("a", 64) }, ""},
		{"65 characters", func(e *registry.SeenEvidence) { e.Reference = strings.Repeat("a", 65) }, "INVALID_INPUT reference"},
		{"a sentence", func(e *registry.SeenEvidence) { e.Reference = "called Ana" }, "INVALID_INPUT reference"},
		{"a number as reference", func(e *registry.SeenEvidence) { e.Reference = "573001234567" }, "INVALID_INPUT reference"},
		{"a number with hyphens", func(e *registry.SeenEvidence) { e.Reference = "tel:300-123-4567" }, "INVALID_INPUT reference"},
		{"all of it", func(e *registry.SeenEvidence) {
			*e = registry.SeenEvidence{Number: 1, Reference: "573001234567", ObservedAt: c.Now().Add(time.Hour), HoldsFor: ptr(time.Duration(0))}
		}, "INVALID_NUMBER number, INVALID_INPUT platform, INVALID_INPUT kind, INVALID_INPUT observedAt, INVALID_INPUT holdsFor, INVALID_INPUT reference"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := right
			tt.change(&e)
			_, err := s.RecordEvidence(t.Context(), []registry.SeenEvidence{right, e})
			if got := strings.ReplaceAll(codes(err), "input.evidence.1.", ""); got != tt.want {
				t.Errorf("refused with %q, want %q", got, tt.want)
			}
			es, _ := registry.UserErrors(err)
			for _, e := range es {
				if strings.Contains(e.Message, "4567") {
					t.Errorf("an error shows a number: %s", e.Message)
				}
			}
		})
	}
	if got := codes(second(s.RecordEvidence(t.Context(), nil))); got != "INVALID_INPUT input.evidence" {
		t.Errorf("nothing: %s", got)
	}
	if got := codes(second(s.RecordEvidence(t.Context(), make([]registry.SeenEvidence, 1001)))); got != "INVALID_INPUT input.evidence" {
		t.Errorf("too many: %s", got)
	}
}

func ptr[T any](v T) *T { return &v }

func second[T any](_ T, err error) error { return err }

// TestRecordEvidenceKinds: what each kind becomes.
func TestRecordEvidenceKinds(t *testing.T) {
	c := newClock()
	s := newService(t, c, nil)
	want := map[registry.EvidenceKind]string{
		registry.EvidenceLogin: "ACTIVE first_party_login 1", registry.EvidenceLeadForm: "ACTIVE first_party_lead_form 0.7",
		registry.EvidenceMessageReceived:  "ACTIVE first_party_message_received 1",
		registry.EvidenceMessageDelivered: "ACTIVE first_party_message_delivered 0.9",
		registry.EvidenceMessageRead:      "ACTIVE first_party_message_read 1", registry.EvidenceNoAccount: "NOT_FOUND first_party_no_account 0",
	}
	for i, kind := range registry.EvidenceKinds() {
		n := registry.Number(573001234500 + i)
		got, err := s.RecordEvidence(t.Context(), []registry.SeenEvidence{{
			Number: n, Platform: scoring.Apple, Kind: kind, ObservedAt: c.Now().Add(-time.Hour), Reference: "t:1",
		}})
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", kind, got, err)
		}
		v := got[0]
		if text := fmt.Sprintf("%s %s %.2g", v.Status, v.Method, v.Strength); text != want[kind] || v.Simulated || v.Number != n ||
			!v.ExpiresAt.Equal(v.CheckedAt.Add(90*24*time.Hour)) || !strings.Contains(string(v.Details), string(kind)) || !strings.Contains(string(v.Details), "t:1") {
			t.Errorf("%s: %s, %+v", kind, text, v)
		}
	}
}

// listener is a notifier that remembers of which leads it was told.
type listener struct {
	mu    sync.Mutex
	leads []registry.Number
}

func (*listener) JobChanged(uuid.UUID)    {}
func (*listener) JobCancelled(uuid.UUID)  {}
func (*listener) ImportChanged(uuid.UUID) {}
func (n *listener) LeadsChanged(numbers []registry.Number) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.leads = append(n.leads, numbers...)
}

// failing is a store that takes no evidence.
type failing struct {
	registry.Store
	err error
}

func (f failing) RecordEvidence(context.Context, *scoring.Model, registry.Recording) (registry.Recorded, error) {
	return registry.Recorded{}, f.err
}

// TestRecordEvidenceAnswers: the evidence on all numbers in the order of the entries, and who listens is told once.
func TestRecordEvidenceAnswers(t *testing.T) {
	c, heard := newClock(), &listener{}
	numbers, err := normalizer()
	if err != nil {
		t.Fatal(err)
	}
	store := postgres.New(testkit.Pool(t), postgres.Options{Now: c.Now, Logger: testkit.Logger(t)})
	s := registry.New(registry.Config{Store: store, Numbers: numbers, Model: scoring.DefaultModel(), Notifier: heard, Now: c.Now})
	seen := []registry.SeenEvidence{
		{Number: 573001234568, Platform: scoring.Apple, Kind: registry.EvidenceLogin},
		{Number: 573001234567, Platform: scoring.Facebook, Kind: registry.EvidenceLeadForm},
		{Number: 573001234568, Platform: scoring.Instagram, Kind: registry.EvidenceNoAccount},
	}
	for round := range 2 {
		got, err := s.RecordEvidence(t.Context(), seen)
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, v := range got {
			order = append(order, fmt.Sprintf("%d %s", v.Number-573001234560, v.Platform))
		}
		if strings.Join(order, ", ") != "8 INSTAGRAM, 8 APPLE, 7 FACEBOOK" {
			t.Errorf("round %d: %v", round, order)
		}
	}
	if !slices.Equal(heard.leads, []registry.Number{573001234567, 573001234568}) {
		t.Errorf("told of %d changes", len(heard.leads))
	}
	broken := registry.New(registry.Config{Store: failing{store, errors.New("away")}, Numbers: numbers, Model: scoring.DefaultModel(), Now: c.Now})
	if _, err := broken.RecordEvidence(t.Context(), seen); err == nil || codes(err) != "not a user error: away" {
		t.Errorf("a store that is away: %v", err)
	}
}

// TestRecordWhatsApp: more events than fit into one transaction, and those the database refuses.
func TestRecordWhatsApp(t *testing.T) {
	c := newClock()
	s := newService(t, c, nil)
	var messages []registry.Message
	for i := range 1203 {
		messages = append(messages, registry.Message{WireID: fmt.Sprint(573001000000 + i%1200), Event: registry.MessageInbound, At: c.Now()})
	}
	messages = append(messages, registry.Message{WireID: "99", Event: registry.MessageRead, At: c.Now()})
	outcomes, err := s.RecordWhatsApp(t.Context(), messages, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[registry.MessageOutcome]int{}
	for _, o := range outcomes {
		counts[o]++
	}
	if len(outcomes) != 1204 || counts[registry.MessageRecorded] != 1200 || counts[registry.MessageKnown] != 3 || counts[registry.MessageNoNumber] != 1 {
		t.Errorf("outcomes %v", counts)
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("%w: no", registry.ErrRejected), "[unfitting] <nil>"},
		{errors.New("away"), "[] away"},
	} {
		broken := newService(t, c, func(store registry.Store) registry.Store { return failing{store, tt.err} })
		outcomes, err := broken.RecordWhatsApp(t.Context(), messages[:1], time.Hour)
		if got := fmt.Sprint(outcomes, " ", err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}
