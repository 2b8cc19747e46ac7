package accesslog

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"phoneregistry/registry"
)

const (
	purgeEvery  = time.Hour
	purgeAtOnce = 10000 // entries of one transaction
)

// Purge deletes what is older than keep from the store, oldest first, a part at a time.
func Purge(ctx context.Context, store registry.AccessStore, now time.Time, keep time.Duration) (deleted int64, err error) {
	for {
		n, err := store.PurgeAccessLog(ctx, now.Add(-keep), purgeAtOnce)
		if deleted += n; err != nil || n < purgeAtOnce {
			return deleted, err
		}
	}
}

// RunPurge purges the store every hour until ctx ends. Several servers may do so at once.
func RunPurge(ctx context.Context, store registry.AccessStore, keep time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		deleted, err := Purge(ctx, store, time.Now(), keep)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Warn("access log not purged", "error", fmt.Errorf("purge access log: %w", err))
		case deleted > 0:
			log.Info("access log purged", "entries", deleted, "keep", keep)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
