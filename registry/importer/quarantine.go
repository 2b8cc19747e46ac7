package importer

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// QuarantineStore is what WriteQuarantine reads from; *registry.Service is one, too.
type QuarantineStore interface {
	Import(ctx context.Context, id uuid.UUID) (registry.ImportBatch, error)
	// Quarantine returns one page of what each import did not accept, in file order; reason "": any.
	Quarantine(ctx context.Context, imports []uuid.UUID, reason string, p registry.PageRequest) (map[uuid.UUID]registry.Page[registry.QuarantineEntry], error)
}

// WriteQuarantine writes what an import did not accept as CSV in UTF-8: row (1 is the first after the header), reason,
// message and the row as received, as show makes it of that: it is called for each one before it is written. It reads and
// holds one page at a time, so that a slow receiver keeps no connection. registry.ErrNotFound when there is no such import;
// then nothing has been written.
func WriteQuarantine(ctx context.Context, store QuarantineStore, w io.Writer, f registry.QuarantineFilter, show func(raw []byte) string) error {
	if _, err := store.Import(ctx, f.Import); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write([]string{"row", "reason", "message", "raw"}); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	for p := (registry.PageRequest{First: registry.MaxPageSize}); ; {
		pages, err := store.Quarantine(ctx, []uuid.UUID{f.Import}, f.Reason, p)
		if err != nil {
			return fmt.Errorf("write quarantine: %w", err)
		}
		page := pages[f.Import]
		for _, e := range page.Items {
			if err := out.Write([]string{strconv.FormatInt(e.Row, 10), e.Reason, e.Message, show(e.Raw)}); err != nil {
				return fmt.Errorf("write quarantine: %w", err)
			}
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return fmt.Errorf("write quarantine: %w", err)
		}
		if !page.HasMore {
			return nil
		}
		p.After = &page.Positions[len(page.Positions)-1]
	}
}

// WriteQuarantine writes what an import did not accept as CSV; see the function of this name.
func (i *Importer) WriteQuarantine(ctx context.Context, w io.Writer, f registry.QuarantineFilter, show func(raw []byte) string) error {
	return WriteQuarantine(ctx, i.c.Store, w, f, show)
}
