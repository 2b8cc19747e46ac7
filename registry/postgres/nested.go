package postgres

import (
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// Lists that hang on the entries of another list are read for all of them at once: a page for each by LATERAL, or the
// number of entries for each. A page behind a cursor is that of one owner.

// pagesOf makes the pages of several owners from rows that are sorted within each of them. scan reads an entry and
// whose it is.
func pagesOf[K comparable, T any](rows pgx.Rows, first int, scan func(pgx.CollectableRow) (K, listed[T], error)) (map[K]registry.Page[T], error) {
	of := map[K][]listed[T]{}
	defer rows.Close()
	for rows.Next() {
		owner, entry, err := scan(rows)
		if err != nil {
			return nil, err
		}
		of[owner] = append(of[owner], entry)
	}
	pages := make(map[K]registry.Page[T], len(of))
	for owner, found := range of {
		pages[owner] = pageOf(found, first)
	}
	return pages, rows.Err()
}

// countsOf reads rows of an owner and how many entries it has.
func countsOf[K comparable](rows pgx.Rows) (map[K]int64, error) {
	counts := map[K]int64{}
	var (
		owner K
		n     int64
	)
	_, err := pgx.ForEachRow(rows, []any{&owner, &n}, func() error {
		counts[owner] = n
		return nil
	})
	return counts, err
}
