package resolvers

import (
	"context"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// RecordEvidence records what one's own systems have seen of numbers.
func (m mutation) RecordEvidence(ctx context.Context, input model.RecordEvidenceInput) (*model.RecordEvidencePayload, error) {
	validations, err := m.service.RecordEvidence(ctx, input.Evidence)
	payload := &model.RecordEvidencePayload{Validations: []registry.Validation{}}
	if payload.UserErrors, err = userErrors(err); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Recorded, payload.Validations = len(input.Evidence), validations
	return payload, nil
}
