package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// source is the state that the hub loads, kept in memory so that tests rule over it and over time.
type source struct {
	mu      sync.Mutex
	jobs    map[uuid.UUID]registry.Job
	imports map[uuid.UUID]registry.ImportBatch
	scores  map[registry.Number]registry.LeadScore
	err     error
	failing map[string]bool // calls that fail
	slow    *int            // the least score of a filter by which looking for the latest never ends; nil: of none
	calls   map[string]int
}

func newSource() *source {
	return &source{
		jobs: map[uuid.UUID]registry.Job{}, imports: map[uuid.UUID]registry.ImportBatch{},
		scores: map[registry.Number]registry.LeadScore{}, calls: map[string]int{}, failing: map[string]bool{},
	}
}

func (s *source) enter(what string) (func(), error) {
	s.mu.Lock()
	s.calls[what]++
	if s.failing[what] {
		return s.mu.Unlock, errors.New(what + " cannot be asked")
	}
	return s.mu.Unlock, s.err
}

func (s *source) fail(what string, fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing[what] = fails
}

func (s *source) Job(_ context.Context, id uuid.UUID) (registry.Job, error) {
	leave, err := s.enter("job")
	defer leave()
	job, ok := s.jobs[id]
	if err == nil && !ok {
		err = registry.ErrNotFound
	}
	return job, err
}

func (s *source) JobPlatforms(_ context.Context, ids []uuid.UUID) (map[uuid.UUID][]registry.PlatformCount, error) {
	leave, err := s.enter("platforms")
	defer leave()
	counts := map[uuid.UUID][]registry.PlatformCount{}
	for _, id := range ids {
		counts[id] = []registry.PlatformCount{{Platform: "WHATSAPP", Total: s.jobs[id].Total, Processed: s.jobs[id].Processed}}
	}
	return counts, err
}

func (s *source) Import(_ context.Context, id uuid.UUID) (registry.ImportBatch, error) {
	leave, err := s.enter("import")
	defer leave()
	batch, ok := s.imports[id]
	if err == nil && !ok {
		err = registry.ErrNotFound
	}
	return batch, err
}

func (s *source) LeadScores(_ context.Context, numbers []registry.Number, _ ...string) (map[registry.Number]registry.LeadScore, error) {
	leave, err := s.enter("scores")
	defer leave()
	scores := map[registry.Number]registry.LeadScore{}
	for _, n := range numbers {
		if score, ok := s.scores[n]; ok {
			scores[n] = score
		}
	}
	return scores, err
}

func (s *source) PhonesByNumber(_ context.Context, numbers []registry.Number, _ ...string) (map[registry.Number]registry.Phone, error) {
	leave, err := s.enter("phones")
	defer leave()
	phones := map[registry.Number]registry.Phone{}
	for _, n := range numbers {
		phones[n] = registry.Phone{Number: n, Region: "CO"}
	}
	return phones, err
}

func (s *source) setSlow(least int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = &least
}

func (s *source) LatestLead(ctx context.Context, f registry.LeadFilter) (registry.LeadScore, error) {
	s.mu.Lock()
	slow := s.slow != nil && f.MinScore != nil && *f.MinScore == *s.slow
	s.mu.Unlock()
	if slow {
		<-ctx.Done()
		return registry.LeadScore{}, ctx.Err()
	}
	leave, err := s.enter("latest")
	defer leave()
	var latest registry.LeadScore
	for _, score := range s.scores {
		if f.Matches(score, registry.Phone{Number: score.Number, Region: "CO"}) && score.UpdatedAt.After(latest.UpdatedAt) {
			latest = score
		}
	}
	if err == nil && latest.Number == 0 {
		err = registry.ErrNotFound
	}
	return latest, err
}

func (s *source) setJob(j registry.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[j.ID] = j
}

func (s *source) setScore(n registry.Number, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scores[n] = registry.LeadScore{Number: n, Total: total, UpdatedAt: time.Now()}
}

func (s *source) called(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[what]
}
