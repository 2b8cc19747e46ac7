package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"phoneregistry/internal/sample"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/numbering"
)

// importSource is the source that imported contacts belong to.
const importSource = "web_forms"

// importTables are what an import writes.
func importTables() []string {
	return []string{"source_records", "phones", "customers", "customer_phones", "import_numbers", "quarantine"}
}

// measureImports imports a sample file, and loads the same rows, normalised before, as fast as PostgreSQL can: a COPY
// into a staging table and one statement for each table that merges them, into the same tables of an empty database.
func measureImports(ctx context.Context, b *bench) error {
	path, err := b.sampleFile(b.rows)
	if err != nil {
		return err
	}
	numbers, err := numbering.New()
	if err != nil {
		return err
	}
	load, err := prepareLoad(path, numbers)
	if err != nil {
		return err
	}
	var ours, raw []float64
	var own, their effort
	for round := range b.rounds {
		b.say("import: %d rows, round %d of %d", b.rows, round+1, b.rounds)
		took, spent, counts, err := b.timeImport(ctx, path, numbers)
		if err != nil {
			return err
		}
		ours, own = append(ours, float64(b.rows)/took.Seconds()), own.plus(spent)
		took, spent, err = b.timeLoad(ctx, load, counts)
		if err != nil {
			return err
		}
		raw, their = append(raw, float64(b.rows)/took.Seconds()), their.plus(spent)
	}
	b.report.add(line{
		What: "import of a file, end to end", Unit: "rows/s", Ours: median(ours),
		Against: "COPY and merge", Peer: median(raw), Wanted: 0.25,
	})
	b.report.note("import: core time for a row %s; COPY and merge %s", own, their)
	return nil
}

// sampleFile writes a file of synthetic contacts.
func (b *bench) sampleFile(rows int) (path string, err error) {
	path = filepath.Join(b.dir, fmt.Sprintf("sample-%d.csv", rows))
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return path, sample.Write(f, sample.Options{Rows: rows, Seed: 1})
}

// timeImport imports the file into an empty registry, and returns how many rows each table has then.
func (b *bench) timeImport(ctx context.Context, path string, numbers *numbering.Normalizer) (took time.Duration, spent effort, counts map[string]int64, err error) {
	db, err := b.server.fresh(ctx)
	if err != nil {
		return 0, spent, nil, err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	stop, err := b.profileSelf("import")
	if err != nil {
		return 0, spent, nil, err
	}
	took, spent, err = b.timed(ctx, db, func() error { return importFile(ctx, db, path, numbers) })
	if err = errors.Join(err, stop()); err != nil {
		return 0, spent, nil, err
	}
	counts, err = countTables(ctx, db)
	return took, spent, counts, err
}

// timed runs work on a database that has nothing left to write.
func (b *bench) timed(ctx context.Context, db *registryDatabase, work func() error) (took time.Duration, spent effort, err error) {
	if err := db.settle(ctx); err != nil {
		return 0, spent, err
	}
	spent, err = b.measureEffort(os.Getpid(), func() (int, error) {
		started := time.Now()
		err := work()
		took = time.Since(started)
		return b.rows, err
	})
	return took, spent, err
}

// importFile imports a file as the program does.
func importFile(ctx context.Context, db *registryDatabase, path string, numbers *numbering.Normalizer) error {
	ctx = registry.WithActor(ctx, registry.Actor{Name: "bench", Role: registry.RoleAdmin})
	batch, _, err := importer.New(importer.Config{Store: db.store, Numbers: numbers}).
		ImportFile(ctx, path, importer.Options{Source: importSource}, nil)
	if err != nil {
		return err
	}
	if batch.Status != registry.ImportCompleted {
		return fmt.Errorf("the import ended as %s: %s", batch.Status, batch.ErrorMessage)
	}
	return nil
}

func countTables(ctx context.Context, db *registryDatabase) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, table := range importTables() {
		n, err := db.count(ctx, table)
		if err != nil {
			return nil, err
		}
		counts[table] = n
	}
	return counts, nil
}

// timeLoad loads prepared rows into an empty registry. It fails when that wrote other rows than the import did: the
// comparison would be worth nothing.
func (b *bench) timeLoad(ctx context.Context, l *load, want map[string]int64) (took time.Duration, spent effort, err error) {
	db, err := b.server.fresh(ctx)
	if err != nil {
		return 0, spent, err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	took, spent, err = b.timed(ctx, db, func() error { return l.run(ctx, db) })
	if err != nil {
		return 0, spent, err
	}
	got, err := countTables(ctx, db)
	if err != nil {
		return 0, spent, err
	}
	for _, table := range importTables() {
		if got[table] != want[table] {
			return 0, spent, fmt.Errorf("the raw side wrote %d rows to %s, the import %d", got[table], table, want[table])
		}
	}
	return took, spent, nil
}
