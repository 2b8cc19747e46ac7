package registry

import (
	"context"
	"slices"

	"phoneregistry/registry/scoring"
)

// Validations returns the newest evidence of each platform on each number, in the order of platforms.
func (s *Service) Validations(ctx context.Context, numbers []Number, fields ...string) (map[Number][]Validation, error) {
	return s.store.Validations(ctx, numbers, fields...)
}

// LeadScores returns the scores of those of the numbers that have one.
func (s *Service) LeadScores(ctx context.Context, numbers []Number, fields ...string) (map[Number]LeadScore, error) {
	return s.store.LeadScores(ctx, numbers, fields...)
}

// Leads returns one page of the scores that match, best first. *Error INVALID_INPUT for a filter or page out of bounds.
func (s *Service) Leads(ctx context.Context, f LeadFilter, p PageRequest) (Page[LeadScore], error) {
	var es Errors
	f, err := CheckLeadFilter(f, "filter")
	es = collect(es, err)
	p, err = checkPage(p)
	if es = collect(es, err); len(es) > 0 {
		return Page[LeadScore]{}, es
	}
	return s.store.Leads(ctx, f, p)
}

// CountLeads counts the scores that match.
func (s *Service) CountLeads(ctx context.Context, f LeadFilter) (int64, error) {
	f, err := CheckLeadFilter(f, "filter")
	if err != nil {
		return 0, err
	}
	return s.store.CountLeads(ctx, f)
}

// LatestLead returns the score that changed last among those that match; ErrNotFound when none does.
func (s *Service) LatestLead(ctx context.Context, f LeadFilter) (LeadScore, error) {
	f, err := CheckLeadFilter(f, "filter")
	if err != nil {
		return LeadScore{}, err
	}
	return s.store.LatestLead(ctx, f)
}

// Matches reports whether a score, and the number it is of, match the filter. The filter must have been checked: its
// numbers are in order then.
func (f LeadFilter) Matches(score LeadScore, p Phone) bool {
	_, named := slices.BinarySearch(f.Numbers, score.Number)
	switch {
	case len(f.Regions) > 0 && !slices.Contains(f.Regions, p.Region):
	case len(f.Tiers) > 0 && !slices.Contains(f.Tiers, score.Tier):
	case f.MinScore != nil && score.Total < *f.MinScore:
	case f.MinCoverage != nil && score.Coverage < *f.MinCoverage:
	case len(f.Numbers) > 0 && !named:
	default:
		return true
	}
	return false
}

// ScoreHistory returns one page of the scores of each number, newest first. p.After only with one number.
func (s *Service) ScoreHistory(ctx context.Context, numbers []Number, p PageRequest) (map[Number]Page[ScoreRecord], error) {
	p, err := checkPageOf(p, len(numbers))
	if err != nil {
		return nil, err
	}
	return s.store.ScoreHistory(ctx, numbers, p)
}

// CountScoreHistory counts the scores of each number.
func (s *Service) CountScoreHistory(ctx context.Context, numbers []Number) (map[Number]int64, error) {
	return s.store.CountScoreHistory(ctx, numbers)
}

// Explain returns what each platform contributed to a score, given the evidence on its number, as of the moment the
// score was made.
func (s *Service) Explain(score LeadScore, evidence []Validation) []Component {
	seen := make([]scoring.Evidence, len(evidence))
	for i, v := range evidence {
		seen[i] = v.Evidence()
	}
	// A number that is not valid is POOR at coverage 0; any other score at coverage 0 is UNKNOWN.
	valid := score.Tier != scoring.TierPoor || score.Coverage > 0
	return s.model.Score(valid, seen, score.UpdatedAt).Components
}

// Platforms returns all platforms that count in a score, whether they can be checked here or not, and of the others
// those that can.
func (s *Service) Platforms(context.Context) []PlatformInfo {
	var installed []PlatformInfo
	if s.platforms != nil {
		installed = s.platforms()
	}
	all := make([]PlatformInfo, 0, len(scoring.Checkable()))
	for _, p := range scoring.Checkable() {
		info := PlatformInfo{Platform: p}
		if i := slices.IndexFunc(installed, func(i PlatformInfo) bool { return i.Platform == p }); i >= 0 {
			info = installed[i]
		}
		if !p.Scored() && info.Adapter == "" {
			continue
		}
		info.Weight = s.model.Weights[p]
		all = append(all, info)
	}
	return all
}
