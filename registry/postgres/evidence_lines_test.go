package postgres_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// lookup lets a worker look up all lines, with the same answer for each.
func (w *world) lookup(t testing.TB, status registry.Status, details string, change ...func(*registry.Check)) {
	t.Helper()
	w.clock.Add(time.Minute)
	w.createJob(t, jobSpec(everything(), scoring.Line))
	for _, chunk := range w.claim(t, 100, 100) {
		r := w.answer(chunk, status)
		for i := range r.Checks {
			r.Checks[i].Details = []byte(details)
			for _, c := range change {
				c(&r.Checks[i])
			}
		}
		w.apply(t, r)
	}
}

// line is what is shown of the line of a number.
func (w *world) line(t testing.TB, n registry.Number) string {
	t.Helper()
	p, err := w.Phone(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	service := "?"
	if p.LineInService != nil {
		service = fmt.Sprint(*p.LineInService)
	}
	return fmt.Sprint(p.LineType, " ", p.LineTypeSource(), " ", service)
}

// TestLookups: what a lookup tells goes before what the plan tells, for as long as it holds and until another one tells
// otherwise.
func TestLookups(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 2)
	simulated := func(c *registry.Check) { c.Simulated = true }
	for _, step := range []struct {
		name    string
		status  registry.Status
		details string
		change  []func(*registry.Check)
		want    string
	}{
		{"made up", scoring.Active, `{"lineType": "VOIP"}`, []func(*registry.Check){simulated}, "MOBILE PLAN ?"},
		{"the first", scoring.Active, `{"lineType": "VOIP", "lineStatus": "active", "carrier": "X"}`, nil, "VOIP LOOKUP true"},
		{"a failure unmakes nothing", scoring.Failed, `{}`, nil, "VOIP LOOKUP true"},
		{"nor does what tells nothing", scoring.Unknown, `{}`, nil, "VOIP LOOKUP true"},
		{"out of service", scoring.Inactive, `{"lineType": "FIXED_LINE", "lineStatus": "inactive"}`, nil, "FIXED_LINE LOOKUP false"},
		{"out of reach", scoring.Inactive, `{"lineType": "FIXED_LINE", "lineStatus": "unreachable"}`, nil, "FIXED_LINE LOOKUP ?"},
		{"type not known", scoring.Active, `{"lineType": "UNKNOWN"}`, nil, "MOBILE PLAN true"},
		{"a type of a later version", scoring.Active, `{"lineType": "SATELLITE"}`, nil, "MOBILE PLAN true"},
		{"details of another shape", scoring.Active, `[{"lineType": 1}]`, nil, "MOBILE PLAN true"},
		{"no such number", scoring.NotFound, `{}`, nil, "MOBILE PLAN false"},
		{"found again", scoring.Active, `{"lineType": "PAGER"}`, nil, "PAGER LOOKUP true"},
	} {
		before := w.line(t, firstNumber)
		w.lookup(t, step.status, step.details, step.change...)
		if got := w.line(t, firstNumber); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
		p, err := w.Phone(t.Context(), firstNumber)
		if moved := p.UpdatedAt.Equal(w.clock.Now().Truncate(time.Microsecond)); err != nil || (before != step.want && !moved) {
			t.Errorf("%s: updated at %s, %v", step.name, p.UpdatedAt, err)
		}
	}
	w.exec(t, "UPDATE phones SET lookup_until = '2000-01-01' WHERE lookup_at IS NOT NULL")
	if got := w.line(t, firstNumber); got != "MOBILE PLAN ?" {
		t.Errorf("%s after the lookup has run out", got)
	}
	if n, err := only(w.CountScoreHistory(t.Context(), []registry.Number{firstNumber})); n != 0 || err != nil {
		t.Errorf("%d scores, %v: a line counts in none", n, err)
	}
}

// TestLookupsStayWhenNumbersAreDescribedAnew: the plan writes its own word, and it shows when the lookup has run out.
func TestLookupsStayWhenNumbersAreDescribedAnew(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 1)
	w.lookup(t, scoring.Active, `{"lineType": "VOIP"}`)
	anew := addition("c1", firstNumber, "crm_salesforce")
	anew.Phone.PlanVersion, anew.Phone.LineType = "p9", numbering.FixedLine
	added, err := w.AddPhone(acting(t), anew)
	if err != nil {
		t.Fatal(err)
	}
	if added.Phone.LineType != numbering.VoIP || added.Phone.PlanVersion != "p9" || w.line(t, firstNumber) != "VOIP LOOKUP true" {
		t.Errorf("added %+v, shown %s", added.Phone, w.line(t, firstNumber))
	}
	w.exec(t, "UPDATE phones SET lookup_until = '2000-01-01' WHERE lookup_at IS NOT NULL")
	if got := w.line(t, firstNumber); got != "FIXED_LINE PLAN ?" {
		t.Errorf("%s after the lookup has run out", got)
	}
}

// TestFiltersAndStatsFollowLookups: a number is found, and counted, by the line type that is shown.
func TestFiltersAndStatsFollowLookups(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 4)
	w.exec(t, `UPDATE phones SET lookup_at = now(), lookup_line_type = 'VOIP',
		lookup_until = CASE number - $1 WHEN 0 THEN NULL WHEN 1 THEN now() + interval '1 hour' ELSE now() - interval '1 hour' END
		WHERE number < $1::bigint + 3`, int64(firstNumber))
	for _, c := range []struct {
		types []registry.LineType
		want  []registry.Number
	}{
		{[]registry.LineType{numbering.VoIP}, []registry.Number{firstNumber, firstNumber + 1}},
		{[]registry.LineType{numbering.Mobile}, []registry.Number{firstNumber + 2, firstNumber + 3}},
		{[]registry.LineType{numbering.Mobile, numbering.VoIP}, []registry.Number{firstNumber, firstNumber + 1, firstNumber + 2, firstNumber + 3}},
		{[]registry.LineType{numbering.Pager}, nil},
	} {
		f := registry.PhoneFilter{LineTypes: c.types}
		page, err := w.Phones(t.Context(), f, registry.PhoneOrder{Field: registry.OrderByNumber}, registry.PageRequest{First: 10})
		if err != nil {
			t.Fatal(err)
		}
		var got []registry.Number
		for _, p := range page.Items {
			got = append(got, p.Number)
			if !slices.Contains(c.types, p.LineType) {
				t.Errorf("%v finds a %s", c.types, p.LineType)
			}
		}
		count, err := w.CountPhones(t.Context(), f)
		if !slices.Equal(got, c.want) || count != int64(len(c.want)) || err != nil {
			t.Errorf("%v finds %v, counts %d, %v; want %v", c.types, got, count, err, c.want)
		}
	}
	stats, err := w.Stats(t.Context())
	if err != nil || fmt.Sprint(stats.Lines) != "[{CO MOBILE 2} {CO VOIP 2}]" {
		t.Errorf("stats %v, %v", stats.Lines, err)
	}
}

// TestConfidenceFollowsLookups: as shown, in the order of lists too; and what is kept stays that of the sources.
func TestConfidenceFollowsLookups(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		if _, err := w.AddPhone(acting(t), addition("c1", firstNumber+registry.Number(i), "web_forms")); err != nil {
			t.Fatal(err)
		}
	}
	base := scalar[float64](t, w, "SELECT max(confidence) FROM customer_phones")
	w.exec(t, "UPDATE phones SET lookup_at = now(), lookup_in_service = number <> $1 WHERE number <= $1::bigint + 1", int64(firstNumber))
	w.exec(t, "UPDATE customer_phones SET is_primary = false")
	of, err := w.CustomerPhones(t.Context(), []string{"c1"}, registry.ContactFields{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[registry.Number]float64{firstNumber: base / 2, firstNumber + 1: 1 - (1-base)*0.9, firstNumber + 2: base}
	var order []registry.Number
	for _, c := range of["c1"] {
		order = append(order, c.Number-firstNumber)
		if math.Abs(c.Confidence-want[c.Number]) > 1e-9 {
			t.Errorf("number %d: confidence %g, want %g", c.Number-firstNumber, c.Confidence, want[c.Number])
		}
	}
	if !slices.Equal(order, []registry.Number{1, 2, 0}) {
		t.Errorf("order %v", order)
	}
	holders, err := w.PhoneHolders(t.Context(), []registry.Number{firstNumber}, registry.PageRequest{First: 5})
	if err != nil || math.Abs(holders[firstNumber].Items[0].Confidence-base/2) > 1e-9 {
		t.Errorf("holders %+v, %v", holders[firstNumber], err)
	}
	again, err := w.AddPhone(acting(t), addition("c1", firstNumber, "crm_salesforce"))
	if err != nil {
		t.Fatal(err)
	}
	kept := scalar[float64](t, w, "SELECT confidence FROM customer_phones WHERE number = $1", int64(firstNumber))
	if kept <= base || math.Abs(again.CustomerPhone.Confidence-kept/2) > 1e-9 {
		t.Errorf("given again: kept %g, shown %g", kept, again.CustomerPhone.Confidence)
	}
	verified, err := w.VerifyPhone(acting(t), "c1", firstNumber, "call")
	if err != nil || math.Abs(verified.Confidence-0.495) > 1e-9 {
		t.Errorf("verified, out of service: %g, %v", verified.Confidence, err)
	}
	w.exec(t, "UPDATE phones SET lookup_until = '2000-01-01' WHERE lookup_at IS NOT NULL")
	of, err = w.CustomerPhones(t.Context(), []string{"c1", "nobody"}, registry.ContactFields{})
	if err != nil || math.Abs(of["c1"][0].Confidence-0.99) > 1e-9 || math.Abs(of["c1"][1].Confidence-base) > 1e-9 {
		t.Errorf("after the lookups have run out: %+v, %v", of, err)
	}
}

// TestLookupsRunOut: a number changes when what a lookup told of its line does not hold any more, once.
func TestLookupsRunOut(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		if _, err := w.AddPhone(acting(t), addition("c1", firstNumber+registry.Number(i), "web_forms")); err != nil {
			t.Fatal(err)
		}
	}
	at := w.clock.Now()
	w.exec(t, "UPDATE phones SET lookup_at = $1, lookup_in_service = true, lookup_line_type = 'VOIP', lookup_until = CASE number WHEN $2 THEN NULL ELSE $1::timestamptz + (number - $2) * interval '1 hour' END",
		at, int64(firstNumber))
	for _, c := range []struct {
		after   time.Duration
		expired int
	}{{30 * time.Minute, 0}, {time.Hour, 1}, {time.Minute, 0}, {time.Hour, 1}, {1000 * time.Hour, 0}} {
		w.clock.Add(c.after)
		if n, err := w.ExpireLookups(t.Context(), 10); n != c.expired || err != nil {
			t.Fatalf("after %s more: %d, %v; want %d", c.after, n, err, c.expired)
		}
	}
	phones, err := w.PhonesByNumber(t.Context(), []registry.Number{firstNumber, firstNumber + 1, firstNumber + 2})
	if err != nil {
		t.Fatal(err)
	}
	kept, first, second := phones[firstNumber], phones[firstNumber+1], phones[firstNumber+2]
	if !kept.LineLookedUp || kept.UpdatedAt.After(at) {
		t.Errorf("one that does not run out: %+v", kept)
	}
	if first.LineLookedUp || first.LineInService != nil || !first.UpdatedAt.After(at) || !second.UpdatedAt.After(first.UpdatedAt) {
		t.Errorf("those that ran out: %+v, %+v", first, second)
	}
	if left := scalar[int](t, w, "SELECT count(*) FROM phones WHERE lookup_at IS NOT NULL"); left != 1 {
		t.Errorf("%d lookups left", left)
	}
}
