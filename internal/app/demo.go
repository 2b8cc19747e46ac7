package app

import (
	"context"
	"errors"
	"io"

	"phoneregistry/internal/sample"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/scoring"
)

// What --demo starts with: enough to look at, slow enough to watch.
const (
	demoSeed      = 1
	demoSource    = "web_forms"
	demoFile      = "synthetic-contacts.csv"
	demoJob       = "Demo: first validation (simulated)"
	demoSimulator = "latency=1500ms,jitter=1s,errors=0.01"
	demoBatch     = 50
)

// runDemo loads synthetic contacts and starts a validation job over them, both once: on a data directory that has them
// already it does nothing. It works in the background, so that the first page shows while the first rows come in.
func (s *Server) runDemo(context.Context) error {
	if !s.config.Demo {
		return nil
	}
	ctx, cancel := context.WithCancel(registry.WithActor(context.Background(),
		registry.Actor{Name: "system:demo", Role: registry.RoleAdmin}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.demo(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("demo data could not be loaded", "error", err)
		}
	}()
	s.parts.add("demo", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
	return nil
}

func (s *Server) demo(ctx context.Context) error {
	jobs, err := s.service.CountJobs(ctx, registry.JobFilter{})
	if err != nil || jobs > 0 {
		return err
	}
	batch, err := s.demoImport(ctx)
	if err != nil {
		return err
	}
	if batch, err = s.importEnd(ctx, batch); err != nil {
		return err
	}
	if batch.Status != registry.ImportCompleted {
		return errors.New("the synthetic contacts could not be imported: " + batch.ErrorMessage)
	}
	batchSize := demoBatch
	_, err = s.service.StartJob(ctx, registry.StartJob{
		Name: demoJob, Platforms: scoring.Platforms(), BatchSize: &batchSize,
		Target: registry.TargetInput{ImportID: &batch.ID},
	})
	return err
}

// demoImport streams the generator into the importer, as an upload would.
func (s *Server) demoImport(ctx context.Context) (registry.ImportBatch, error) {
	r, w := io.Pipe()
	go func() {
		w.CloseWithError(sample.Write(w, sample.Options{Rows: s.config.DemoRows, Seed: demoSeed}))
	}()
	defer func() { _ = r.Close() }()
	batch, _, err := s.importer.Receive(ctx, r, importer.Options{
		Source: demoSource, FileName: demoFile, Format: "csv", Region: "CO",
	})
	return batch, err
}

// importEnd waits until an import has ended.
func (s *Server) importEnd(ctx context.Context, batch registry.ImportBatch) (registry.ImportBatch, error) {
	progress, err := s.hub.ImportProgress(ctx, batch.ID)
	if err != nil {
		return batch, err
	}
	for p := range progress {
		batch = p.Batch
	}
	return batch, ctx.Err()
}
