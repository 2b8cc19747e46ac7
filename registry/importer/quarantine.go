package importer

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"phoneregistry/registry"
)

// WriteQuarantine writes what an import did not accept as CSV in UTF-8: row (1 is the first after the header), reason,
// message and the row as received, as show makes it of that: it is called for each one before it is written. It holds one
// entry at a time. registry.ErrNotFound when there is no such import; then nothing has been written.
func (i *Importer) WriteQuarantine(ctx context.Context, w io.Writer, f registry.QuarantineFilter, show func(raw []byte) string) error {
	if _, err := i.c.Store.Import(ctx, f.Import); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write([]string{"row", "reason", "message", "raw"}); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	err := i.c.Store.EachQuarantined(ctx, f, func(e registry.QuarantineEntry) error {
		return out.Write([]string{strconv.FormatInt(e.Row, 10), e.Reason, e.Message, show(e.Raw)})
	})
	if err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}
