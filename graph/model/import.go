package model

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"phoneregistry/graph/reveal"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// ImportBatch is a file that was imported, or is being imported.
type ImportBatch struct {
	registry.ImportBatch
	Siblings *ImportBatches
}

// ImportBatches is the imports of one list.
type ImportBatches struct {
	IDs        []uuid.UUID
	Quarantine Pages[uuid.UUID, *QuarantineEntry]
}

// NewImportBatches makes the imports of one list.
func NewImportBatches(imports ...registry.ImportBatch) []*ImportBatch {
	set := &ImportBatches{IDs: make([]uuid.UUID, len(imports))}
	all := make([]*ImportBatch, len(imports))
	for i, b := range imports {
		all[i] = &ImportBatch{ImportBatch: b, Siblings: set}
		set.IDs[i] = b.ID
	}
	return all
}

// IsNode marks a type with a global id.
func (*ImportBatch) IsNode() {}

// ID is the global id.
func (b *ImportBatch) ID() string { return opaque.UUID(KindImport, b.ImportBatch.ID) }

// FileName is null when none was given.
func (b *ImportBatch) FileName() *string { return optional(b.ImportBatch.FileName) }

// Region is null when none was given.
func (b *ImportBatch) Region() *string { return optional(b.ImportBatch.Region) }

// ErrorMessage is null unless the import failed.
func (b *ImportBatch) ErrorMessage() *string { return optional(b.ImportBatch.ErrorMessage) }

// Rejections lists the reasons for quarantine, the most frequent first.
func (b *ImportBatch) Rejections() []ImportRejections {
	all := make([]ImportRejections, 0, len(b.ImportBatch.Rejections))
	for _, reason := range slices.Sorted(maps.Keys(b.ImportBatch.Rejections)) {
		all = append(all, ImportRejections{Reason: reason, Count: b.ImportBatch.Rejections[reason]})
	}
	slices.SortStableFunc(all, func(x, y ImportRejections) int { return int(min(1, max(-1, y.Count-x.Count))) })
	return all
}

// RowsPerSecond is the rows read in a second, over the time it has run.
func (b *ImportBatch) RowsPerSecond() float64 {
	end := b.CompletedAt
	if end.IsZero() {
		end = b.UpdatedAt
	}
	if took := end.Sub(b.StartedAt).Seconds(); !b.StartedAt.IsZero() && took > 0 {
		return registry.PerSecond(float64(b.RowsRead) / took)
	}
	return 0
}

// QuarantineEntry is a row, or a number of a row, that was not accepted.
type QuarantineEntry struct{ registry.QuarantineEntry }

// Raw is the row as received, and null for callers that may not see whole numbers. What is not UTF-8 is replaced.
func (q *QuarantineEntry) Raw(ctx context.Context) *string {
	if !reveal.Whole(ctx) {
		return nil
	}
	raw := strings.ToValidUTF8(string(q.QuarantineEntry.Raw), "\uFFFD")
	return &raw
}
