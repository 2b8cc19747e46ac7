package importer

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"phoneregistry/registry"
)

const (
	// lookAgain is how often Run looks for imports that it was not told of: those of a server that shared this
	// server's spool directory and has died.
	lookAgain = 10 * time.Second
	// Retries of a database that cannot be reached.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// actor acts in the name of the importer, for the audit trail.
func actor(ctx context.Context) context.Context {
	return registry.WithActor(ctx, registry.Actor{Name: "system:importer", Role: registry.RoleOperator})
}

// Run works on received files until ctx ends, and first of all on those that were interrupted. Its error is that of a
// spool directory that cannot be used.
func (i *Importer) Run(ctx context.Context) error {
	ctx = actor(ctx)
	if _, err := i.spool.open(); err != nil {
		return err
	}
	i.sweep(ctx)
	var g errgroup.Group
	for range i.c.Parallel {
		g.Go(func() error {
			i.loop(ctx)
			return nil
		})
	}
	return g.Wait()
}

// loop works on one import after the other.
func (i *Importer) loop(ctx context.Context) {
	wait, retry := time.Duration(0), firstRetry
	for sleep(ctx, i.wake, wait) {
		found, err := i.next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			i.c.Logger.WarnContext(ctx, "import is tried again later", "after", retry, "error", err)
			wait, retry = retry, min(2*retry, lastRetry)
		case found:
			wait, retry = 0, firstRetry
		default:
			wait, retry = lookAgain, firstRetry
		}
	}
}

// sleep waits, at most until woken. It reports false when ctx has ended.
func sleep(ctx context.Context, wake <-chan struct{}, wait time.Duration) bool {
	if wait == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return true
}

// next works on the oldest import that nobody else works on. It reports false when there is none.
func (i *Importer) next(ctx context.Context) (bool, error) {
	dir, err := i.spool.open()
	if err != nil {
		return false, err
	}
	ids, err := i.c.Store.OpenImports(ctx, dir)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		claim, err := i.c.Store.ClaimImport(ctx, id)
		if errors.Is(err, registry.ErrImportBusy) {
			continue
		}
		if err != nil {
			return false, err
		}
		return true, i.workClaimed(ctx, claim)
	}
	return false, nil
}

func (i *Importer) workClaimed(ctx context.Context, claim registry.ImportClaim) error {
	defer claim.Release(ctx)
	name := claim.Task().Spool.Name
	if !claim.Task().Status.Ended() {
		b, err := i.work(ctx, claim, i.spool.path(name), nil)
		if errors.Is(err, registry.ErrImportBusy) {
			return nil // somebody else has gone on with it
		}
		if err != nil || !b.Status.Ended() {
			return err
		}
	}
	// All rows are in the database as received, so the file is not needed any more.
	if err := i.spool.remove(name); err != nil {
		i.c.Logger.WarnContext(ctx, "received file is left over", "import", claim.Task().ID, "error", err)
	}
	return nil
}

// sweep removes what was left over in the spool directory by uploads that were cut off. It can wait for the next start,
// so its faults are only logged.
func (i *Importer) sweep(ctx context.Context) {
	dir, err := i.spool.open()
	if err != nil {
		return
	}
	ids, err := i.c.Store.OpenImports(ctx, dir)
	if err == nil {
		open := make(map[string]bool, len(ids))
		for _, id := range ids {
			open[id.String()+spoolSuffix] = true
		}
		err = i.spool.sweep(open, i.c.Now())
	}
	if err != nil && ctx.Err() == nil {
		i.c.Logger.WarnContext(ctx, "spool directory is not swept", "error", err)
	}
}
