package resolvers

import (
	"cmp"
	"context"
	"slices"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// Viewer is the caller.
func (q query) Viewer(ctx context.Context) (*model.Viewer, error) {
	a := registry.ActorFrom(ctx)
	viewer := &model.Viewer{Name: a.Name, Role: a.Role, Scopes: a.Scopes().List(), SeesWholeNumbers: a.SeesWholeNumbers()}
	if a.Purpose != "" {
		viewer.Purpose = &a.Purpose
	}
	return viewer, nil
}

// RegistryStats is the totals of the registry.
func (q query) RegistryStats(ctx context.Context) (*model.RegistryStats, error) {
	s, err := q.service.Stats(ctx)
	if err != nil {
		return nil, err
	}
	stats := &model.RegistryStats{AsOf: s.AsOf, Customers: s.Customers, ByTier: []model.TierCount{}}
	regions, lines := map[string]int{}, map[registry.LineType]int{}
	for _, line := range s.Lines {
		stats.Phones += line.Count
		if _, ok := regions[line.Region]; !ok {
			regions[line.Region] = len(stats.ByRegion)
			stats.ByRegion = append(stats.ByRegion, model.RegionCount{Region: line.Region})
		}
		region := &stats.ByRegion[regions[line.Region]]
		region.Count += line.Count
		region.ByLineType = append(region.ByLineType, line)
		if _, ok := lines[line.LineType]; !ok {
			lines[line.LineType] = len(stats.ByLineType)
			stats.ByLineType = append(stats.ByLineType, registry.LineCount{LineType: line.LineType})
		}
		stats.ByLineType[lines[line.LineType]].Count += line.Count
	}
	slices.SortStableFunc(stats.ByRegion, func(a, b model.RegionCount) int { return cmp.Compare(b.Count, a.Count) })
	slices.SortStableFunc(stats.ByLineType, func(a, b registry.LineCount) int { return cmp.Compare(b.Count, a.Count) })
	for _, tier := range tiers() {
		if n := s.Tiers[tier]; n > 0 {
			stats.ByTier = append(stats.ByTier, model.TierCount{Tier: tier, Count: n})
		}
	}
	return stats, nil
}

// tiers lists the tiers, best first.
func tiers() []registry.Tier {
	return []registry.Tier{
		scoring.TierPremium, scoring.TierHigh, scoring.TierMedium, scoring.TierLow, scoring.TierPoor, scoring.TierUnknown,
	}
}
