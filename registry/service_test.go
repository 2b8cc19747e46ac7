package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// normalizer is made once: it holds the numbering plans of the world.
var normalizer = sync.OnceValues(numbering.New)

type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) Now() time.Time      { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) Add(d time.Duration) { c.micros.Add(d.Microseconds()) }

// newService is a service on a real store; wrap may watch what it asks of the store.
func newService(t *testing.T, c *clock, wrap func(registry.Store) registry.Store) *registry.Service {
	t.Helper()
	numbers, err := normalizer()
	if err != nil {
		t.Fatal(err)
	}
	var store registry.Store = postgres.New(testkit.Pool(t), postgres.Options{Now: c.Now, Logger: testkit.Logger(t)})
	if wrap != nil {
		store = wrap(store)
	}
	return registry.New(registry.Config{
		Store: store, Numbers: numbers, Model: scoring.DefaultModel(), MaxPhones: 2, Now: c.Now, Logger: testkit.Logger(t),
		Platforms: func() []registry.PlatformInfo {
			return []registry.PlatformInfo{{Platform: scoring.Google, Adapter: "simulator", Simulated: true}}
		},
	})
}

func codes(err error) string {
	es, ok := registry.UserErrors(err)
	if err != nil && !ok {
		return "not a user error: " + err.Error()
	}
	var out []string
	for _, e := range es {
		out = append(out, string(e.Code)+" "+strings.Join(e.Path, "."))
	}
	return strings.Join(out, ", ")
}

func TestNormalizeBounds(t *testing.T) {
	s := newService(t, newClock(), nil)
	for _, c := range []struct{ name, raw, region, area, want string }{
		{"a number", "300 123 4567", "co", "", ""},
		{"junk is a result", "abc", "", "", ""},
		{"the longest text", strings.Repeat("x", 512), "", "", ""},
		{"too long", strings.Repeat("x", 513), "", "", "INVALID_INPUT input"},
		{"not UTF-8", "300\xff", "", "", "INVALID_INPUT input"},
		{"no such region", "300", "XX", "", "INVALID_INPUT region"},
		{"a region of three", "300", "COL", "", "INVALID_INPUT region"},
		{"a long area", "300", "CO", strings.Repeat("6", 65), "INVALID_INPUT area"},
		{"all wrong", strings.Repeat("x", 513), "XX", "6\x00", "INVALID_INPUT input, INVALID_INPUT region, INVALID_INPUT area"},
	} {
		_, err := s.Normalize(t.Context(), c.raw, c.region, c.area)
		if got := codes(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		_, err = s.NormalizeCell(t.Context(), c.raw, c.region, c.area)
		if got := codes(err); got != c.want {
			t.Errorf("%s, as a cell: %q, want %q", c.name, got, c.want)
		}
	}
	r, err := s.Normalize(t.Context(), "300 123 4567", "co", "")
	if err != nil || r.Number != 573001234567 {
		t.Errorf("a small region: %v, %v", r.Number, err)
	}
}

func TestAddPhoneChecks(t *testing.T) {
	s := newService(t, newClock(), nil)
	ctx := t.Context()
	fits := registry.AddPhone{CustomerID: "c1", Number: "300 123 4567 ext 12", Region: "CO", Source: "web_forms"}
	added, err := s.AddPhone(ctx, fits)
	if err != nil {
		t.Fatal(err)
	}
	if !added.Created || added.CustomerPhone.Extension != "12" || added.Phone.Region != "CO" ||
		added.Phone.LineType != numbering.Mobile || added.Normalized.Number != 573001234567 {
		t.Errorf("%+v", added)
	}
	for _, c := range []struct {
		name, want string
		change     func(*registry.AddPhone)
	}{
		{"no customer", "INVALID_INPUT input.customerId", func(a *registry.AddPhone) { a.CustomerID = "" }},
		{"a long customer", "INVALID_INPUT input.customerId", func(a *registry.AddPhone) { a.CustomerID = strings.Repeat("ñ", 129) }},
		{"a customer with NUL", "INVALID_INPUT input.customerId", func(a *registry.AddPhone) { a.CustomerID = "a\x00" }},
		{"a blank customer", "INVALID_INPUT input.customerId", func(a *registry.AddPhone) { a.CustomerID = "  " }},
		{"a customer that imports write otherwise", "INVALID_INPUT input.customerId", func(a *registry.AddPhone) { a.CustomerID = "c1 " }},
		{"a customer of two lines", "INVALID_INPUT input.customerId", func(a *registry.AddPhone) { a.CustomerID = "a\nb" }},
		{"a customer with an escape", "INVALID_INPUT input.customerId", func(a *registry.AddPhone) { a.CustomerID = "a\x1b[2J" }},
		{"no number", "INVALID_NUMBER input.number", func(a *registry.AddPhone) { a.Number = "" }},
		{"a bad number", "INVALID_NUMBER input.number", func(a *registry.AddPhone) { a.Number = "+57123" }},
		{"a bad region", "INVALID_INPUT input.region", func(a *registry.AddPhone) { a.Region = "Colombia" }},
		{"no source", "INVALID_INPUT input.source", func(a *registry.AddPhone) { a.Source = "" }},
		{"an unknown source", "UNKNOWN_SOURCE input.source", func(a *registry.AddPhone) { a.Source = "nobody" }},
		{"no region", "INVALID_NUMBER input.number", func(a *registry.AddPhone) { a.Region = "" }},
	} {
		a := fits
		c.change(&a)
		result, err := s.AddPhone(ctx, a)
		if got := codes(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if strings.HasPrefix(c.want, "INVALID_NUMBER") && (result.Normalized == nil || result.Normalized.Reason == "") {
			t.Errorf("%s: no word of what was read", c.name)
		}
	}
	for i, want := range []string{"", "TOO_MANY_PHONES input.customerId"} { // the service allows two
		_, err := s.AddPhone(ctx, registry.AddPhone{CustomerID: "c1", Number: "+57300123456" + string(rune('8'+i)), Source: "web_forms"})
		if got := codes(err); got != want {
			t.Errorf("number %d: %q, want %q", i+2, got, want)
		}
	}
	longest := fits
	longest.CustomerID = strings.Repeat("ñ", 128)
	if _, err := s.AddPhone(ctx, longest); err != nil {
		t.Errorf("the longest customer id: %v", err)
	}
}

func TestErrorsHoldNoNumber(t *testing.T) {
	s := newService(t, newClock(), nil)
	const secret = "3001234567"
	_, one := s.AddPhone(t.Context(), registry.AddPhone{CustomerID: strings.Repeat(secret, 20), Number: secret + "999", Region: secret, Source: secret + "-"})
	_, two := s.AddPhone(t.Context(), registry.AddPhone{CustomerID: "c", Number: "+" + secret + secret, Source: "web_forms"})
	_, three := s.Phones(t.Context(), registry.PhoneFilter{NumberPrefix: secret + "x", Regions: []string{secret}, Sources: []string{"A" + secret}}, registry.PhoneOrder{}, registry.PageRequest{})
	_, four := s.VerifyPhone(t.Context(), "c", 573001234567, "M"+secret)
	_, five := s.VerifyPhone(t.Context(), "c", 573001234567, "call")
	for _, err := range []error{one, two, three, four, five} {
		es, ok := registry.UserErrors(err)
		if !ok {
			t.Errorf("no user error: %v", err)
		}
		for _, e := range es {
			if strings.Contains(e.Message, secret) {
				t.Errorf("the message shows a number: %s", e.Message)
			}
		}
	}
}

func TestListChecks(t *testing.T) {
	s := newService(t, newClock(), nil)
	ctx := t.Context()
	many := make([]string, 1001)
	numbers := make([]registry.Number, 1001)
	for i := range many {
		many[i], numbers[i] = uuid.NewString(), registry.Number(10000000+i)
	}
	high, low, half, nan := 101, -1, 1.5, 0.0
	nan /= nan
	for _, c := range []struct {
		name, want string
		filter     registry.PhoneFilter
		order      registry.PhoneOrder
		page       registry.PageRequest
	}{
		{name: "everything"},
		{name: "the largest page", page: registry.PageRequest{First: 500}},
		{"a page too large", "INVALID_INPUT first", registry.PhoneFilter{}, registry.PhoneOrder{}, registry.PageRequest{First: 501}},
		{"a negative page", "INVALID_INPUT first", registry.PhoneFilter{}, registry.PhoneOrder{}, registry.PageRequest{First: -1}},
		{"a position of no list", "INVALID_INPUT after", registry.PhoneFilter{}, registry.PhoneOrder{}, registry.PageRequest{After: &registry.Position{Sort: -1}}},
		{"an order", "INVALID_INPUT orderBy.field", registry.PhoneFilter{}, registry.PhoneOrder{Field: "NAME; DROP TABLE phones"}, registry.PageRequest{}},
		{"a small region", "", registry.PhoneFilter{Regions: []string{"co", "CO", "ZZ", "001"}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a region", "INVALID_INPUT filter.regions.0", registry.PhoneFilter{Regions: []string{"XX"}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"an empty region", "INVALID_INPUT filter.regions.0", registry.PhoneFilter{Regions: []string{""}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a line type", "INVALID_INPUT filter.lineTypes", registry.PhoneFilter{LineTypes: []registry.LineType{"SATELLITE"}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a tier", "INVALID_INPUT filter.tiers", registry.PhoneFilter{Tiers: []registry.Tier{"GOLD"}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a platform", "INVALID_INPUT filter.platforms", registry.PhoneFilter{Platforms: []registry.Platform{"ICQ"}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a source", "INVALID_INPUT filter.sources.0", registry.PhoneFilter{Sources: []string{"a b"}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a region and a source among good ones", "INVALID_INPUT filter.regions.2, INVALID_INPUT filter.sources.1",
			registry.PhoneFilter{Regions: []string{"CO", "CO", "XX"}, Sources: []string{"a", "a b"}}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"1,000 customers", "", registry.PhoneFilter{CustomerIDs: many[1:]}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"1,001 customers", "INVALID_INPUT filter.customerIds", registry.PhoneFilter{CustomerIDs: many}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a high score", "INVALID_INPUT filter.minScore", registry.PhoneFilter{MinScore: &high}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a low score", "INVALID_INPUT filter.minScore", registry.PhoneFilter{MinScore: &low}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a prefix with a plus", "", registry.PhoneFilter{NumberPrefix: "+57300"}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a plus alone", "INVALID_INPUT filter.numberPrefix", registry.PhoneFilter{NumberPrefix: "+"}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a prefix with 0", "INVALID_INPUT filter.numberPrefix", registry.PhoneFilter{NumberPrefix: "057"}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"a prefix of 16", "INVALID_INPUT filter.numberPrefix", registry.PhoneFilter{NumberPrefix: "1234567890123456"}, registry.PhoneOrder{}, registry.PageRequest{}},
		{"several", "INVALID_INPUT filter.minScore, INVALID_INPUT filter.numberPrefix, INVALID_INPUT first", registry.PhoneFilter{MinScore: &low, NumberPrefix: "x"}, registry.PhoneOrder{}, registry.PageRequest{First: 501}},
	} {
		_, err := s.Phones(ctx, c.filter, c.order, c.page)
		if got := codes(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name, want string
		filter     registry.LeadFilter
	}{
		{name: "everything"},
		{"coverage above 1", "INVALID_INPUT filter.minCoverage", registry.LeadFilter{MinCoverage: &half}},
		{"coverage that is no number", "INVALID_INPUT filter.minCoverage", registry.LeadFilter{MinCoverage: &nan}},
		{"1,001 numbers", "INVALID_INPUT filter.numbers", registry.LeadFilter{Numbers: numbers}},
		{"1,000 numbers", "", registry.LeadFilter{Numbers: numbers[1:]}},
	} {
		_, err := s.Leads(ctx, c.filter, registry.PageRequest{})
		if got := codes(err); got != c.want {
			t.Errorf("leads, %s: %q, want %q", c.name, got, c.want)
		}
		_, err = s.CountLeads(ctx, c.filter)
		if got := codes(err); got != c.want {
			t.Errorf("count of leads, %s: %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := s.Customer(ctx, strings.Repeat("x", 200)); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a customer nobody can be: %v", err)
	}
	if _, err := s.PhoneHolders(ctx, numbers[:2], registry.PageRequest{After: &registry.Position{Text: "c"}}); codes(err) != "INVALID_INPUT after" {
		t.Errorf("continuing two lists at once: %v", err)
	}
	if _, err := s.UpsertSource(ctx, registry.Source{Name: "A", Priority: 0}); codes(err) != "INVALID_INPUT input.name, INVALID_INPUT input.priority" {
		t.Errorf("a bad source: %v", err)
	}
	if _, err := s.CountQuarantine(ctx, nil, "too short"); codes(err) != "INVALID_INPUT reason" {
		t.Errorf("a bad reason: %v", err)
	}
}

// watchedStats is a store that tells when totals are counted, and waits for permission.
type watchedStats struct {
	registry.Store
	begun   chan struct{}
	proceed chan error
	clock   *clock
	takes   time.Duration
}

func (s *watchedStats) Stats(ctx context.Context) (registry.Stats, error) {
	s.begun <- struct{}{}
	if err := <-s.proceed; err != nil {
		return registry.Stats{}, err
	}
	s.clock.Add(s.takes)
	return s.Store.Stats(ctx)
}

func TestStatsAreCountedSeldomAndOnce(t *testing.T) {
	c := newClock()
	watched := &watchedStats{begun: make(chan struct{}), proceed: make(chan error), clock: c}
	s := newService(t, c, func(store registry.Store) registry.Store { watched.Store = store; return watched })
	type answer struct {
		stats registry.Stats
		err   error
	}
	answers := make(chan answer)
	ask := func(ctx context.Context) {
		go func() { stats, err := s.Stats(ctx); answers <- answer{stats, err} }()
	}
	// counted asks while nothing is kept, lets the count end with err, and returns what the caller got.
	counted := func(err error) answer {
		t.Helper()
		ask(t.Context())
		<-watched.begun
		watched.proceed <- err
		return <-answers
	}
	kept := func() answer {
		t.Helper()
		ask(t.Context())
		select {
		case a := <-answers:
			return a
		case <-watched.begun:
			t.Fatal("they are counted again")
			return answer{}
		}
	}

	if a := counted(errors.New("out of order")); a.err == nil {
		t.Error("a failure is kept from the caller")
	}
	first := counted(nil)
	c.Add(5*time.Second - time.Microsecond)
	if a := kept(); a.err != nil || !a.stats.AsOf.Equal(first.stats.AsOf) {
		t.Errorf("before 5 s: %v, %v", a.stats.AsOf, a.err)
	}
	c.Add(time.Microsecond)
	watched.takes = time.Second
	second := counted(nil)
	if !second.stats.AsOf.After(first.stats.AsOf) {
		t.Error("after 5 s the old totals are shown")
	}
	c.Add(20*time.Second - time.Microsecond)
	if a := kept(); !a.stats.AsOf.Equal(second.stats.AsOf) {
		t.Error("counting for a second takes more than a twentieth of the time")
	}
	c.Add(time.Microsecond)

	// Two ask at once, one of them gives up: one count, and the other gets it.
	ctx, cancel := context.WithCancel(t.Context())
	ask(ctx)
	<-watched.begun
	ask(t.Context())
	cancel()
	if a := <-answers; !errors.Is(a.err, context.Canceled) {
		t.Errorf("who gave up got %v", a.err)
	}
	watched.proceed <- nil
	if a := <-answers; a.err != nil || !a.stats.AsOf.After(second.stats.AsOf) {
		t.Errorf("who waited got totals of %v, %v", a.stats.AsOf, a.err)
	}
}

func TestPlatforms(t *testing.T) {
	s := newService(t, newClock(), nil)
	want := []registry.PlatformInfo{
		{Platform: scoring.WhatsApp, Weight: 20}, {Platform: scoring.Instagram, Weight: 20}, {Platform: scoring.Facebook, Weight: 20},
		{Platform: scoring.Google, Adapter: "simulator", Simulated: true, Weight: 20}, {Platform: scoring.Apple, Weight: 20},
	}
	if diff := cmp.Diff(want, s.Platforms(t.Context())); diff != "" {
		t.Error(diff)
	}
}

// What Explain says of a score adds up to the score that the model made.
func TestExplainAgreesWithTheModel(t *testing.T) {
	c := newClock()
	s := newService(t, c, nil)
	evidence := []registry.Validation{
		{Platform: scoring.WhatsApp, Status: scoring.Active, Strength: 0.5, Method: "m", CheckedAt: c.Now()},
		{Platform: scoring.Apple, Status: scoring.NotFound, Strength: 1, Method: "m", CheckedAt: c.Now(), ExpiresAt: c.Now().Add(time.Hour)},
	}
	seen := []scoring.Evidence{evidence[0].Evidence(), evidence[1].Evidence()}
	for _, valid := range []bool{true, false} {
		made := scoring.DefaultModel().Score(valid, seen, c.Now())
		kept := registry.LeadScore{Total: made.Total, Coverage: made.Coverage, Tier: made.Tier, UpdatedAt: c.Now()}
		if diff := cmp.Diff(made.Components, s.Explain(kept, evidence)); diff != "" {
			t.Errorf("valid %t:\n%s", valid, diff)
		}
	}
	none := scoring.DefaultModel().Score(true, nil, c.Now())
	kept := registry.LeadScore{Tier: none.Tier, UpdatedAt: c.Now()}
	if diff := cmp.Diff(none.Components, s.Explain(kept, nil)); diff != "" {
		t.Error(diff)
	}
}

func TestLeadFilterMatches(t *testing.T) {
	ten, half := 10, 0.5
	score := registry.LeadScore{Number: 573001234567, Total: 10, Coverage: 0.5, Tier: scoring.TierPoor}
	phone := registry.Phone{Number: 573001234567, Region: "CO"}
	fits := registry.LeadFilter{Regions: []string{"MX", "CO"}, Tiers: []registry.Tier{scoring.TierPoor}, MinScore: &ten, MinCoverage: &half, Numbers: []registry.Number{573001234567}}
	if !fits.Matches(score, phone) || !(registry.LeadFilter{}).Matches(score, phone) {
		t.Error("what fits does not match")
	}
	eleven, more := 11, 0.6
	for name, f := range map[string]registry.LeadFilter{
		"region": {Regions: []string{"MX"}}, "tier": {Tiers: []registry.Tier{scoring.TierHigh}}, "score": {MinScore: &eleven},
		"coverage": {MinCoverage: &more}, "number": {Numbers: []registry.Number{1}},
	} {
		if f.Matches(score, phone) {
			t.Errorf("another %s matches", name)
		}
	}
	sent := []registry.Number{573001234569, 573001234567, 573001234568, 573001234567}
	checked, err := registry.CheckLeadFilter(registry.LeadFilter{Numbers: sent})
	if err != nil || len(checked.Numbers) != 3 || sent[0] != 573001234569 {
		t.Fatalf("%v, %v; sent were %v", checked.Numbers, err, sent)
	}
	for _, n := range sent {
		if !checked.Matches(registry.LeadScore{Number: n}, phone) {
			t.Errorf("%d of %v does not match", n, sent)
		}
	}
}
