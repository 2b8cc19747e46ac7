package postgres_test

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// TestListsDoNotTellHowNumbersCompare: lists that are shown with masked numbers too are not in the order of these numbers
// among entries that compare alike; and always in the same order, however long the pages.
func TestListsDoNotTellHowNumbersCompare(t *testing.T) {
	w := newWorld(t)
	sample(t, w)
	w.exec(t, "UPDATE phones SET created_at = date_trunc('year', created_at), updated_at = date_trunc('year', updated_at)")
	w.exec(t, "UPDATE lead_scores SET total = CASE WHEN total >= 80 THEN 90 ELSE total END, tier = CASE WHEN total >= 80 THEN 'PREMIUM' ELSE tier END")
	job := w.createJob(t, jobSpec(everything(), "WHATSAPP"))
	w.exec(t, `INSERT INTO validation_failures (job_id, platform, number, chunk_no, status, reason, attempts, failed_at)
		SELECT $1, 'WHATSAPP', number, 1, 'ERROR', '', 1, now() FROM phones`, job.ID)
	for _, field := range []registry.PhoneOrderField{registry.OrderByCreatedAt, registry.OrderByUpdatedAt} {
		for _, descending := range []bool{false, true} {
			order := registry.PhoneOrder{Field: field, Descending: descending}
			at := func(p registry.Phone) int64 {
				if field == registry.OrderByUpdatedAt {
					return p.UpdatedAt.UnixMicro()
				}
				return p.CreatedAt.UnixMicro()
			}
			checkTies(t, string(field), descending, func(ctx context.Context, p registry.PageRequest) (registry.Page[registry.Phone], error) {
				return w.Phones(ctx, registry.PhoneFilter{}, order, p)
			}, func(p registry.Phone) entry { return entry{at(p), p.Number} })
		}
	}
	checkTies(t, "leads", true, func(ctx context.Context, p registry.PageRequest) (registry.Page[registry.LeadScore], error) {
		return w.Leads(ctx, registry.LeadFilter{}, p)
	}, func(l registry.LeadScore) entry { return entry{int64(l.Total), l.Number} })
	checkTies(t, "failures", false, func(ctx context.Context, p registry.PageRequest) (registry.Page[registry.JobFailure], error) {
		pages, err := w.JobFailures(ctx, []uuid.UUID{job.ID}, p)
		return pages[job.ID], err
	}, func(f registry.JobFailure) entry { return entry{0, f.Number} })
}

// entry is one of a list: what it is sorted by, and its number.
type entry struct {
	sort   int64
	number registry.Number
}

func checkTies[T any](t *testing.T, name string, descending bool, read func(context.Context, registry.PageRequest) (registry.Page[T], error), of func(T) entry) {
	t.Helper()
	list := func(first int) []entry {
		all, err := pages(t.Context(), first, read)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		entries := make([]entry, len(all))
		for i, item := range all {
			entries[i] = of(item)
		}
		return entries
	}
	all := list(7)
	if again := list(500); !slices.Equal(all, again) {
		t.Errorf("%s: pages of 7 and of 500 are not in the same order", name)
	}
	ups, downs := 0, 0
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if order := cmp.Compare(a.sort, b.sort); order == 1 && !descending || order == -1 && descending {
			t.Fatalf("%s: %d before %d", name, a.sort, b.sort)
		} else if order == 0 && a.number < b.number {
			ups++
		} else if order == 0 {
			downs++
		}
	}
	if ups < 20 || downs < 20 { // of hundreds: a coin that falls as evenly as that is not the order of numbers
		t.Errorf("%s: among entries that compare alike the number grows %d times and shrinks %d times", name, ups, downs)
	}
}
