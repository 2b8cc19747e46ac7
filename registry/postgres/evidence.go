package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

var _ registry.EvidenceStore = (*Store)(nil)

// RecordEvidence writes evidence that no job has asked for, by the rule of scoring.Evidence.Supersedes, and the scores
// that follow from it, in one transaction. Numbers that are new are registered.
//
// Locks are taken in the order phones (those that are new), scores, first scores, evidence, each in the order of their
// keys: behind the phones as ApplyResults does, which registers none.
func (s *Store) RecordEvidence(ctx context.Context, model *scoring.Model, r registry.Recording) (registry.Recorded, error) {
	var recorded registry.Recorded
	record := func() error {
		return s.inTx(ctx, func(tx pgx.Tx, now time.Time) (err error) {
			recorded, err = recordEvidence(ctx, tx, now, model, r)
			return err
		})
	}
	err := record()
	// What another transaction has done to a number after it was read, scored or erased it, is seen the next time.
	for attempt := 1; attempt < maxBeaten && ctx.Err() == nil && (isForeignKey(err) || errors.Is(err, errBeaten)); attempt++ {
		err = record()
	}
	if err != nil {
		return registry.Recorded{}, rejected(err)
	}
	return recorded, nil
}

func recordEvidence(ctx context.Context, tx pgx.Tx, now time.Time, model *scoring.Model, r registry.Recording) (registry.Recorded, error) {
	recorded := registry.Recorded{Changed: make([]bool, len(r.Evidence))}
	if err := registerPhones(ctx, tx, now, inOrder(r.Phones)); err != nil {
		return recorded, err
	}
	numbers := make([]int64, len(r.Evidence))
	for i, v := range r.Evidence {
		numbers[i] = int64(v.Number)
	}
	slices.Sort(numbers)
	subjects, err := loadSubjects(ctx, tx, slices.Compact(numbers))
	if err != nil {
		return recorded, err
	}
	var batch pgx.Batch
	weigh(r.Evidence, subjects, now, recorded.Changed).queue(&batch, now)
	if err := queueAudit(ctx, &batch, now, evidenceEntries(r, recorded.Changed)...); err != nil {
		return recorded, err
	}
	recorded.Leads, err = writeScores(ctx, tx, &batch, model, now, subjects)
	return recorded, err
}

// inOrder returns the phones ascending, each once.
func inOrder(phones []registry.Phone) []registry.Phone {
	phones = slices.Clone(phones)
	slices.SortFunc(phones, func(a, b registry.Phone) int { return cmp.Compare(a.Number, b.Number) })
	return slices.CompactFunc(phones, func(a, b registry.Phone) bool { return a.Number == b.Number })
}

// weigh finds out which pieces of evidence take the place of what is known, marks them, and lets the subjects know what
// remains. It returns the rows to write, in the order of their keys.
func weigh(evidence []registry.Validation, subjects []subject, now time.Time, changed []bool) *newEvidence {
	winners := make([][platformCount]*registry.Check, len(subjects))
	for i, v := range evidence {
		p := place(v.Platform)
		at, found := slices.BinarySearchFunc(subjects, int64(v.Number), func(s subject, n int64) int { return cmp.Compare(s.number, n) })
		if p < 0 || !found || !subjects[at].known {
			continue
		}
		check := &registry.Check{Validation: v}
		normalize(check, v.Platform, now)
		s := &subjects[at]
		e, old := check.Evidence(), s.evidence[p]
		if old.Platform != "" && (!e.Supersedes(old, now) || same(e, old)) {
			continue
		}
		winners[at][p], s.evidence[p] = check, e
		s.changed = s.changed || v.Platform.Scored()
		changed[i] = true
	}
	var rows newEvidence
	for _, platforms := range winners {
		for _, check := range platforms {
			if check != nil {
				rows.add(check)
			}
		}
	}
	return &rows
}

// same reports whether evidence is what is known already: a message that came twice. Its method and its details may
// differ in nothing that counts.
func same(e, known scoring.Evidence) bool {
	return e.Status == known.Status && e.CheckedAt.Equal(known.CheckedAt) && e.ExpiresAt.Equal(known.ExpiresAt) &&
		float32(e.Strength) == float32(known.Strength) && e.Simulated == known.Simulated
}

// evidenceEntries are the audit entries of a recording.
func evidenceEntries(r registry.Recording, changed []bool) []auditEntry {
	var entries []auditEntry
	for i, v := range r.Evidence {
		if !changed[i] && !r.AuditAll {
			continue
		}
		details := map[string]any{
			"platform": v.Platform, "status": v.Status, "method": v.Method, "observed_at": v.CheckedAt.UTC(), "changed": changed[i],
		}
		if len(v.Details) > 0 {
			details["details"] = v.Details
		}
		entries = append(entries, auditEntry{Action: "evidence.recorded", Number: v.Number, Details: details})
	}
	return entries
}
