package registry

import "math"

// How far the sources support that a number is a customer's is a rule of thumb, not calibrated on outcomes:
//
//   - The word of one source is worth 0.30 and 0.10 for each step of its priority up to 5; from there it rises slowly,
//     to 0.90 at the highest priority, 100.
//   - Each further source that gives the same number takes a quarter of the remaining doubt away. Sources copy from
//     each other, so they are not counted as independent.
//   - Without a verification it is never more than 0.95.
//   - A verification lifts it to 0.99: numbers change hands, so it is never certain.
//
// What a lookup tells of the line is taken into account when a confidence is shown, as long as it holds:
//
//   - A line in service takes a tenth of the remaining doubt away: a number that was mistyped is often that of nobody.
//     It says nothing of whose line it is, so the bounds of 0.95 and 0.99 stay.
//   - A line out of service halves the confidence, verified or not: whoever held the number does not now.
const (
	confidenceBase     = 0.30
	confidenceStep     = 0.10
	confidenceSteps    = 5
	confidenceHighest  = 0.90
	confidenceDoubt    = 0.75
	confidenceCap      = 0.95
	confidenceVerified = 0.99
	confidenceService  = 0.90 // of the doubt remains for a line in service
	confidenceOutage   = 0.50 // of the confidence remains for a line out of service
)

// ConfidenceSources is how many sources make a difference to the confidence; more count as so many.
const ConfidenceSources = 8

// Confidence returns how far the sources support that a number is a customer's, 0 to 1: the highest priority among
// the sources that gave it (1 to 100), how many they are (1 or more), and whether the customer's hold was verified. It has
// at most six decimal places.
func Confidence(priority, sources int, verified bool) float64 {
	if verified {
		return confidenceVerified
	}
	priority = min(max(priority, 1), MaxPriority)
	c := confidenceBase + confidenceStep*float64(min(priority, confidenceSteps))
	if priority > confidenceSteps {
		c += (confidenceHighest - c) * float64(priority-confidenceSteps) / (MaxPriority - confidenceSteps)
	}
	for range min(max(sources, 1), ConfidenceSources) - 1 {
		c = 1 - (1-c)*confidenceDoubt
	}
	return shownConfidence(min(c, confidenceCap))
}

// shownConfidence has six places, so that nobody has to read 0.6000000000000001.
func shownConfidence(c float64) float64 { return math.Round(c*1e6) / 1e6 }

// ConfidenceTable holds Confidence without verification for every priority p and number of sources n, at
// (p-1)*ConfidenceSources + min(n, ConfidenceSources) - 1, so that a statement over many rows can look it up from an
// array and the rule stays in one place. With a verification it is Confidence(0, 0, true).
func ConfidenceTable() []float64 {
	table := make([]float64, 0, MaxPriority*ConfidenceSources)
	for p := 1; p <= MaxPriority; p++ {
		for n := 1; n <= ConfidenceSources; n++ {
			table = append(table, Confidence(p, n, false))
		}
	}
	return table
}

// ConfidenceOnLine returns a confidence in the light of what a lookup told of the line: whether it is in service; nil
// when that is not known.
func ConfidenceOnLine(c float64, inService *bool) float64 {
	switch {
	case inService == nil:
		return c
	case *inService:
		return max(c, shownConfidence(min(1-(1-c)*confidenceService, confidenceCap)))
	}
	return shownConfidence(c * confidenceOutage)
}
