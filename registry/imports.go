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

// Quarantine returns one page of what each import did not accept, in file order; reason "": any. p.After only with one
// import. *Error or Errors INVALID_INPUT.
func (s *Service) Quarantine(ctx context.Context, imports []uuid.UUID, reason string, p PageRequest) (map[uuid.UUID]Page[QuarantineEntry], error) {
	var es Errors
	es = collect(es, checkReason(reason))
	p, err := checkPageOf(p, len(imports))
	if es = collect(es, err); len(es) > 0 {
		return nil, es
	}
	return s.store.Quarantine(ctx, imports, reason, p)
}

// CountQuarantine counts what each import did not accept; reason "": any.
func (s *Service) CountQuarantine(ctx context.Context, imports []uuid.UUID, reason string) (map[uuid.UUID]int64, error) {
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	return s.store.CountQuarantine(ctx, imports, reason)
}

func checkReason(reason string) error {
	if reason != "" && !reasonRegexp.MatchString(reason) {
		return Errorf(CodeInvalidInput, pathTo("reason"), "reason is %s: want a reason code such as TOO_SHORT", quoted(reason))
	}
	return nil
}
