package numbering

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"
)

// The mixes that bulk imports see. Each input is a text and the options it comes
// with; they are made by a seeded generator, so that runs compare.
func mixes() map[string][]struct {
	in string
	o  Options
} {
	type input = struct {
		in string
		o  Options
	}
	r := rand.New(rand.NewPCG(1, 2))
	co, mx, bogota := Options{Region: "CO"}, Options{Region: "MX"}, Options{Region: "CO", Area: "601"}
	out := map[string][]input{}
	for range 4096 {
		mobile := fmt.Sprintf("3%02d%07d", []int{0, 1, 2, 10, 15, 20}[r.IntN(6)], r.IntN(1e7))
		local := fmt.Sprintf("%d%06d", 2+r.IntN(6), r.IntN(1e6))
		mexico := fmt.Sprintf("55%d%07d", 1+r.IntN(9), r.IntN(1e7))
		out["plain"] = append(out["plain"], input{mobile, co}, input{mexico, mx})
		out["formatted"] = append(out["formatted"], input{"+57 " + mobile[:3] + " " + mobile[3:6] + "-" + mobile[6:], co}, input{"(55) " + mexico[2:6] + " " + mexico[6:], mx})
		out["legacy"] = append(out["legacy"], input{"+571" + local, co}, input{"044" + mexico, mx}, input{"521" + mexico, mx}, input{local, bogota}, input{"0057" + mobile, co})
		out["cells"] = append(out["cells"], input{local + "--" + mobile + " ext 12", bogota}, input{"55 " + mexico[2:6] + " " + mexico[6:] + " y 62", mx}, input{local + "/" + local[:5] + "12/13", bogota}, input{"Tel. " + mobile + ", fax " + local, bogota})
		out["invalid"] = append(out["invalid"], input{local, co}, input{"12", co}, input{"sin teléfono", co}, input{mobile + "99", co})
	}
	return out
}

func benchmarkMixes(b *testing.B, work func(z *Normalizer, in string, o Options)) {
	z := newNormalizer(b)
	all := mixes()
	for _, name := range []string{"plain", "formatted", "legacy", "cells", "invalid"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				in := &all[name][i%len(all[name])]
				work(z, in.in, in.o)
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "numbers/s")
		})
	}
}

// BenchmarkNormalize is the whole work: parsing, carrier, location, zones, formats.
func BenchmarkNormalize(b *testing.B) {
	benchmarkMixes(b, func(z *Normalizer, in string, o Options) { z.Normalize(in, o) })
}

// BenchmarkNormalizeParse is what an import does for each cell.
func BenchmarkNormalizeParse(b *testing.B) {
	benchmarkMixes(b, func(z *Normalizer, in string, o Options) { z.Parse(in, o) })
}

// BenchmarkNormalizeParseEnrich adds carrier, location and zones.
func BenchmarkNormalizeParseEnrich(b *testing.B) {
	benchmarkMixes(b, func(z *Normalizer, in string, o Options) {
		r := z.Parse(in, o)
		z.Enrich(&r)
	})
}

// BenchmarkNormalizeAppendAll reads every number of a cell into reused memory.
func BenchmarkNormalizeAppendAll(b *testing.B) {
	var dst []Result
	benchmarkMixes(b, func(z *Normalizer, in string, o Options) { dst = z.AppendAll(dst[:0], in, o) })
}

// BenchmarkNormalizeLibrary is the library alone, for comparison: parse, validity,
// type, region and E.164 form.
func BenchmarkNormalizeLibrary(b *testing.B) {
	benchmarkMixes(b, func(_ *Normalizer, in string, o Options) {
		n, err := phonenumbers.Parse(in, o.Region)
		if err == nil && phonenumbers.IsValidNumber(n) {
			phonenumbers.GetNumberType(n)
			phonenumbers.GetRegionCodeForNumber(n)
			phonenumbers.Format(n, phonenumbers.E164)
		}
	})
}

// BenchmarkNormalizeNew is what start-up pays; plans are compiled when first needed.
func BenchmarkNormalizeNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newNormalizer(b)
	}
}
