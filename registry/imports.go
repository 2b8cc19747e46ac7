package registry

import (
	"context"
	"regexp"

	"github.com/google/uuid"
)

// reasonRegexp is what reason codes of quarantine entries look like.
var reasonRegexp = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// Import returns an import; ErrNotFound when there is none with this id.
func (s *Service) Import(ctx context.Context, id uuid.UUID) (ImportBatch, error) {
	return s.store.Import(ctx, id)
}

// Imports returns one page of imports, newest first.
func (s *Service) Imports(ctx context.Context, p PageRequest) (Page[ImportBatch], error) {
	p, err := checkPage(p)
	if err != nil {
		return Page[ImportBatch]{}, err
	}
	return s.store.Imports(ctx, p)
}

// CountImports counts the imports.
func (s *Service) CountImports(ctx context.Context) (int64, error) {
	return s.store.CountImports(ctx)
}

// Quarantine returns one page of what an import did not accept, in file order.
func (s *Service) Quarantine(ctx context.Context, f QuarantineFilter, p PageRequest) (Page[QuarantineEntry], error) {
	var es Errors
	es = collect(es, f.check())
	p, err := checkPage(p)
	if es = collect(es, err); len(es) > 0 {
		return Page[QuarantineEntry]{}, es
	}
	return s.store.Quarantine(ctx, f, p)
}

// CountQuarantine counts what an import did not accept.
func (s *Service) CountQuarantine(ctx context.Context, f QuarantineFilter) (int64, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	return s.store.CountQuarantine(ctx, f)
}

func (f QuarantineFilter) check() error {
	if f.Reason != "" && !reasonRegexp.MatchString(f.Reason) {
		return Errorf(CodeInvalidInput, pathTo("reason"), "reason is %s: want a reason code such as TOO_SHORT", quoted(f.Reason))
	}
	return nil
}
