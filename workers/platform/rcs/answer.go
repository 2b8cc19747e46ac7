package rcs

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// capabilities is the answer of phones.getCapabilities.
type capabilities struct {
	Features []string `json:"features"`
}

// Bounds of what is kept of a list of features, so that the details fit. Google knows about ten, of at most 28 bytes.
const (
	maxFeatures     = 12
	maxFeatureBytes = 32
)

// outcome says ACTIVE when there is any feature. An answer without one is not a promise that the number is reachable.
func (c capabilities) outcome(n numbering.Number, ttl time.Duration) workers.Outcome {
	features := slices.DeleteFunc(slices.Clone(c.Features), func(f string) bool {
		return f == "" || f == "FEATURE_UNSPECIFIED" || strings.ContainsFunc(f, notOfFeature)
	})
	slices.Sort(features)
	features = slices.Compact(features)
	if len(features) == 0 {
		return workers.Outcome{Number: n, Status: scoring.Unknown, TTL: ttl, Reason: "reachable or not: the answer names no feature"}
	}
	details := struct {
		Count    int      `json:"featureCount"`
		Features []string `json:"features"`
	}{Count: len(features), Features: make([]string, 0, maxFeatures)}
	for _, f := range features[:min(maxFeatures, len(features))] {
		if len(f) <= maxFeatureBytes {
			details.Features = append(details.Features, f)
		}
	}
	raw, err := json.Marshal(details)
	if err != nil { // of these types it cannot
		raw = nil
	}
	return workers.Outcome{Number: n, Status: scoring.Active, Strength: 1, TTL: ttl, Details: raw}
}

func notOfFeature(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
}

// reachability is the answer of users.batchGet. What it also holds is not read: totalRandomSampleUserCount and
// reachableRandomSampleUserCount speak of the list as a whole, reachableUsersMap repeats the list by carrier.
type reachability struct {
	ReachableUsers []string `json:"reachableUsers"`
}

// numbers is the set of those that are reachable. An entry that is no number is no evidence of any.
func (r reachability) numbers() map[numbering.Number]bool {
	set := make(map[numbering.Number]bool, len(r.ReachableUsers))
	for _, user := range r.ReachableUsers {
		if n, err := numbering.ParseE164(user); err == nil {
			set[n] = true
		}
	}
	return set
}
