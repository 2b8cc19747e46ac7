package scoring_test

import (
	"math/big"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phoneregistry/registry/scoring"
)

var statuses = []scoring.Status{
	scoring.Active, scoring.Inactive, scoring.NotFound, scoring.RateLimited, scoring.Failed, scoring.Unknown, scoring.NotCheckable,
}

// anyEvidence draws evidence of one platform whose strength is a fraction of ten thousand, around the moment at.
func anyEvidence(t *rapid.T, p scoring.Platform) scoring.Evidence {
	e := scoring.Evidence{
		Platform:  p,
		Status:    rapid.SampledFrom(statuses).Draw(t, "status"),
		Strength:  float64(rapid.IntRange(0, 10000).Draw(t, "strength")) / 10000,
		Method:    "test",
		Simulated: rapid.Bool().Draw(t, "simulated"),
		CheckedAt: at.Add(-time.Duration(rapid.IntRange(0, 5).Draw(t, "age")) * time.Minute),
	}
	if rapid.Bool().Draw(t, "expires") {
		e.ExpiresAt = at.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "expiry")) * time.Minute)
	}
	return e
}

func anyModel(t *rapid.T) *scoring.Model {
	left, weights := 100, map[scoring.Platform]float64{}
	for _, p := range scoring.Platforms()[1:] {
		w := rapid.IntRange(0, left).Draw(t, "weight")
		weights[p], left = float64(w), left-w
	}
	weights[scoring.WhatsApp] = float64(left)
	m, err := scoring.NewModel("test", weights)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestScoreAgreesWithFractions: the score is what exact fractions give by the rules as the design writes them.
func TestScoreAgreesWithFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model, valid := anyModel(t), rapid.Bool().Draw(t, "valid")
		var evidence []scoring.Evidence
		earned, determined := new(big.Rat), new(big.Rat)
		for _, p := range scoring.Platforms() {
			if !rapid.Bool().Draw(t, "checked") {
				continue
			}
			e := anyEvidence(t, p)
			evidence = append(evidence, e)
			if !e.ExpiresAt.IsZero() && !e.ExpiresAt.After(at) {
				continue
			}
			weight := new(big.Rat).SetFloat64(model.Weights[p])
			switch e.Status {
			case scoring.Active:
				strength := big.NewRat(int64(e.Strength*10000+0.5), 10000)
				earned.Add(earned, strength.Mul(strength, weight))
				determined.Add(determined, weight)
			case scoring.Inactive, scoring.NotFound:
				determined.Add(determined, weight)
			}
		}
		s := model.Score(valid, evidence, at)
		total, coverage := new(big.Int), 0.0
		if valid && determined.Sign() > 0 {
			exact := earned.Quo(earned, determined)
			exact.Mul(exact, big.NewRat(100, 1)).Add(exact, big.NewRat(1, 2))
			total.Div(exact.Num(), exact.Denom())
			coverage, _ = determined.Float64()
			coverage /= 100
		}
		if int64(s.Total) != total.Int64() || s.Coverage != coverage {
			t.Fatalf("%d points, coverage %g; exactly %s and %g", s.Total, s.Coverage, total, coverage)
		}
	})
}

// TestScoreHolds: what every score satisfies, whatever the evidence.
func TestScoreHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model, valid := anyModel(t), rapid.Bool().Draw(t, "valid")
		evidence := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) scoring.Evidence {
			return anyEvidence(t, rapid.SampledFrom(scoring.Platforms()).Draw(t, "platform"))
		}), 0, 12).Draw(t, "evidence")
		s := model.Score(valid, evidence, at)

		if s.Total < 0 || s.Total > 100 || s.Coverage < 0 || s.Coverage > 1 {
			t.Fatalf("out of bounds: %d points, coverage %g", s.Total, s.Coverage)
		}
		if s.Tier == scoring.TierUnknown && (s.Total != 0 || s.Coverage != 0) {
			t.Fatalf("UNKNOWN with %d points and coverage %g", s.Total, s.Coverage)
		}
		if !valid && (s.Tier != scoring.TierPoor || s.Total != 0) {
			t.Fatalf("not valid, and %s with %d points", s.Tier, s.Total)
		}
		if len(s.Components) != len(scoring.Platforms()) {
			t.Fatalf("%d components", len(s.Components))
		}
		counted, simulated := 0.0, false
		for _, c := range s.Components {
			if c.Reason == "" {
				t.Fatalf("%s explains nothing", c.Platform)
			}
			if c.Points == nil {
				continue
			}
			if *c.Points < 0 || *c.Points > c.Weight {
				t.Fatalf("%s earns %g of %g", c.Platform, *c.Points, c.Weight)
			}
			counted += c.Weight
			simulated = simulated || slices.ContainsFunc(evidence, func(e scoring.Evidence) bool { return e.Platform == c.Platform && e.Simulated })
		}
		if counted/100 != s.Coverage {
			t.Fatalf("components count for %g of 100, coverage says %g", counted, s.Coverage)
		}
		if s.Simulated && !simulated {
			t.Fatal("simulated, and nothing that counts is")
		}
		if !s.EvidenceUntil.IsZero() && !s.EvidenceUntil.After(at) {
			t.Fatalf("holds until %s, which has passed", s.EvidenceUntil)
		}

		backwards := slices.Clone(evidence)
		slices.Reverse(backwards)
		if r := model.Score(valid, backwards, at); !ties(evidence) && !reflect.DeepEqual(r, s) {
			t.Fatalf("the order of evidence matters: %+v and %+v", s, r)
		}
	})
}

// ties reports whether two pieces of evidence of a platform are equally good and equally new: either may be taken.
func ties(evidence []scoring.Evidence) bool {
	for i, a := range evidence {
		for _, b := range evidence[:i] {
			if a.Platform == b.Platform && a.Supersedes(b, at) && b.Supersedes(a, at) {
				return true
			}
		}
	}
	return false
}

// TestScoreHoldsUntil: nothing changes before EvidenceUntil, and at that moment something stops counting.
func TestScoreHoldsUntil(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := scoring.DefaultModel()
		var evidence []scoring.Evidence
		for _, p := range scoring.Platforms() {
			evidence = append(evidence, anyEvidence(t, p))
		}
		s := model.Score(true, evidence, at)
		s.Components = nil // what does not count may be explained in another way once it has run out
		if s.EvidenceUntil.IsZero() {
			later := model.Score(true, evidence, at.Add(1000*time.Hour))
			if later.Components = nil; !reflect.DeepEqual(later, s) {
				t.Fatalf("never runs out, and changes from %+v to %+v", s, later)
			}
			return
		}
		before := model.Score(true, evidence, s.EvidenceUntil.Add(-1))
		if before.Components = nil; !reflect.DeepEqual(before, s) {
			t.Fatalf("changes before its time from %+v to %+v", s, before)
		}
		if then := model.Score(true, evidence, s.EvidenceUntil); then.Coverage >= s.Coverage {
			t.Fatalf("coverage %g stays at %g when evidence runs out", s.Coverage, then.Coverage)
		}
	})
}

// TestSupersedesIsAnOrder: any two can be compared, and comparisons follow from each other, so that the same evidence
// remains in whatever order it comes in.
func TestSupersedesIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyEvidence(t, scoring.Apple), anyEvidence(t, scoring.Apple), anyEvidence(t, scoring.Apple)
		if !a.Supersedes(b, at) && !b.Supersedes(a, at) {
			t.Fatalf("neither: %+v, %+v", a, b)
		}
		if a.Supersedes(b, at) && b.Supersedes(c, at) && !a.Supersedes(c, at) {
			t.Fatalf("a over b over c, and not a over c: %+v, %+v, %+v", a, b, c)
		}
	})
}

// TestMoreIsNeverLess: an answer that earns more never lowers the total.
func TestMoreIsNeverLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := anyModel(t)
		var evidence []scoring.Evidence
		for _, p := range scoring.Platforms() {
			evidence = append(evidence, anyEvidence(t, p))
		}
		before := model.Score(true, evidence, at)
		i := rapid.IntRange(0, len(evidence)-1).Draw(t, "which")
		if evidence[i].Status != scoring.Active || evidence[i].Expired(at) {
			return
		}
		evidence[i].Strength = 1
		if after := model.Score(true, evidence, at); after.Total < before.Total {
			t.Fatalf("%d points become %d", before.Total, after.Total)
		}
	})
}
