package postgres_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// known is a number of the sample with all that filters ask about.
type known struct {
	registry.Phone
	tie       int64 // where it stands among those with the same score
	score     *registry.LeadScore
	customers []string
	sources   []string // that gave it, to whomever
	verified  bool
	active    []registry.Platform
}

func (k known) total() int {
	if k.score == nil {
		return 0
	}
	return k.score.Total
}

// sample fills a registry with numbers of all lengths and kinds.
func sample(t testing.TB, w *world) []known {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	numbers := map[registry.Number]bool{}
	for _, prefix := range []int64{57300, 573, 5255, 1212, 9} {
		for low, high := prefix, prefix+1; low < 1e15; low, high = low*10, high*10 {
			for range 6 {
				if n := registry.Number(low + random.Int64N(high-low)); n >= 1e6 && n < 1e15 {
					numbers[n] = true
				}
			}
		}
	}
	var all []known
	for n := range numbers {
		all = append(all, someKnown(w, random, n))
	}
	slices.SortFunc(all, func(a, b known) int { return cmp.Compare(a.Number, b.Number) })
	store(t, w, all)
	for i := range all {
		all[i].tie = tieOf(t, w, all[i].Number)
	}
	return all
}

func tieOf(t testing.TB, w *world, n registry.Number) int64 {
	t.Helper()
	return scalar[int64](t, w, "SELECT phone_tie($1)", int64(n))
}

func someKnown(w *world, random *rand.Rand, n registry.Number) known {
	now := w.clock.Now().Truncate(time.Microsecond)
	k := known{Phone: described(n)}
	k.Region = []string{"CO", "CO", "MX", "US", "ZZ"}[random.IntN(5)]
	k.LineType = []registry.LineType{numbering.Mobile, numbering.FixedLine, numbering.TollFree}[random.IntN(3)]
	k.Valid = random.IntN(10) > 0
	k.CreatedAt = now.Add(-time.Duration(random.IntN(20)) * time.Hour) // many at the same moment
	k.UpdatedAt = k.CreatedAt.Add(time.Duration(random.IntN(3)) * time.Hour)
	if random.IntN(3) > 0 {
		k.score = someScore(random, n, now)
	}
	for range random.IntN(3) {
		k.customers = append(k.customers, fmt.Sprint("c", random.IntN(40)))
		k.sources = append(k.sources, sourceNames()[random.IntN(5)])
		k.verified = random.IntN(4) == 0
	}
	slices.Sort(k.customers)
	k.customers = slices.Compact(k.customers)
	k.sources = k.sources[:len(k.customers)]
	k.verified = k.verified && len(k.customers) > 0
	for _, p := range scoring.Platforms() {
		if random.IntN(3) == 0 {
			k.active = append(k.active, p)
		}
	}
	return k
}

func someScore(random *rand.Rand, n registry.Number, now time.Time) *registry.LeadScore {
	total := 10 * random.IntN(11)
	tiers := []registry.Tier{scoring.TierPoor, scoring.TierLow, scoring.TierMedium, scoring.TierHigh, scoring.TierPremium, scoring.TierPremium}
	s := &registry.LeadScore{
		Number: n, Total: total, Coverage: float64(1+random.IntN(5)) / 5, Tier: tiers[total/20],
		Points: map[registry.Platform]float64{scoring.Apple: 13.7}, ModelVersion: "1",
		UpdatedAt: now.Add(-time.Duration(random.IntN(1000)) * time.Minute),
	}
	if total == 0 && random.IntN(2) == 0 {
		s.Tier, s.Coverage = scoring.TierUnknown, 0
	}
	return s
}

func store(t testing.TB, w *world, all []known) {
	t.Helper()
	batch := &pgx.Batch{}
	now := w.clock.Now()
	for i := range 40 {
		batch.Queue("INSERT INTO customers VALUES ($1, $2, $2)", fmt.Sprint("c", i), now)
	}
	primary := map[string]bool{}
	for _, k := range all {
		batch.Queue("INSERT INTO phones VALUES ($1, $2, $3::text::line_type, $4, $5, $6, $7, $8, $9, $10)", k.Number, k.Region, string(k.LineType),
			k.Valid, k.OriginalCarrier, k.Location, k.TimeZones, k.PlanVersion, k.CreatedAt, k.UpdatedAt)
		for i, customer := range k.customers {
			batch.Queue(`INSERT INTO customer_phones (customer_id, number, is_primary, is_verified, verification_method, verified_at,
					confidence, source_id, source_ids, first_seen_at, last_seen_at)
				SELECT $1, $2, $3, $4, CASE WHEN $4 THEN 'call' END, CASE WHEN $4 THEN $5::timestamptz END, 0.5, id, ARRAY[id], $5, $5
				FROM sources WHERE name = $6`, customer, k.Number, !primary[customer], k.verified && i == 0, now, k.sources[i])
			primary[customer] = true
		}
		if s := k.score; s != nil {
			batch.Queue(`INSERT INTO lead_scores (number, total, coverage, tier, apple, simulated, model_version, updated_at)
				VALUES ($1, $2, $3, $4::text::quality_tier, 13.7, false, '1', $5)`, k.Number, s.Total, s.Coverage, string(s.Tier), s.UpdatedAt)
		}
		for i, p := range scoring.Platforms() {
			status, expires := "INACTIVE", any(nil)
			switch {
			case slices.Contains(k.active, p):
				status = "ACTIVE"
				if i%2 == 0 {
					expires = now.Add(time.Minute)
				}
			case i == 2:
				status, expires = "ACTIVE", now.Add(-time.Minute) // has run out
			}
			batch.Queue("INSERT INTO platform_validations VALUES ($1, $2::text::platform, $3::text::validation_status, 'm', 1, false, 1, 5, $4, $5)",
				k.Number, string(p), status, now.Add(-time.Hour), expires)
		}
	}
	if err := w.pool.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatal(err)
	}
}

// matches says what PhoneFilter means.
func matches(f registry.PhoneFilter, k known) bool {
	overlap := func(wanted, have []string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(wanted, func(v string) bool { return slices.Contains(have, v) })
	}
	for _, p := range f.Platforms {
		if !slices.Contains(k.active, p) {
			return false
		}
	}
	return (len(f.Regions) == 0 || slices.Contains(f.Regions, k.Region)) &&
		(len(f.LineTypes) == 0 || slices.Contains(f.LineTypes, k.LineType)) &&
		overlap(f.CustomerIDs, k.customers) && overlap(f.Sources, k.sources) &&
		(f.IsVerified == nil || *f.IsVerified == k.verified) &&
		(f.IsValid == nil || *f.IsValid == k.Valid) &&
		strings.HasPrefix(k.Number.String(), "+"+f.NumberPrefix) &&
		(f.MinScore == nil || (k.score != nil && k.score.Total >= *f.MinScore)) &&
		(len(f.Tiers) == 0 || (k.score != nil && slices.Contains(f.Tiers, k.score.Tier)))
}

// ordered says what PhoneOrder means.
func ordered(f registry.PhoneFilter, o registry.PhoneOrder, all []known) {
	scored := f.MinScore != nil || len(f.Tiers) > 0 // all of them have a score
	slices.SortFunc(all, func(a, b known) int {
		c := 0
		number := cmp.Compare(a.Number, b.Number)
		switch o.Field {
		case registry.OrderByCreatedAt:
			c, number = a.CreatedAt.Compare(b.CreatedAt), cmp.Or(cmp.Compare(a.tie, b.tie), number)
		case registry.OrderByUpdatedAt:
			c, number = a.UpdatedAt.Compare(b.UpdatedAt), cmp.Or(cmp.Compare(a.tie, b.tie), number)
		case registry.OrderByScore:
			c, number = cmp.Compare(a.total(), b.total()), -number // best first, or the reverse of that
			if scored || a.total() > 0 {
				number = cmp.Or(-cmp.Compare(a.tie, b.tie), number)
			}
		}
		if c == 0 {
			c = number
		}
		if o.Descending {
			c = -c
		}
		return c
	})
}

func drawFilter(t *rapid.T) registry.PhoneFilter {
	some := func(name string, of ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, 2, rapid.ID[string]).Draw(t, name)
	}
	truth := func(name string) *bool {
		if rapid.IntRange(0, 3).Draw(t, name+" asked") > 0 {
			return nil
		}
		v := rapid.Bool().Draw(t, name)
		return &v
	}
	f := registry.PhoneFilter{IsVerified: truth("verified"), IsValid: truth("valid")}
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		f.Regions = some("regions", "CO", "MX", "ES")
	case 1:
		for _, v := range some("line types", "MOBILE", "TOLL_FREE", "PAGER") {
			f.LineTypes = append(f.LineTypes, registry.LineType(v))
		}
	case 2:
		f.CustomerIDs = some("customers", "c1", "c2", "c3", "nobody")
	case 3:
		f.Sources = some("sources", "web_forms", "call_center", "no_such")
	case 4, 5, 6:
		f.NumberPrefix = rapid.SampledFrom([]string{"5", "57", "573", "57300", "573001", "5255", "1", "99", "8", "573001234567890"}).Draw(t, "prefix")
	case 7:
		v := rapid.IntRange(0, 100).Draw(t, "min score")
		f.MinScore = &v
	case 8:
		for _, v := range some("tiers", "PREMIUM", "LOW", "UNKNOWN") {
			f.Tiers = append(f.Tiers, registry.Tier(v))
		}
	case 9:
		for _, v := range some("platforms", "WHATSAPP", "FACEBOOK", "APPLE") {
			f.Platforms = append(f.Platforms, registry.Platform(v))
		}
	}
	if rapid.Bool().Draw(t, "two conditions") {
		f.Regions = []string{"CO", "US"}
	}
	return f
}

// pages reads a list page by page to its end.
func pages[T any](ctx context.Context, first int, read func(context.Context, registry.PageRequest) (registry.Page[T], error)) ([]T, error) {
	var all []T
	p := registry.PageRequest{First: first}
	for {
		page, err := read(ctx, p)
		if err != nil {
			return nil, err
		}
		if len(page.Items) != len(page.Positions) || len(page.Items) > first || (page.HasMore && len(page.Items) < first) {
			return nil, fmt.Errorf("a page of %d has %d items, %d positions, more %t", first, len(page.Items), len(page.Positions), page.HasMore)
		}
		all = append(all, page.Items...)
		if !page.HasMore {
			return all, nil
		}
		p.After = &page.Positions[len(page.Positions)-1]
	}
}

// For any filter, order and page size, the pages together are what the filter means, in the order that was asked for.
func TestPhonesListsWhatTheFilterMeans(t *testing.T) {
	w := newWorld(t)
	all := sample(t, w)
	w.exec(t, "ANALYZE")
	rapid.Check(t, func(rt *rapid.T) {
		f := drawFilter(rt)
		o := registry.PhoneOrder{
			Field:      rapid.SampledFrom([]registry.PhoneOrderField{registry.OrderByNumber, registry.OrderByCreatedAt, registry.OrderByUpdatedAt, registry.OrderByScore}).Draw(rt, "order"),
			Descending: rapid.Bool().Draw(rt, "descending"),
		}
		first := rapid.SampledFrom([]int{1, 7, 50, 500}).Draw(rt, "first")
		want := []registry.Phone(nil)
		expected := slices.DeleteFunc(slices.Clone(all), func(k known) bool { return !matches(f, k) })
		ordered(f, o, expected)
		if first == 1 && len(expected) > 60 {
			first = 13 // the same, sooner
		}
		for _, k := range expected {
			want = append(want, k.Phone)
		}
		got, err := pages(t.Context(), first, func(ctx context.Context, p registry.PageRequest) (registry.Page[registry.Phone], error) {
			return w.Phones(ctx, f, o, p)
		})
		if err != nil {
			rt.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			rt.Fatalf("want %d, got %d:\n%s", len(want), len(got), diff)
		}
		if n, err := w.CountPhones(t.Context(), f); err != nil || n != int64(len(want)) {
			rt.Fatalf("counted %d, %v; want %d", n, err, len(want))
		}
	})
}

// For any filter and page size, leads are what the filter means, best first, and the latest is the latest of them.
func TestLeadsListsWhatTheFilterMeans(t *testing.T) {
	w := newWorld(t)
	all := sample(t, w)
	ties := map[registry.Number]int64{}
	for _, k := range all {
		ties[k.Number] = k.tie
	}
	rapid.Check(t, func(rt *rapid.T) {
		asked := drawFilter(rt)
		f := registry.LeadFilter{Regions: asked.Regions, Tiers: asked.Tiers, MinScore: asked.MinScore}
		if rapid.Bool().Draw(rt, "coverage asked") {
			v := float64(rapid.IntRange(0, 5).Draw(rt, "coverage")) / 5
			f.MinCoverage = &v
		}
		if rapid.IntRange(0, 3).Draw(rt, "numbers asked") == 0 {
			for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(all)-1), 1, 20).Draw(rt, "numbers") {
				f.Numbers = append(f.Numbers, all[i].Number)
			}
			slices.Sort(f.Numbers) // as in a filter that was checked
		}
		var want []registry.LeadScore
		for _, k := range all {
			if k.score != nil && f.Matches(*k.score, k.Phone) {
				want = append(want, *k.score)
			}
		}
		slices.SortFunc(want, func(a, b registry.LeadScore) int {
			return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(ties[a.Number], ties[b.Number]), cmp.Compare(a.Number, b.Number))
		})
		got, err := pages(t.Context(), rapid.SampledFrom([]int{7, 50, 500}).Draw(rt, "first"), func(ctx context.Context, p registry.PageRequest) (registry.Page[registry.LeadScore], error) {
			return w.Leads(ctx, f, p)
		})
		if err != nil {
			rt.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			rt.Fatalf("want %d, got %d:\n%s", len(want), len(got), diff)
		}
		if n, err := w.CountLeads(t.Context(), f); err != nil || n != int64(len(want)) {
			rt.Fatalf("counted %d, %v; want %d", n, err, len(want))
		}
		latest, err := w.LatestLead(t.Context(), f)
		if len(want) == 0 {
			if err != registry.ErrNotFound { //nolint:errorlint // the contract of stores
				rt.Fatalf("latest of none: %v", err)
			}
			return
		}
		newest := slices.MinFunc(want, func(a, b registry.LeadScore) int {
			return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(ties[a.Number], ties[b.Number]), cmp.Compare(a.Number, b.Number))
		})
		if diff := gocmp.Diff(newest, latest); err != nil || diff != "" {
			rt.Fatalf("latest, %v:\n%s", err, diff)
		}
	})
}

// only returns what a map of one owner holds; the zero value when it is empty.
func only[K comparable, V any](of map[K]V, err error) (V, error) {
	var v V
	for _, v = range of {
	}
	return v, err
}

func TestHoldersHistoryAndEvidence(t *testing.T) {
	w := newWorld(t)
	all := sample(t, w)
	ctx := t.Context()
	var numbers []registry.Number
	for _, k := range all[:40] {
		numbers = append(numbers, k.Number)
	}
	holders, err := w.PhoneHolders(ctx, numbers, registry.PageRequest{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all[:40] {
		page := holders[k.Number]
		if more := len(k.customers) > 1; page.HasMore != more {
			t.Errorf("%d customers hold the number, more than one: %t", len(k.customers), page.HasMore)
		}
		got, err := pages(ctx, 1, func(ctx context.Context, p registry.PageRequest) (registry.Page[registry.CustomerPhone], error) {
			byNumber, err := w.PhoneHolders(ctx, []registry.Number{k.Number}, p)
			return byNumber[k.Number], err
		})
		var names []string
		for _, c := range got {
			names = append(names, c.CustomerID)
		}
		if diff := gocmp.Diff(k.customers, names); diff != "" || err != nil {
			t.Errorf("holders, %v:\n%s", err, diff)
		}
		if n, err := only(w.CountPhoneHolders(ctx, []registry.Number{k.Number})); err != nil || n != int64(len(k.customers)) {
			t.Errorf("counted %d holders of %d, %v", n, len(k.customers), err)
		}
	}
	evidence, err := w.Validations(ctx, numbers)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		var platforms []registry.Platform
		for _, v := range evidence[n] {
			platforms = append(platforms, v.Platform)
		}
		if diff := gocmp.Diff(scoring.Platforms(), platforms); diff != "" {
			t.Fatal(diff)
		}
	}
	phones, err := w.PhonesByNumber(ctx, append(numbers, 1999999))
	if err != nil || len(phones) != len(numbers) {
		t.Errorf("%d phones of %d, %v", len(phones), len(numbers), err)
	}
	if _, err := w.Phone(ctx, 1999999); err != registry.ErrNotFound { //nolint:errorlint // the contract of stores
		t.Errorf("a number that is not there: %v", err)
	}
}

func TestScoreHistory(t *testing.T) {
	w := newWorld(t)
	k := sample(t, w)[0]
	begun := w.clock.Now().Truncate(time.Microsecond)
	var want []registry.ScoreRecord
	for i := range 12 {
		r := registry.ScoreRecord{Total: i, Coverage: 0.7, Tier: scoring.TierPoor, ModelVersion: "1", RecordedAt: begun.Add(time.Duration(i) * time.Microsecond)}
		w.exec(t, "INSERT INTO lead_score_history (number, recorded_at, total, coverage, tier, model_version) VALUES ($1, $2, $3, 0.7, 'POOR', '1')", k.Number, r.RecordedAt, i)
		want = append(want, r)
	}
	slices.Reverse(want)
	got, err := pages(t.Context(), 5, func(ctx context.Context, p registry.PageRequest) (registry.Page[registry.ScoreRecord], error) {
		return only(w.ScoreHistory(ctx, []registry.Number{k.Number}, p))
	})
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v:\n%s", err, diff)
	}
	if n, err := only(w.CountScoreHistory(t.Context(), []registry.Number{k.Number})); err != nil || n != 12 {
		t.Errorf("counted %d, %v", n, err)
	}
}

func TestStats(t *testing.T) {
	w := newWorld(t)
	all := sample(t, w)
	want := registry.Stats{AsOf: w.clock.Now().Truncate(time.Microsecond), Tiers: map[registry.Tier]int64{}}
	lines, customers := map[registry.LineCount]int64{}, map[string]bool{}
	for _, k := range all {
		lines[registry.LineCount{Region: k.Region, LineType: k.LineType}]++
		for _, c := range k.customers {
			customers[c] = true
		}
		if k.score != nil {
			want.Tiers[k.score.Tier]++
		}
	}
	want.Customers = int64(len(customers))
	for line, n := range lines {
		line.Count = n
		want.Lines = append(want.Lines, line)
	}
	got, err := w.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(got.Lines, func(a, b registry.LineCount) int { return cmp.Compare(b.Count, a.Count) }) {
		t.Error("lines are not sorted, largest first")
	}
	byName := func(a, b registry.LineCount) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.LineType, b.LineType))
	}
	slices.SortFunc(want.Lines, byName)
	slices.SortFunc(got.Lines, byName)
	if diff := gocmp.Diff(want, got); diff != "" || got.Phones() != int64(len(all)) {
		t.Errorf("%d phones:\n%s", got.Phones(), diff)
	}
}
