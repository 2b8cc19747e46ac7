package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// reasonUnplannable is what is shown of a job whose target cannot be read.
const reasonUnplannable = "the target could not be cut into chunks"

// plan cuts the targets of jobs, one step of each job after the other, so that a large one does not keep others from
// being planned.
func (o *Orchestrator) plan(ctx context.Context) error {
	for ctx.Err() == nil {
		busy, err := o.planRound(ctx)
		if err != nil {
			return err
		}
		if !busy {
			o.wakePlanner.Wait(ctx, o.Poll)
		}
	}
	return nil
}

// planRound plans one step of each job and reports whether anything was done.
func (o *Orchestrator) planRound(ctx context.Context) (busy bool, err error) {
	jobs, err := o.Ledger.UnplannedJobs(ctx)
	if err != nil {
		return false, err
	}
	var failures []error
	for _, id := range jobs {
		planned, err := o.Ledger.PlanJob(ctx, id)
		switch {
		case errors.Is(err, registry.ErrRejected):
			err = o.giveUp(ctx, id, err)
			busy = true
		case planned.Job != uuid.Nil:
			busy = true
			o.metrics.planned.Add(float64(planned.Checks))
			o.wakeRelay.Give()
			o.Notifier.JobChanged(id)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("plan job %s: %w", id, err))
		}
	}
	return busy, errors.Join(failures...)
}

// giveUp fails a job that will never be planned.
func (o *Orchestrator) giveUp(ctx context.Context, id uuid.UUID, cause error) error {
	o.Logger.Error("job cannot be planned", "job_id", id, "error", cause)
	_, err := o.Ledger.FailJob(ctx, id, reasonUnplannable)
	if _, ended := registry.UserErrors(err); ended || errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	if err == nil {
		o.Notifier.JobCancelled(id)
	}
	return err
}
