package orchestrator

import (
	"context"
	"errors"

	"phoneregistry/internal/loop"
	"phoneregistry/registry"
)

// schedule starts the jobs of schedules that are due. The ledger sees to it that of several servers one does.
func (o *Orchestrator) schedule(ctx context.Context) error {
	for ctx.Err() == nil {
		run, err := o.Ledger.RunDueSchedule(ctx)
		switch {
		case errors.Is(err, registry.ErrNotFound):
			loop.Sleep(ctx, o.Schedule)
		case err != nil:
			return err
		case run.Job != nil:
			o.metrics.scheduled.WithLabelValues("started").Inc()
			o.Logger.Info("schedule started a job", "schedule_id", run.Schedule.ID, "job_id", run.Job.ID, "checks", run.Job.Total)
			o.Notifier.JobChanged(run.Job.ID)
		default:
			o.metrics.scheduled.WithLabelValues("skipped").Inc()
			o.Logger.Info("schedule started nothing", "schedule_id", run.Schedule.ID, "reason", run.Schedule.LastSkipReason)
		}
	}
	return nil
}
