package app

import (
	"context"
	"path/filepath"

	"phoneregistry/internal/accesslog"
)

// accessLogDir is the folder in the data directory with what of the access log is not in PostgreSQL yet.
const accessLogDir = "access-log"

// openAccessLog opens the record of who sees whole numbers, and runs what moves it into the store.
func (s *Server) openAccessLog() (err error) {
	s.accesses, err = accesslog.Open(accesslog.Config{
		Dir: filepath.Join(s.config.DataDir, accessLogDir), Store: s.store, Logger: s.log, Registerer: s.metrics,
		MaxBytes: s.config.AccessLogSpoolBytes, BulkAbove: s.config.BulkRevealAbove,
		SyncEach: s.config.AccessLogSync,
	})
	if err != nil {
		return err
	}
	s.parts.loop("access log", s.accesses.Run)
	if keep := s.config.AccessLogKeep; keep > 0 {
		s.parts.loop("purge of the access log", func(ctx context.Context) error {
			return accesslog.RunPurge(ctx, s.store, keep, s.log)
		})
	}
	return nil
}
