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
	ByNumber map[registry.Number]*LeadScore
	Phones   Lazy[*Phones]
	Evidence *Evidence
	History  HistoryPages
}

// NewLeadScores makes the scores of one list.
func NewLeadScores(scores []registry.LeadScore) (*LeadScores, []*LeadScore) {
	set := &LeadScores{
		Numbers: make([]registry.Number, len(scores)), ByNumber: make(map[registry.Number]*LeadScore, len(scores)),
		Evidence: &Evidence{},
	}
	all := make([]*LeadScore, len(scores))
	for i, s := range scores {
		all[i] = &LeadScore{LeadScore: s, Siblings: set}
		set.Numbers[i] = s.Number
		set.ByNumber[s.Number] = all[i]
	}
	return set, all
}

// Join tells scores and phones of the same numbers of each other, so that neither is loaded again.
func (s *LeadScores) Join(phones *Phones) {
	_, _ = s.Phones.Get(func() (*Phones, error) { return phones, nil })
	_, _ = phones.Scores.Get(func() (*LeadScores, error) { return s, nil })
}

// ScoreComponent is what one platform contributed to a score.
type ScoreComponent struct{ registry.Component }

// Method is null when the platform was never checked.
func (c *ScoreComponent) Method() *string { return optional(c.Component.Method) }
