package importer

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
)

// pipeline reads records, converts them in parallel and hands them on in file order, in runs that do not depend on
// timing.
type pipeline struct {
	reader  *intake.Reader
	convert func(intake.Record) registry.ImportRow
	workers int
	rows    int // of a run, at most
	bytes   int // of a run; one record more than that, at most
}

// run is a run of records on its way through the pipeline.
type run struct {
	records []intake.Record
	rows    []registry.ImportRow
	ready   chan struct{} // closed when rows are there
}

// run calls merge with every run of rows. At a fault of the file it has done so with everything before the fault, and
// returns an unreadableError. At most workers+2 runs are in memory.
func (p *pipeline) run(ctx context.Context, merge func(context.Context, registry.ImportRows) error) error {
	g, ctx := errgroup.WithContext(ctx)
	var (
		todo    = make(chan *run)
		ordered = make(chan *run, p.workers)
		fault   error
	)
	g.Go(func() error {
		defer close(ordered)
		defer close(todo)
		var err error
		fault, err = p.read(ctx, todo, ordered)
		return err
	})
	for range p.workers {
		g.Go(func() error {
			for r := range todo {
				r.convert(p.convert)
			}
			return nil
		})
	}
	g.Go(func() error {
		for r := range ordered {
			select {
			case <-r.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			to := r.records[len(r.records)-1].End
			if err := merge(ctx, registry.ImportRows{To: to, Rows: r.rows}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return fault
}

func (r *run) convert(convert func(intake.Record) registry.ImportRow) {
	r.rows = make([]registry.ImportRow, len(r.records))
	for i, rec := range r.records {
		r.rows[i] = convert(rec)
	}
	close(r.ready)
}

// read cuts the file into runs. fault is what ended the file before its end.
func (p *pipeline) read(ctx context.Context, todo, ordered chan<- *run) (fault, err error) {
	for {
		r, end := p.next()
		if len(r.records) > 0 {
			for _, to := range []chan<- *run{todo, ordered} {
				select {
				case to <- r:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		}
		switch {
		case end == nil:
		case errors.Is(end, io.EOF):
			return nil, nil
		default:
			return unreadable("the file cannot be read behind row %d: %s", p.last(r), reason(end)), nil
		}
	}
}

// next reads the records of a run. The error is what the reader ended with.
func (p *pipeline) next() (*run, error) {
	r := &run{records: make([]intake.Record, 0, p.rows), ready: make(chan struct{})}
	for size := 0; len(r.records) < p.rows && size < p.bytes; {
		rec, err := p.reader.Next()
		if err != nil {
			return r, err
		}
		size += len(rec.Raw)
		r.records = append(r.records, rec)
	}
	return r, nil
}

func (p *pipeline) last(r *run) int64 {
	if n := len(r.records); n > 0 {
		return r.records[n-1].Row
	}
	return p.reader.Position().Row
}
