package importer_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/numbering"
)

// held is a row of customer_phones in short.
const heldQuery = `SELECT concat_ws(' ', customer_id, number, CASE WHEN is_primary THEN '*' END, name, extension, confidence, source_ids)
	FROM customer_phones JOIN sources s ON s.id = source_id ORDER BY customer_id, number`

func TestImportTwice(t *testing.T) {
	f := newFixture(t, batches(100))
	path := sampleFile(t, 500, 3)
	o := importer.Options{Source: "web_forms"}
	first, already, err := f.ImportFile(t.Context(), path, o, nil)
	if err != nil || already {
		t.Fatalf("first: already imported %t, %v", already, err)
	}
	before, trail := f.contents(t), f.strings(t, `SELECT a::text FROM audit_trail a ORDER BY id`)
	again, already, err := f.ImportFile(t.Context(), path, o, nil)
	if err != nil || !already || again.ID != first.ID {
		t.Errorf("again: import %s, already imported %t, %v; want %s", again.ID, already, err, first.ID)
	}
	if diff := cmp.Diff(before, f.contents(t)); diff != "" {
		t.Errorf("importing twice changed something: %s", diff)
	}
	if diff := cmp.Diff(trail, f.strings(t, `SELECT a::text FROM audit_trail a ORDER BY id`)); diff != "" {
		t.Errorf("importing twice left a trail: %s", diff)
	}
	// The same rows with another source or other options are another import, which finds everything known.
	other, already, err := f.ImportFile(t.Context(), path, importer.Options{Source: "web_forms", Area: "601", MaxPhones: 7}, nil)
	if err != nil || already {
		t.Fatalf("with another area: already imported %t, %v", already, err)
	}
	if other.NumbersAccepted < first.NumbersAccepted || other.RowsRead != first.RowsRead || other.ContactsMerged < first.ContactsCreated {
		t.Errorf("with another area: %+v after %+v", sumsOf(other), sumsOf(first))
	}
}

// What another import adds follows source priority, whichever comes first.
func TestPriorities(t *testing.T) {
	low, high := "id,tel\nA,3001234567 ext 1\nB,3001234568\n", "id,tel\nA,3001234567 ext 2\nA,3019876543\n"
	want := []string{
		fmt.Sprintf("A 573001234567 * crm_salesforce 2 %v {1,5}", registry.Confidence(5, 2, false)),
		fmt.Sprintf("A 573019876543 crm_salesforce %v {1}", registry.Confidence(5, 1, false)),
		fmt.Sprintf("B 573001234568 * manual_upload %v {5}", registry.Confidence(1, 1, false)),
	}
	for _, order := range [][]string{{low, high}, {high, low}} {
		f := newFixture(t)
		for _, text := range order {
			source := "manual_upload"
			if text == high {
				source = "crm_salesforce"
			}
			f.importText(t, text, importer.Options{Source: source, Region: "CO"})
		}
		if diff := cmp.Diff(want, f.strings(t, heldQuery)); diff != "" {
			t.Errorf("beginning with %q: %s", order[0], diff)
		}
	}
}

func TestTooManyPhones(t *testing.T) {
	f := newFixture(t)
	b := f.importText(t, "id,tel,cel\nA,3001234561,3001234562\nA,3001234563,3001234564\nA,3001234565 3001234566,3001234561\nA,3001234567,\n",
		importer.Options{Source: "web_forms", Region: "CO", MaxPhones: 3})
	want := sums{Read: 4, Accepted: 3, Rejected: 1, Numbers: 4, Phones: 3, Contacts: 3, Merged: 1, Rejections: map[string]int64{"TOO_MANY_PHONES": 4}}
	if diff := cmp.Diff(want, sumsOf(b)); diff != "" {
		t.Error(diff)
	}
	var rows []string
	for _, e := range f.quarantine(t, b.ID) {
		rows = append(rows, fmt.Sprintf("%d %d %s %s", e.Row, e.Piece, e.Reason, e.Raw))
	}
	if diff := cmp.Diff([]string{
		"2 0 TOO_MANY_PHONES A,3001234563,3001234564", "3 0 TOO_MANY_PHONES A,3001234565 3001234566,3001234561",
		"3 1 TOO_MANY_PHONES A,3001234565 3001234566,3001234561", "4 0 TOO_MANY_PHONES A,3001234567,",
	}, rows); diff != "" {
		t.Error(diff)
	}
	if known := f.strings(t, `SELECT number::text FROM phones ORDER BY number`); len(known) != 3 {
		t.Errorf("numbers that were not accepted are registered: %v", known)
	}
}

// step is a contact that a source gives, or a verification.
type step struct {
	source, customer, number, extension string
	primary, verify                     bool
}

// contacts makes steps at random.
func contacts() *rapid.Generator[[]step] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			source:    rapid.SampledFrom([]string{"crm_salesforce", "crm_salesforce", "web_forms", "manual_upload"}).Draw(t, "source"),
			customer:  rapid.SampledFrom([]string{"A", "B"}).Draw(t, "customer"),
			number:    fmt.Sprintf("300123456%d", rapid.IntRange(0, 5).Draw(t, "number")),
			extension: rapid.SampledFrom([]string{"", "", "1", "2"}).Draw(t, "extension"),
			primary:   rapid.IntRange(0, 4).Draw(t, "primary") == 0,
			verify:    rapid.IntRange(0, 9).Draw(t, "verify") == 0,
		}
	}), 20, 30)
}

// Importing rows is the same as adding their numbers one by one: the set-based merge follows the rules of AddPhone,
// however the rows are cut into files and transactions. The database makes this slow, so there are a few long examples.
func TestImportIsAddPhoneManyTimes(t *testing.T) {
	byHand, byFile := newFixture(t), newFixture(t)
	for seed := range 8 {
		all := contacts().Example(seed)
		byHand.clear(t)
		byFile.clear(t)
		rejected := byHand.add(t, all)
		if got := byFile.importSteps(t, all, 1+seed); got != rejected {
			t.Errorf("example %d: importing refused %d numbers, adding %d", seed, got, rejected)
		}
		for _, query := range []string{heldQuery, `SELECT (customer_id, number, first_seen_at, last_seen_at, is_verified)::text FROM customer_phones ORDER BY 1`,
			`SELECT (number, region, line_type, valid, timezones, plan_version, created_at)::text FROM phones ORDER BY 1`, `SELECT c::text FROM customers c ORDER BY 1`} {
			if diff := cmp.Diff(byHand.strings(t, query), byFile.strings(t, query)); diff != "" {
				t.Errorf("example %d: adding (-) and importing (+) differ: %s", seed, diff)
			}
		}
	}
}

func (f *fixture) clear(t *testing.T) {
	t.Helper()
	for _, table := range []string{"customers", "phones", "import_batches", "source_records"} {
		if _, err := f.pool.Exec(t.Context(), "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
}

// add adds the numbers one by one and returns how many were refused.
func (f *fixture) add(t *testing.T, all []step) (refused int64) {
	t.Helper()
	n := numbers(t)
	for _, s := range all {
		read := n.Normalize(s.number, numbering.Options{Region: "CO"})
		_, err := f.store.AddPhone(t.Context(), registry.PhoneAddition{
			CustomerID: s.customer, Phone: registry.PhoneOf(read, n.PlanVersion()), Extension: s.extension, Source: s.source, MakePrimary: s.primary, MaxPhones: 4,
		})
		if e, ok := errors.AsType[*registry.Error](err); ok && e.Code == registry.CodeTooManyPhones {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
		f.verify(t, s)
	}
	return refused
}

func (f *fixture) verify(t *testing.T, s step) {
	t.Helper()
	if !s.verify {
		return
	}
	n, err := numbering.ParseE164("+57" + s.number)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.store.VerifyPhone(t.Context(), s.customer, n, "otp")
	if e, ok := errors.AsType[*registry.Error](err); err != nil && (!ok || e.Code != registry.CodeNotFound) {
		t.Fatal(err)
	}
}

// importSteps imports runs of steps with the same source as one file each, and returns how many numbers were refused.
func (f *fixture) importSteps(t *testing.T, all []step, run int) (refused int64) {
	t.Helper()
	for begin := 0; begin < len(all); {
		end := begin + 1
		for end < len(all) && all[end].source == all[begin].source && !all[end-1].verify {
			end++
		}
		text := strings.Builder{}
		text.WriteString("id,tel,ext,principal\n")
		for _, s := range all[begin:end] {
			fmt.Fprintf(&text, "%s,%s,%s,%t\n", s.customer, s.number, s.extension, s.primary)
		}
		fmt.Fprintf(&text, "none,,,%d\n", begin) // so that no two files are the same
		im := importer.New(importer.Config{Store: f.store, Numbers: numbers(t), Now: noon, BatchRows: run})
		o := importer.Options{Source: all[begin].source, Region: "CO", MaxPhones: 4}
		b, already, err := im.ImportFile(t.Context(), write(t, text.String()), o, nil)
		if err != nil || already || b.Status != registry.ImportCompleted {
			t.Fatalf("import: %s, already imported %t, %v", b.Status, already, err)
		}
		refused += b.Rejections["TOO_MANY_PHONES"]
		f.verify(t, all[end-1])
		begin = end
	}
	return refused
}

// Runs of rows of several imports at once meet at customers and numbers they share, and none of them is lost.
func TestImportsAtOnce(t *testing.T) {
	f := newFixture(t, batches(50))
	sources := []string{"crm_salesforce", "call_center", "web_forms", "mobile_app"}
	path := sampleFile(t, 400, 9)
	results := make(chan sums)
	for _, source := range sources {
		go func() {
			b, _, err := f.ImportFile(t.Context(), path, importer.Options{Source: source}, nil)
			if err != nil {
				t.Errorf("%s: %v", source, err)
			}
			results <- sumsOf(b)
		}()
	}
	var total sums
	for range sources {
		s := <-results
		total.Numbers += s.Numbers
		total.Contacts += s.Contacts
		total.Merged += s.Merged
		total.Phones += s.Phones
	}
	one := newFixture(t)
	alone, _, err := one.ImportFile(t.Context(), path, importer.Options{Source: sources[0]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Customers whose id is made from a row are others for each source.
	made, err := strconv.ParseInt(one.strings(t, `SELECT count(*)::text FROM customer_phones WHERE customer_id LIKE 'row%'`)[0], 10, 64)
	if err != nil || made == 0 {
		t.Fatalf("%d contacts of customers without id, %v", made, err)
	}
	n := int64(len(sources))
	contacts := alone.ContactsCreated + (n-1)*made
	want := sums{Numbers: n * alone.NumbersAccepted, Phones: alone.PhonesCreated, Contacts: contacts, Merged: n*alone.NumbersAccepted - contacts}
	if diff := cmp.Diff(want, total); diff != "" {
		t.Error(diff)
	}
	lists := slices.Sorted(maps.Keys(setOf(f.strings(t, `SELECT DISTINCT source_ids::text FROM customer_phones WHERE customer_id NOT LIKE 'row%'`))))
	if diff := cmp.Diff([]string{"{1,2,3,4}"}, lists); diff != "" {
		t.Errorf("sources of contacts: %s", diff)
	}
}

func setOf(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}
