package scoring

import (
	"math"
	"time"
)

// Reasons of components. They are shown to people and hold nothing of the number.
const (
	reasonActive       = "answers there"
	reasonPartly       = "answers there; the method earns a part of the weight"
	reasonInactive     = "an account exists but does not answer"
	reasonNotFound     = "has no account there"
	reasonRateLimited  = "the platform refused for now: does not count"
	reasonFailed       = "the check failed: does not count"
	reasonUnknown      = "the platform's answer tells neither yes nor no: does not count"
	reasonNotCheckable = "no permitted method can tell: does not count"
	reasonExpired      = "the evidence has run out: does not count"
	reasonNeverChecked = "was never checked: does not count"
	reasonNoWeight     = "has no weight in this model: does not count"
	reasonInvalid      = "the number is not valid: nothing counts"
)

// Score scores a number by the newest evidence of each platform, as of the moment at.
//
// ACTIVE earns the weight of its platform times the strength of the evidence; INACTIVE and NOT_FOUND earn nothing but
// count; RATE_LIMITED, ERROR, UNKNOWN, NOT_CHECKABLE and evidence that has run out at that moment leave the
// denominator. Total is the points earned over the weight that counts, in hundredths, rounded half up; Coverage is the
// weight that counts over the weight of all. A number that is not valid is POOR with 0 and nothing of it counts;
// without anything that counts a valid number is UNKNOWN.
//
// Of several pieces of evidence of one platform the one that Supersedes the others is taken. The order of evidence
// does not matter.
func (m *Model) Score(valid bool, evidence []Evidence, at time.Time) Score {
	platforms := Platforms()
	s := Score{Components: make([]Component, len(platforms))}
	points := make([]float64, len(platforms)) // one allocation for all components
	var earned, determined, all float64
	for i, p := range platforms {
		weight := m.Weights[p]
		all += weight
		c := Component{Platform: p, Weight: weight, Reason: reasonNeverChecked}
		if e, ok := newest(p, evidence, at); ok {
			c.Status, c.Method, c.CheckedAt = e.Status, e.Method, e.CheckedAt
			var counts bool
			points[i], counts, c.Reason = judge(e, weight, at)
			if counts && valid && weight > 0 {
				c.Points = &points[i]
				earned += points[i]
				determined += weight
				s.Simulated = s.Simulated || e.Simulated
				s.EvidenceUntil = earlier(s.EvidenceUntil, e.ExpiresAt)
			}
		}
		switch {
		case !valid:
			c.Reason = reasonInvalid
		case weight == 0:
			c.Reason = reasonNoWeight
		}
		s.Components[i] = c
	}
	if determined > 0 {
		s.Total = hundredths(earned, determined)
		s.Coverage = min(determined/all, 1)
	}
	s.Tier = tier(valid, s.Total, s.Coverage)
	return s
}

// judge tells what evidence earns, whether it counts, and why.
func judge(e Evidence, weight float64, at time.Time) (points float64, counts bool, reason string) {
	if e.Expired(at) {
		return 0, false, reasonExpired
	}
	switch e.Status {
	case Active:
		strength := clamped(e.Strength)
		if strength < 1 {
			return math.Round(1e4*weight*strength) / 1e4, true, reasonPartly // a decimal fraction, as people expect to read it
		}
		return weight, true, reasonActive
	case Inactive:
		return 0, true, reasonInactive
	case NotFound:
		return 0, true, reasonNotFound
	case RateLimited:
		return 0, false, reasonRateLimited
	case NotCheckable:
		return 0, false, reasonNotCheckable
	case Unknown:
		return 0, false, reasonUnknown
	default:
		return 0, false, reasonFailed
	}
}

// newest finds the evidence of a platform that counts for the others.
func newest(p Platform, evidence []Evidence, at time.Time) (Evidence, bool) {
	found := -1
	for i := range evidence {
		if evidence[i].Platform == p && (found < 0 || evidence[i].Supersedes(evidence[found], at)) {
			found = i
		}
	}
	if found < 0 {
		return Evidence{}, false
	}
	return evidence[found], true
}

// hundredths is 100 × earned / determined as a whole number from 0 to 100, halves up. Weights and strengths are
// decimal fractions that binary ones only come near to; what is a billionth away from a half is one.
func hundredths(earned, determined float64) int {
	return int(min(math.Floor(100*earned/determined+0.5+1e-9), 100))
}

// clamped brings a strength into 0 to 1 and rounds it to four decimals, so that the score does not depend on whether
// it was kept with the precision of 32 or of 64 bits.
func clamped(strength float64) float64 {
	if !(strength > 0) { // also NaN
		return 0
	}
	return math.Round(min(strength, 1)*1e4) / 1e4
}

// earlier is the earlier of two moments; a zero one is no moment.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func tier(valid bool, total int, coverage float64) Tier {
	switch {
	case !valid:
		return TierPoor
	case coverage == 0:
		return TierUnknown
	case total >= 80:
		return TierPremium
	case total >= 60:
		return TierHigh
	case total >= 40:
		return TierMedium
	case total >= 20:
		return TierLow
	}
	return TierPoor
}
