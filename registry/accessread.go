package registry

import (
	"context"

	"github.com/google/uuid"
)

// AccessLog returns one page of the operations that showed whole numbers, newest first. What this server has recorded
// so far is in it; other servers' entries come within a second. *Error or Errors INVALID_INPUT.
func (s *Service) AccessLog(ctx context.Context, f AccessFilter, p PageRequest) (Page[AccessEntry], error) {
	var es Errors
	if f.MinRevealed != nil && *f.MinRevealed < 0 {
		es = append(es, Errorf(CodeInvalidInput, []string{"filter", "minRevealed"}, "minRevealed is below 0: want 0 or more"))
	}
	if f.Since != nil && f.Until != nil && f.Until.Before(*f.Since) {
		es = append(es, Errorf(CodeInvalidInput, []string{"filter", "until"}, "until is before since"))
	}
	es = collect(es, checkAccessTexts(f))
	p, err := checkPage(p)
	if es = collect(es, err); len(es) > 0 {
		return Page[AccessEntry]{}, es
	}
	if err := s.syncAccess(ctx); err != nil {
		return Page[AccessEntry]{}, err
	}
	return s.store.AccessEntries(ctx, f, p)
}

// CountAccessLog counts the entries that match.
func (s *Service) CountAccessLog(ctx context.Context, f AccessFilter) (int64, error) {
	if err := checkAccessTexts(f); err != nil {
		return 0, err
	}
	return s.store.CountAccessEntries(ctx, f)
}

// checkAccessTexts refuses texts that the store cannot compare with.
func checkAccessTexts(f AccessFilter) error {
	for _, text := range []struct {
		name  string
		value *string
	}{{"actor", f.Actor}, {"requestId", f.RequestID}} {
		if text.value != nil && !storable(*text.value) {
			return Errorf(CodeInvalidInput, []string{"filter", text.name}, "%s is not a text of UTF-8 without NUL", text.name)
		}
	}
	return nil
}

// AccessEntry returns an entry of the access log; ErrNotFound when there is none with this id.
func (s *Service) AccessEntry(ctx context.Context, id uuid.UUID) (AccessEntry, error) {
	if err := s.syncAccess(ctx); err != nil {
		return AccessEntry{}, err
	}
	return s.store.AccessEntry(ctx, id)
}
