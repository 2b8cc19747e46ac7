package resolvers

import (
	"context"
	"errors"

	"phoneregistry/graph/model"
)

// RecordEvidence is not built yet.
func (r mutation) RecordEvidence(ctx context.Context, input model.RecordEvidenceInput) (*model.RecordEvidencePayload, error) {
	return nil, errors.ErrUnsupported
}
