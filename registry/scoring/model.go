package scoring

import (
	"fmt"
	"maps"
	"math"
	"regexp"
)

// DefaultVersion names the weights of DefaultModel together with the rules of this package. It changes when either
// does, so that a score tells by what it was made.
const DefaultVersion = "1"

// WeightSum is what the weights of a model add up to: the points of a number that is active everywhere.
const WeightSum = 100

// Model is what a score is made by: a weight for each platform. The zero value is of no use; DefaultModel and NewModel
// make one. A Model is not changed after it is made and is safe for concurrent use.
type Model struct {
	Version string
	Weights map[Platform]float64 // 0 or more, WeightSum together; a platform that is missing weighs 0
}

// DefaultModel weighs all platforms alike.
func DefaultModel() *Model {
	weights := make(map[Platform]float64)
	for _, p := range Platforms() {
		weights[p] = WeightSum / float64(len(Platforms()))
	}
	return &Model{Version: DefaultVersion, Weights: weights}
}

var versionPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// NewModel makes a model of weights that add up to WeightSum. A platform that is not named weighs 0: it never counts.
// The version is kept with each score; it is 1 to 64 letters, digits, dots, hyphens and underscores.
func NewModel(version string, weights map[Platform]float64) (*Model, error) {
	if !versionPattern.MatchString(version) {
		return nil, fmt.Errorf("scoring model: version %q: want 1 to 64 letters, digits, dots, hyphens or underscores", version)
	}
	sum := 0.0
	for p, w := range weights {
		if !p.Scored() {
			return nil, fmt.Errorf("scoring model: weight for %q, which is no platform: want %v", p, Platforms())
		}
		if !(w >= 0) || math.IsInf(w, 0) { // also refuses NaN
			return nil, fmt.Errorf("scoring model: weight of %s is %g: want 0 or more", p, w)
		}
		sum += w
	}
	if math.Abs(sum-WeightSum) > 1e-6 {
		return nil, fmt.Errorf("scoring model: the weights add up to %g: want %d", sum, WeightSum)
	}
	return &Model{Version: version, Weights: maps.Clone(weights)}, nil
}
