package resolvers

import (
	"context"

	"phoneregistry/graph/model"
	"phoneregistry/internal/live"
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
	return &model.ImportBatch{ImportBatch: batch}, nil
}

// Imports pages through the imports, newest first.
func (q query) Imports(ctx context.Context, first *int, after *string) (*model.ImportBatchConnection, error) {
	l := q.list("imports")
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	page, err := q.service.Imports(ctx, request)
	if err != nil {
		return nil, err
	}
	nodes := wrap(page.Items, func(b registry.ImportBatch) *model.ImportBatch { return &model.ImportBatch{ImportBatch: b} })
	return &model.ImportBatchConnection{Connection: connect(l, page, nodes, request, q.service.CountImports)}, nil
}

// Quarantine pages through what an import did not accept, in file order.
func (r importBatch) Quarantine(ctx context.Context, obj *model.ImportBatch, reason *string, first *int, after *string,
) (*model.QuarantineConnection, error) {
	l := r.list("quarantine/" + obj.ID())
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	filter := registry.QuarantineFilter{Import: obj.ImportBatch.ID, Reason: deref(reason)}
	page, err := r.service.Quarantine(ctx, filter, request)
	if err != nil {
		return nil, err
	}
	nodes := wrap(page.Items, func(q registry.QuarantineEntry) *model.QuarantineEntry {
		return &model.QuarantineEntry{QuarantineEntry: q}
	})
	return &model.QuarantineConnection{Connection: connect(l, page, nodes, request, func(ctx context.Context) (int64, error) {
		return r.service.CountQuarantine(ctx, filter)
	})}, nil
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
	return &model.ImportBatch{ImportBatch: obj.Batch}, nil
}
