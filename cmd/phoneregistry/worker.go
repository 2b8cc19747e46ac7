package main

import (
	"context"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/telemetry"
)

type workerCommand struct {
	config.Worker `embed:""`
}

func (w *workerCommand) Run(ctx context.Context, c console) error {
	if err := w.Check(); err != nil {
		return err
	}
	log := telemetry.NewLogger(c.err, w.LogLevel, w.LogFormat)
	return app.Work(ctx, w.Worker, app.Options{Version: version, Logger: log})
}
