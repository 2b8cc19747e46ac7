package importer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
)

// Receive keeps what r holds in the spool directory and registers it as an import, on which Run works from then on. It
// returns when the file is safe on disk.
//
// When the same content was registered before for the same source and options, and did not fail, that import is
// returned, alreadyImported is true, and nothing changes. A file that cannot be read at all (empty, not CSV, without a
// phone column) is *registry.Error INVALID_INPUT, and nothing is registered; likewise UNKNOWN_SOURCE.
func (i *Importer) Receive(ctx context.Context, r io.Reader, o Options) (b registry.ImportBatch, alreadyImported bool, err error) {
	kept, err := i.checked(o)
	if err != nil {
		return b, false, err
	}
	if err := o.ask(ctx, func(ctx context.Context) error { return i.checkSource(ctx, o.Source) }); err != nil {
		return b, false, err
	}
	dir, err := i.spool.open()
	if err != nil {
		return b, false, err
	}
	head, whole, err := readHead(&contextReader{ctx, r})
	if err != nil {
		return b, false, fmt.Errorf("receive file: %w", err)
	}
	layout, err := intake.Inspect(head, whole, o.Map)
	if err != nil {
		return b, false, err
	}
	n := newImport(o, kept, layout)
	n.Spool = registry.Spool{Dir: dir, Name: n.ID.String() + spoolSuffix}
	hash := sha256.New()
	content := io.TeeReader(io.MultiReader(bytes.NewReader(head), r), hash)
	if n.BytesTotal, err = i.spool.receive(ctx, content, n.Spool.Name, i.c.MaxBytes); err != nil {
		return b, false, err
	}
	hash.Sum(n.ContentHash[:0])
	var task registry.ImportTask
	var existed bool
	err = o.ask(ctx, func(ctx context.Context) (err error) {
		task, existed, err = i.c.Store.StartImport(ctx, n)
		return err
	})
	if err != nil || task.Spool != n.Spool {
		// Should the commit have gone through without our knowing, the import fails for want of its file, and says so.
		return task.ImportBatch, existed, errors.Join(err, i.spool.remove(n.Spool.Name))
	}
	i.changed(task.ID)
	select {
	case i.wake <- struct{}{}:
	default:
	}
	return task.ImportBatch, false, nil
}

// readHead reads the head of a file, and tells whether that is all of it.
func readHead(r io.Reader) (head []byte, whole bool, err error) {
	head = make([]byte, intake.HeadSize)
	n, err := io.ReadFull(r, head)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return head[:n], true, nil
	case err != nil:
		return nil, false, err
	}
	return head, false, nil
}

// ImportFile reads a local file into the registry and returns when it is done. progress, unless nil, is called after
// each transaction.
//
// alreadyImported, and the errors of files that cannot be read at all, are as of Receive. An import that was interrupted
// goes on when it is started again with the same file, source and options. While another process works on it, or the
// session of one that was killed has not ended, it is returned as it is: alreadyImported, and not at its end. When ctx ends,
// the import stays RUNNING, to be gone on with, and the error is that of ctx. A file that breaks off is an import that is
// FAILED, with everything before the fault kept, and no error.
func (i *Importer) ImportFile(ctx context.Context, path string, o Options, progress func(registry.ImportBatch)) (b registry.ImportBatch, alreadyImported bool, err error) {
	if o.FileName == "" {
		o.FileName = path
	}
	kept, err := i.checked(o)
	if err != nil {
		return b, false, err
	}
	if err := i.checkSource(ctx, o.Source); err != nil {
		return b, false, err
	}
	n, err := describe(ctx, path, o, kept)
	if err != nil {
		return b, false, err
	}
	task, existed, err := i.c.Store.StartImport(ctx, n)
	if err != nil {
		return b, false, err
	}
	if existed && task.Status.Ended() {
		return task.ImportBatch, true, nil
	}
	claim, err := i.c.Store.ClaimImport(ctx, task.ID)
	if errors.Is(err, registry.ErrImportBusy) {
		return task.ImportBatch, true, nil
	}
	if err != nil {
		return task.ImportBatch, false, err
	}
	defer claim.Release(ctx)
	if b = claim.Task().ImportBatch; b.Status.Ended() {
		return b, true, nil // by somebody else, just now
	}
	b, err = i.work(ctx, claim, path, progress)
	return b, false, err
}

// describe reads a local file once, to know it again.
func describe(ctx context.Context, path string, o Options, kept registry.ImportOptions) (n registry.NewImport, err error) {
	f, err := openFile(path)
	if err != nil {
		return n, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	head, whole, err := readHead(f)
	if err != nil {
		return n, fmt.Errorf("read file: %w", err)
	}
	layout, err := intake.Inspect(head, whole, o.Map)
	if err != nil {
		return n, err
	}
	n = newImport(o, kept, layout)
	hash := sha256.New()
	hash.Write(head)
	rest, err := io.Copy(hash, &contextReader{ctx, f})
	if err != nil {
		return n, fmt.Errorf("read file: %w", err)
	}
	n.BytesTotal = int64(len(head)) + rest
	hash.Sum(n.ContentHash[:0])
	return n, nil
}

// openFile opens a file that can be read twice.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, registry.Errorf(registry.CodeInvalidInput, []string{"file"}, "there is no file %s", path)
	case err != nil:
		return nil, fmt.Errorf("open file: %w", err)
	case info.IsDir():
		return nil, registry.Errorf(registry.CodeInvalidInput, []string{"file"}, "%s is a directory: name a CSV file in it", path)
	case !info.Mode().IsRegular():
		return nil, registry.Errorf(registry.CodeInvalidInput, []string{"file"}, "%s is not a file that can be read again: save it first", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	return f, nil
}
