package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
)

// unreadableError says that a file cannot be read on, which ends its import as FAILED. Its text is shown to users.
type unreadableError struct{ message string }

func (e *unreadableError) Error() string { return e.message }

func unreadable(format string, args ...any) error {
	return &unreadableError{fmt.Sprintf(format, args...)}
}

// work reads the file of a claimed import from its checkpoint to its end. Faults of the file end the import as FAILED
// and are no error; faults of the store, and the end of ctx, are errors that leave it to be gone on with.
func (i *Importer) work(ctx context.Context, claim registry.ImportClaim, path string, progress func(registry.ImportBatch)) (registry.ImportBatch, error) {
	i.metrics.running.Inc()
	defer i.metrics.running.Dec()
	i.changed(claim.Task().ID)
	err := i.read(ctx, claim, path, progress)
	status, message := registry.ImportCompleted, ""
	var fault *unreadableError
	switch {
	case errors.As(err, &fault):
		status, message = registry.ImportFailed, fault.message
	case errors.Is(err, registry.ErrUnstorable):
		i.c.Logger.ErrorContext(ctx, "rows cannot be stored", "import", claim.Task().ID, "error", err)
		status = registry.ImportFailed
		message = fmt.Sprintf("the rows behind row %d cannot be stored", claim.Task().RowsRead)
	case err != nil:
		return claim.Task().ImportBatch, err
	}
	b, err := claim.End(ctx, status, message)
	if err != nil {
		return claim.Task().ImportBatch, err
	}
	i.metrics.imports.WithLabelValues(string(status)).Inc()
	i.c.Logger.InfoContext(ctx, "import ended", "import", b.ID, "status", b.Status, "rows", b.RowsRead,
		"accepted", b.RowsAccepted, "rejected", b.RowsRejected, "numbers", b.NumbersAccepted)
	i.changed(b.ID)
	if progress != nil {
		progress(b)
	}
	return b, nil
}

func (i *Importer) read(ctx context.Context, claim registry.ImportClaim, path string, progress func(registry.ImportBatch)) error {
	task := claim.Task()
	f, err := os.Open(path)
	if err != nil {
		return unreadable("the file cannot be opened any more")
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err := sameSize(f, task.BytesTotal); err != nil {
		return err
	}
	layout, err := inspect(f, task.Options.Map)
	if err != nil {
		return err
	}
	from := layout.Data
	if task.BytesRead > 0 {
		from = intake.Position{Offset: task.BytesRead, Row: task.RowsRead}
	}
	if _, err := f.Seek(from.Offset, io.SeekStart); err != nil {
		return unreadable("the file cannot be read: %s", reason(err))
	}
	converter := intake.NewConverter(layout, intake.Context{
		Source: task.Source, Region: task.Options.Region, Area: task.Options.Area,
	}, i.c.Numbers)
	p := pipeline{
		reader: intake.NewReader(f, layout.Dialect, from), convert: converter.Convert,
		workers: i.c.Workers, rows: i.c.BatchRows, bytes: batchBytes,
	}
	if err := p.run(ctx, i.merge(claim, progress)); err != nil {
		return err
	}
	return sameSize(f, task.BytesTotal)
}

// merge returns the last step of the pipeline.
func (i *Importer) merge(claim registry.ImportClaim, progress func(registry.ImportBatch)) func(context.Context, registry.ImportRows) error {
	return func(ctx context.Context, rows registry.ImportRows) error {
		before, start := claim.Task().ImportBatch, i.c.Now()
		after, err := claim.Merge(ctx, rows)
		if err != nil {
			return err
		}
		i.metrics.merged(before, after, i.c.Now().Sub(start))
		i.changed(after.ID)
		if progress != nil {
			progress(after)
		}
		return nil
	}
}

// sameSize makes sure that the file is still as long as when its content was hashed.
func sameSize(f *os.File, want int64) error {
	info, err := f.Stat()
	if err != nil {
		return unreadable("the file cannot be read: %s", reason(err))
	}
	if info.Size() != want {
		return unreadable("the file changed while it was read: it had %d bytes and has %d", want, info.Size())
	}
	return nil
}

func inspect(f *os.File, fields map[string]string) (*intake.Layout, error) {
	head, whole, err := readHead(f)
	if err != nil {
		return nil, unreadable("the file cannot be read: %s", reason(err))
	}
	layout, err := intake.Inspect(head, whole, fields)
	if err != nil {
		return nil, unreadable("%s", err.Error())
	}
	return layout, nil
}

// reason is the bare cause of a fault of a file, without its path.
func reason(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err.Error()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends in the middle of a character"
	}
	return err.Error()
}

func (i *Importer) changed(id uuid.UUID) {
	if i.c.Notifier != nil {
		i.c.Notifier.ImportChanged(id)
	}
}
