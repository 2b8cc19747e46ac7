package resolvers

import (
	"context"

	"github.com/google/uuid"

	"phoneregistry/graph/model"
	"phoneregistry/internal/live"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// Import finds an import.
func (q query) Import(ctx context.Context, id string) (*model.ImportBatch, error) {
	return orNull(q.importByID(ctx, id))
}

// importByID returns registry.ErrNotFound also for what is no id of an import.
func (r *Resolver) importByID(ctx context.Context, id string) (*model.ImportBatch, error) {
	key, err := parseID(model.KindImport, id)
	if err != nil {
		return nil, err
	}
	batch, err := r.service.Import(ctx, key)
	if err != nil {
		return nil, err
	}
	return model.NewImportBatches(batch)[0], nil
}

// Imports pages through the imports, newest first.
func (q query) Imports(ctx context.Context, first *int, after *string) (*model.ImportBatchConnection, error) {
	l := q.list("imports")
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	request.Fields = asked(ctx, "ImportBatch")
	page, err := q.service.Imports(ctx, request)
	if err != nil {
		return nil, err
	}
	nodes := model.NewImportBatches(page.Items...)
	return &model.ImportBatchConnection{Connection: connect(l, page, nodes, request, q.service.CountImports)}, nil
}

// Quarantine pages through what an import did not accept, in file order.
func (r importBatch) Quarantine(ctx context.Context, obj *model.ImportBatch, reason *string, first *int, after *string,
) (*model.QuarantineConnection, error) {
	why := deref(reason)
	quarantine := nested[uuid.UUID, registry.QuarantineEntry, *model.QuarantineEntry]{
		pages: &obj.Siblings.Quarantine, which: why, keys: obj.Siblings.IDs, what: "QuarantineEntry",
		load: func(ctx context.Context, ids []uuid.UUID, p registry.PageRequest) (map[uuid.UUID]registry.Page[registry.QuarantineEntry], error) {
			return r.service.Quarantine(ctx, ids, why, p)
		},
		count: func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
			return r.service.CountQuarantine(ctx, ids, why)
		},
		list: func(id uuid.UUID) list { return r.list("quarantine/" + opaque.UUID(model.KindImport, id)) },
		nodes: each(func(q registry.QuarantineEntry) *model.QuarantineEntry {
			return &model.QuarantineEntry{QuarantineEntry: q}
		}),
	}
	if !registry.ActorFrom(ctx).SeesWholeNumbers() {
		quarantine.without = "raw"
	}
	page, err := quarantine.of(ctx, obj.ImportBatch.ID, first, after)
	return &model.QuarantineConnection{Connection: page}, err
}

// ImportProgress sends the progress of an import.
func (s subscription) ImportProgress(ctx context.Context, id string) (<-chan *live.ImportProgress, error) {
	key, err := parseID(model.KindImport, id)
	if err != nil {
		return nil, notFound(err, "import")
	}
	states, err := s.live.ImportProgress(ctx, key)
	return states, notFound(err, "import")
}

// Import is the import in the state that the progress tells of.
func (r importProgress) Import(_ context.Context, obj *live.ImportProgress) (*model.ImportBatch, error) {
	return model.NewImportBatches(obj.Batch)[0], nil
}
