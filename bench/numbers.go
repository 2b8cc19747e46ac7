package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"

	"github.com/nyaruka/phonenumbers/v2"

	"phoneregistry/internal/sample"
	"phoneregistry/registry/numbering"
)

// text is a cell with what its row says of it.
type text struct {
	raw string
	o   numbering.Options
}

// measureNumbering reads texts on one core, garbage collection included.
func measureNumbering(ctx context.Context, b *bench) error {
	z, err := numbering.New()
	if err != nil {
		return err
	}
	cells, err := sampleCells(8_000)
	if err != nil {
		return err
	}
	plain := plainNumbers(8192)
	var all []numbering.Result
	parse := func(t *text) bool { return z.Parse(t.raw, t.o).IsValid }
	read := func(t *text) bool {
		valid := false
		all = z.AppendAll(all[:0], t.raw, t.o)
		for i := range all {
			if all[i].IsValid {
				valid = true
				z.Enrich(&all[i])
			}
		}
		return valid
	}
	for _, m := range []struct {
		what  string
		texts []text
		ours  func(*text) bool
	}{
		{"numbers normalised, plain formats", plain, parse},
		{"numbers normalised, cells of the sample", cells, parse},
		{"the same, every number of a cell, with carrier, place and zones", cells, read},
	} {
		b.say("numbering: %s", m.what)
		ours, peer := b.inTurns(ctx, func() float64 { return b.perCore(m.texts, m.ours) },
			func() float64 { return b.perCore(m.texts, readWithLibrary) })
		b.report.add(line{What: m.what, Unit: "/s and core", Ours: ours, Against: "phonenumbers alone", Peer: peer})
	}
	b.report.note("of the cells of the sample %.1f%% hold a number that we read, %.1f%% one that the library reads",
		100*share(cells, parse), 100*share(cells, readWithLibrary))
	return ctx.Err()
}

// readWithLibrary is what one would write without us: parse, validity, type, region, E.164.
func readWithLibrary(t *text) bool {
	n, err := phonenumbers.Parse(t.raw, t.o.Region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return false
	}
	phonenumbers.GetNumberType(n)
	phonenumbers.GetRegionCodeForNumber(n)
	phonenumbers.Format(n, phonenumbers.E164)
	return true
}

// inTurns measures both sides round after round, and returns the medians.
func (b *bench) inTurns(ctx context.Context, ours, peer func() float64) (float64, float64) {
	var o, p []float64
	for range b.rounds {
		if ctx.Err() != nil {
			break
		}
		o, p = append(o, ours()), append(p, peer())
	}
	return median(o), median(p)
}

// perCore returns how many texts one core reads in a second of its time, whoever else uses the machine.
func (b *bench) perCore(texts []text, work func(*text) bool) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for i := range texts { // warm up: plans are compiled when they are first needed
		work(&texts[i])
	}
	runtime.GC()
	limit, started, done := b.seconds/4, coreTime(), 0
	for coreTime()-started < limit {
		for range 512 {
			work(&texts[done%len(texts)])
			done++
		}
	}
	return float64(done) / (coreTime() - started).Seconds()
}

func share(texts []text, valid func(*text) bool) float64 {
	n := 0
	for i := range texts {
		if valid(&texts[i]) {
			n++
		}
	}
	return float64(n) / float64(len(texts))
}

// plainNumbers is mobile numbers and landlines as ten digits, and in the usual international form.
func plainNumbers(n int) []text {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable, not secret
	texts := make([]text, 0, n)
	co, mx := numbering.Options{Region: "CO"}, numbering.Options{Region: "MX"}
	for len(texts) < n {
		mobile := fmt.Sprintf("3%02d%07d", []int{0, 1, 2, 10, 15, 20}[r.IntN(6)], r.IntN(1e7))
		mexico := fmt.Sprintf("55%d%07d", 1+r.IntN(9), r.IntN(1e7))
		texts = append(texts, text{mobile, co}, text{mexico, mx},
			text{"+57 " + mobile[:3] + " " + mobile[3:6] + "-" + mobile[6:], co}, text{"(55) " + mexico[2:6] + " " + mexico[6:], mx})
	}
	return texts
}

// sampleCells is the phone cells of the generator, with region and city of their rows.
func sampleCells(rows int) ([]text, error) {
	var file bytes.Buffer
	if err := sample.Write(&file, sample.Options{Rows: rows, Seed: 1}); err != nil {
		return nil, err
	}
	r := csv.NewReader(&file)
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	regions := map[string]string{"Colombia": "CO", "COLOMBIA": "CO", "CO": "CO", "México": "MX", "Mexico": "MX", "MEXICO": "MX", "MX": "MX"}
	var texts []text
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return texts, nil
		}
		if err != nil {
			return nil, err
		}
		if len(record) < 6 || regions[record[5]] == "" { // the header, or cut off
			continue
		}
		o := numbering.Options{Region: regions[record[5]], City: record[4]}
		for _, cell := range record[2:4] {
			if cell != "" {
				texts = append(texts, text{cell, o})
			}
		}
	}
}
