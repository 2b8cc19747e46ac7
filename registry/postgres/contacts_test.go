package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
)

func TestAddPhone(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	begun := w.clock.Now().Truncate(time.Microsecond)
	first, err := w.AddPhone(ctx, addition("c1", phoneA, "call_center"))
	if err != nil {
		t.Fatal(err)
	}
	want := registry.CustomerPhone{
		CustomerID: "c1", Number: phoneA, IsPrimary: true, Confidence: registry.Confidence(4, 1, false),
		Source: "call_center", FirstSeenAt: begun, LastSeenAt: begun,
	}
	if diff := cmp.Diff(want, first.CustomerPhone); diff != "" || !first.Created {
		t.Errorf("first number, created %t:\n%s", first.Created, diff)
	}
	phone := described(phoneA)
	phone.CreatedAt, phone.UpdatedAt = begun, begun
	if diff := cmp.Diff(phone, first.Phone); diff != "" {
		t.Errorf("the phone:\n%s", diff)
	}
	stored, err := w.CustomerPhones(ctx, []string{"c1", "nobody"}, registry.ContactFields{})
	if diff := cmp.Diff(map[string][]registry.CustomerPhone{"c1": {want}}, stored); diff != "" || err != nil {
		t.Errorf("stored, %v:\n%s", err, diff)
	}
	second, err := w.AddPhone(ctx, addition("c1", phoneB, "web_forms"))
	if err != nil || !second.Created || second.CustomerPhone.IsPrimary {
		t.Errorf("the second number: %+v, %v; want created and not primary", second.CustomerPhone, err)
	}
}

func TestAddPhoneAgainMerges(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	add := func(source, extension string, primary bool) registry.CustomerPhone {
		t.Helper()
		a := addition("c1", phoneB, source)
		a.Extension, a.MakePrimary = extension, primary
		added, err := w.AddPhone(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		return added.CustomerPhone
	}
	if _, err := w.AddPhone(ctx, addition("c1", phoneA, "web_forms")); err != nil {
		t.Fatal(err)
	}
	begun := add("web_forms", "12", false).FirstSeenAt
	later := w.clock.Add(time.Hour).Truncate(time.Microsecond)

	want := registry.CustomerPhone{
		CustomerID: "c1", Number: phoneB, Confidence: registry.Confidence(3, 2, false),
		Source: "web_forms", Extension: "12", FirstSeenAt: begun, LastSeenAt: later,
	}
	if diff := cmp.Diff(want, add("mobile_app", "99", false)); diff != "" {
		t.Errorf("a lesser source gives it again:\n%s", diff)
	}
	want.Source, want.Extension, want.Confidence = "crm_salesforce", "7", registry.Confidence(5, 3, false)
	if diff := cmp.Diff(want, add("crm_salesforce", "7", false)); diff != "" {
		t.Errorf("a better source gives it again:\n%s", diff)
	}
	want.IsPrimary = true
	if diff := cmp.Diff(want, add("crm_salesforce", "", true)); diff != "" {
		t.Errorf("it is made primary:\n%s", diff)
	}
	primaries := scalar[int64](t, w, "SELECT number FROM customer_phones WHERE customer_id = 'c1' AND is_primary")
	if primaries != int64(phoneB) {
		t.Error("the other number is still primary")
	}
}

func TestAddPhoneDescribesAnewUnderANewPlan(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	if _, err := w.AddPhone(ctx, addition("c1", phoneA, "web_forms")); err != nil {
		t.Fatal(err)
	}
	begun := w.clock.Now().Truncate(time.Microsecond)
	later := w.clock.Add(time.Hour).Truncate(time.Microsecond)
	a := addition("c2", phoneA, "web_forms")
	a.Phone.PlanVersion, a.Phone.OriginalCarrier = "p2", "Tigo"
	added, err := w.AddPhone(ctx, a)
	want := a.Phone
	want.CreatedAt, want.UpdatedAt = begun, later
	if diff := cmp.Diff(want, added.Phone); diff != "" || err != nil {
		t.Errorf("%v:\n%s", err, diff)
	}
}

func TestAddPhoneRefuses(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	_, err := w.AddPhone(ctx, addition("c1", phoneA, "no_such"))
	if code(err) != registry.CodeUnknownSource {
		t.Errorf("unknown source: %v", err)
	}
	for i := range registry.DefaultMaxPhones {
		if _, err := w.AddPhone(ctx, addition("c2", phoneA+registry.Number(i), "web_forms")); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.AddPhone(ctx, addition("c2", phoneA-1, "web_forms"))
	if code(err) != registry.CodeTooManyPhones {
		t.Errorf("one phone too many: %v", err)
	}
	if _, err := w.AddPhone(ctx, addition("c2", phoneA, "web_forms")); err != nil {
		t.Errorf("a number that a full customer holds is refused: %v", err)
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM customers WHERE customer_id = 'c1'"); n != 0 {
		t.Error("a refused addition left a customer behind")
	}
}

func TestAuditOfPhones(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	do := func(a registry.PhoneAddition) {
		t.Helper()
		if _, err := w.AddPhone(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	do(addition("c1", phoneA, "web_forms"))
	do(addition("c1", phoneA, "web_forms")) // at the same moment: changes nothing
	primary := addition("c1", phoneB, "web_forms")
	primary.MakePrimary = true
	do(primary)
	if _, err := w.VerifyPhone(ctx, "c1", phoneB, "sms_otp"); err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Actor, Action, Customer, Request string
		Number                           int64
		Details                          map[string]any
	}
	rows, err := w.pool.Query(ctx, "SELECT actor, action, customer_id, request_id, number, details FROM audit_trail ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	var got []entry
	for rows.Next() {
		var e entry
		var details []byte
		if err := rows.Scan(&e.Actor, &e.Action, &e.Customer, &e.Request, &e.Number, &details); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(details, &e.Details); err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	added := map[string]any{"source": "web_forms", "confidence": registry.Confidence(3, 1, false), "primary": true}
	want := []entry{
		{"ana", "phone.added", "c1", "req-1", int64(phoneA), added},
		{"ana", "phone.added", "c1", "req-1", int64(phoneB), added},
		{"ana", "phone.updated", "c1", "req-1", int64(phoneA), map[string]any{"changed": []any{"is_primary"}}},
		{"ana", "phone.verified", "c1", "req-1", int64(phoneB), map[string]any{"method": "sms_otp"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyPhone(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	if _, err := w.VerifyPhone(ctx, "c1", phoneA, "call"); code(err) != registry.CodeNotFound {
		t.Errorf("verifying what nobody holds: %v", err)
	}
	added, err := w.AddPhone(ctx, addition("c1", phoneA, "web_forms"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.VerifyPhone(ctx, "c1", phoneA, "call")
	want := added.CustomerPhone
	want.IsVerified, want.VerificationMethod, want.Confidence = true, "call", registry.Confidence(3, 1, true)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v:\n%s", err, diff)
	}
}

func TestUpsertSourceDerivesContactsAnew(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	for _, source := range []string{"manual_upload", "web_forms"} {
		if _, err := w.AddPhone(ctx, addition("c1", phoneA, source)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.UpsertSource(ctx, registry.Source{Name: "manual_upload", Priority: 50}); err != nil {
		t.Fatal(err)
	}
	phones, err := w.CustomerPhones(ctx, []string{"c1"}, registry.ContactFields{})
	if err != nil {
		t.Fatal(err)
	}
	got := phones["c1"][0]
	if got.Source != "manual_upload" || got.Confidence != registry.Confidence(50, 2, false) {
		t.Errorf("source %s, confidence %v", got.Source, got.Confidence)
	}
	entries := scalar[int](t, w, "SELECT count(*) FROM audit_trail")
	if _, err := w.UpsertSource(ctx, registry.Source{Name: "manual_upload", Priority: 50}); err != nil {
		t.Fatal(err)
	}
	if after := scalar[int](t, w, "SELECT count(*) FROM audit_trail"); after != entries {
		t.Error("a change that changes nothing was written to the audit trail")
	}
	if _, err := w.UpsertSource(ctx, registry.Source{Name: "partner", Priority: 2}); err != nil {
		t.Fatal(err)
	}
	sources, err := w.Sources(ctx)
	want := []registry.Source{
		{Name: "manual_upload", Priority: 50}, {Name: "crm_salesforce", Priority: 5}, {Name: "call_center", Priority: 4},
		{Name: "web_forms", Priority: 3}, {Name: "mobile_app", Priority: 2}, {Name: "partner", Priority: 2},
	}
	if diff := cmp.Diff(want, sources); diff != "" || err != nil {
		t.Errorf("%v:\n%s", err, diff)
	}
}

// brokenRules returns the customers' phones that break a rule of the registry.
func brokenRules(ctx context.Context, w *world) ([]string, error) {
	const check = `
SELECT 'customer ' || customer_id || ' has ' || count(*) || ' phones, ' || count(*) FILTER (WHERE is_primary) || ' of them primary'
FROM customer_phones GROUP BY customer_id
HAVING count(*) > $1 OR count(*) FILTER (WHERE is_primary) <> 1
UNION ALL
SELECT 'customer ' || c.customer_id || ' has source ' || c.source_id || ' and confidence ' || c.confidence || ' by ' || c.source_ids::text
FROM customer_phones c
CROSS JOIN LATERAL (SELECT id, priority FROM sources WHERE id = ANY (c.source_ids) ORDER BY priority DESC, id LIMIT 1) best
WHERE best.id <> c.source_id
	OR c.confidence <> CASE WHEN c.is_verified THEN $2 ELSE ($3::float8[])[(best.priority - 1) * $4 + least(cardinality(c.source_ids), $4)] END
UNION ALL
SELECT 'customer ' || customer_id || ' has no phone' FROM customers c
WHERE NOT EXISTS (SELECT FROM customer_phones p WHERE p.customer_id = c.customer_id)`
	rows, err := w.pool.Query(ctx, check, registry.DefaultMaxPhones, registry.Confidence(0, 0, true), registry.ConfidenceTable(), registry.ConfidenceSources)
	if err != nil {
		return nil, err
	}
	var broken []string
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return nil, err
		}
		broken = append(broken, what)
	}
	return broken, rows.Err()
}

// deed is one change of a customer's phones, as drawn by a property test.
type deed struct {
	Kind     int // 0 to 6: add; 7, 8: verify; 9: change a priority
	Customer string
	Number   registry.Number
	Source   string
	Primary  bool
	Priority int
}

func (d deed) do(ctx context.Context, w *world) error {
	switch {
	case d.Kind < 7:
		a := addition(d.Customer, d.Number, d.Source)
		a.MakePrimary = d.Primary
		_, err := w.AddPhone(ctx, a)
		return err
	case d.Kind < 9:
		_, err := w.VerifyPhone(ctx, d.Customer, d.Number, "call")
		return err
	}
	_, err := w.UpsertSource(ctx, registry.Source{Name: d.Source, Priority: d.Priority})
	return err
}

func sourceNames() []string {
	return []string{"crm_salesforce", "call_center", "web_forms", "mobile_app", "manual_upload"}
}

// Whatever is done in whatever order, the rules hold.
func TestRulesHoldAfterAnySequence(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	deeds := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) deed {
		return deed{
			Kind:     rapid.IntRange(0, 9).Draw(t, "kind"),
			Customer: rapid.SampledFrom([]string{"c1", "c2"}).Draw(t, "customer"),
			Number:   phoneA + registry.Number(rapid.IntRange(0, 7).Draw(t, "number")),
			Source:   rapid.SampledFrom(sourceNames()).Draw(t, "source"),
			Primary:  rapid.Bool().Draw(t, "primary"),
			Priority: rapid.IntRange(1, 12).Draw(t, "priority"),
		}
	}), 1, 25)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := w.pool.Exec(ctx, "DELETE FROM customers"); err != nil {
			rt.Fatal(err)
		}
		for _, d := range deeds.Draw(rt, "deeds") {
			entries := scalar[int](t, w, "SELECT count(*) FROM audit_trail")
			before := picture(t, w)
			if err := d.do(ctx, w); err != nil && code(err) == "" {
				rt.Fatal(err)
			}
			written := scalar[int](t, w, "SELECT count(*) FROM audit_trail") > entries
			if changed := picture(t, w) != before; changed != written {
				rt.Fatalf("%+v: changed %t, audited %t", d, changed, written)
			}
		}
		broken, err := brokenRules(ctx, w)
		if err != nil || len(broken) > 0 {
			rt.Fatalf("%v, %v", broken, err)
		}
	})
}

// picture is all that mutations of phones may change, as one text.
func picture(t testing.TB, w *world) string {
	t.Helper()
	return scalar[string](t, w, `SELECT concat((SELECT string_agg(c::text, E'\n' ORDER BY c::text) FROM customer_phones c),
		(SELECT string_agg(p::text, E'\n' ORDER BY p::text) FROM phones p),
		(SELECT string_agg(s::text, E'\n' ORDER BY s::text) FROM sources s))`)
}

// Many at once do things to the same few customers and numbers: the rules hold, and nobody sees an error that is not
// theirs to correct.
func TestRulesHoldUnderConcurrency(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	const workers, each = 8, 60
	errs := make(chan error, workers)
	var added sync.Map
	for worker := range workers {
		go func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range each {
				d := deed{
					Kind: random.IntN(10), Customer: fmt.Sprint("c", random.IntN(3)), Number: phoneA + registry.Number(random.IntN(8)),
					Source: sourceNames()[random.IntN(5)], Primary: random.IntN(2) == 0, Priority: 1 + random.IntN(12),
				}
				w.clock.Add(time.Millisecond)
				err := d.do(ctx, w)
				if err != nil && code(err) == "" {
					errs <- fmt.Errorf("%+v: %w", d, err)
					return
				}
				if err == nil && d.Kind < 7 {
					added.Store(fmt.Sprint(d.Customer, d.Number), true)
				}
			}
			errs <- nil
		}()
	}
	var failed error
	for range workers {
		failed = errors.Join(failed, <-errs)
	}
	if failed != nil {
		t.Fatal(failed)
	}
	broken, err := brokenRules(ctx, w)
	if err != nil || len(broken) > 0 {
		t.Errorf("%v, %v", broken, err)
	}
	pairs := 0
	added.Range(func(any, any) bool { pairs++; return true })
	if stored := scalar[int](t, w, "SELECT count(*) FROM customer_phones"); stored != pairs {
		t.Errorf("%d pairs are stored, %d were added", stored, pairs)
	}
	if created := scalar[int](t, w, "SELECT count(*) FROM audit_trail WHERE action = 'phone.added'"); created != pairs {
		t.Errorf("%d additions were audited, %d were made", created, pairs)
	}
}

// The same number given to the same customer by many at once is created once, and every source is kept.
func TestSamePairAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	const rounds, many = 20, 5
	for round := range rounds {
		results := make(chan bool, many)
		errs := make(chan error, many)
		customer := fmt.Sprint("c", round)
		for i := range many {
			go func() {
				added, err := w.AddPhone(ctx, addition(customer, phoneA, sourceNames()[i]))
				results <- added.Created
				errs <- err
			}()
		}
		created := 0
		for range many {
			if <-results {
				created++
			}
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if created != 1 {
			t.Fatalf("it was created %d times", created)
		}
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM customer_phones WHERE cardinality(source_ids) = 5"); n != rounds {
		t.Errorf("%d of %d kept all sources", n, rounds)
	}
}

// The same new number given to many customers at once is registered once.
func TestSameNumberForManyCustomersAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	const rounds, many = 20, 6
	for round := range rounds {
		n := phoneA + registry.Number(round)
		times := make(chan time.Time, many)
		errs := make(chan error, many)
		for i := range many {
			go func() {
				w.clock.Add(time.Second)
				added, err := w.AddPhone(ctx, addition(fmt.Sprint("c", round, "-", i), n, "web_forms"))
				times <- added.Phone.CreatedAt
				errs <- err
			}()
		}
		var seen []time.Time
		for range many {
			seen = append(seen, <-times)
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if slices.ContainsFunc(seen, func(at time.Time) bool { return !at.Equal(seen[0]) }) {
			t.Fatalf("the callers saw the number registered at %v", seen)
		}
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM phones"); n != rounds {
		t.Errorf("%d numbers are registered, want %d", n, rounds)
	}
}

func TestCancelledCallerChangesNothing(t *testing.T) {
	w := newWorld(t)
	blocker, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blocker.Exec(t.Context(), "INSERT INTO customers VALUES ('c1', now(), now())"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(acting(t))
	done := make(chan error)
	go func() {
		_, err := w.AddPhone(ctx, addition("c1", phoneA, "web_forms"))
		done <- err
	}()
	waiting := testkit.Context(t)
	for scalar[int](t, w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
		if waiting.Err() != nil {
			t.Fatal("nobody waits for the customer")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM customers"); n != 0 {
		t.Error("the cancelled transaction was committed")
	}
}
