package model

import (
	"phoneregistry/registry"
)

// LeadScore is how good a lead a number is.
type LeadScore struct {
	registry.LeadScore
	Siblings *LeadScores
}

// LeadScores is the scores of one list.
type LeadScores struct {
	Numbers  []registry.Number
	Phones   Lazy[*Phones]
	Evidence Lazy[map[registry.Number][]registry.Validation]
}

// NewLeadScores makes the scores of one list.
func NewLeadScores(scores []registry.LeadScore) (*LeadScores, []*LeadScore) {
	set := &LeadScores{Numbers: make([]registry.Number, len(scores))}
	all := make([]*LeadScore, len(scores))
	for i, s := range scores {
		all[i] = &LeadScore{LeadScore: s, Siblings: set}
		set.Numbers[i] = s.Number
	}
	return set, all
}

// ScoreComponent is what one platform contributed to a score.
type ScoreComponent struct{ registry.Component }

// Method is null when the platform was never checked.
func (c *ScoreComponent) Method() *string { return optional(c.Component.Method) }
