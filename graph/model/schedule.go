package model

import (
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// ValidationSchedule is a standing order to keep evidence fresh.
type ValidationSchedule struct {
	registry.Schedule
	Siblings *ValidationSchedules
}

// ValidationSchedules is the schedules of one list.
type ValidationSchedules struct {
	IDs  []uuid.UUID
	ByID map[uuid.UUID]*ValidationSchedule
	Jobs Pages[uuid.UUID, *ValidationJob]
}

// NewValidationSchedules makes the schedules of one list.
func NewValidationSchedules(schedules ...registry.Schedule) []*ValidationSchedule {
	set := &ValidationSchedules{IDs: make([]uuid.UUID, len(schedules)), ByID: make(map[uuid.UUID]*ValidationSchedule, len(schedules))}
	all := make([]*ValidationSchedule, len(schedules))
	for i, s := range schedules {
		all[i] = &ValidationSchedule{Schedule: s, Siblings: set}
		set.IDs[i], set.ByID[s.ID] = s.ID, all[i]
	}
	return all
}

// IsNode marks a type with a global id.
func (*ValidationSchedule) IsNode() {}

// ID is the global id.
func (s *ValidationSchedule) ID() string { return opaque.UUID(KindSchedule, s.Schedule.ID) }

// BudgetPerDay is null when there is no limit.
func (s *ValidationSchedule) BudgetPerDay() *int64 { return positive(s.Schedule.BudgetPerDay) }

// RecheckAfter is null when only what has run out or is missing is checked.
func (s *ValidationSchedule) RecheckAfter() *time.Duration { return positive(s.Schedule.RecheckAfter) }

// LastSkipReason is null when the schedule started a job when it was last due.
func (s *ValidationSchedule) LastSkipReason() *string { return optional(s.Schedule.LastSkipReason) }

// positive turns nothing into null.
func positive[T ~int64](v T) *T {
	if v <= 0 {
		return nil
	}
	return &v
}
