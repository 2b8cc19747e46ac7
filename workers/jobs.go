package workers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errCancelled ends the work on the chunks of a job that was cancelled.
var errCancelled = errors.New("the job was cancelled")

// jobs knows the jobs whose chunks are held and those that were cancelled lately. A cancel is a hint: what is forgotten
// here is only work done in vain.
type jobs struct {
	now func() time.Time

	mu        sync.Mutex
	held      map[string]*heldJob
	cancelled map[string]time.Time
}

type heldJob struct {
	ctx    context.Context //nolint:containedctx // shared by the chunks of the job
	cancel context.CancelCauseFunc
	chunks int
}

const (
	rememberCancelled = 15 * time.Minute
	maxCancelled      = 10_000
)

func newJobs(now func() time.Time) *jobs {
	return &jobs{now: now, held: map[string]*heldJob{}, cancelled: map[string]time.Time{}}
}

// enter notes that a chunk of the job is held. It returns the context for the work on it, which ends with errCancelled
// when the job is cancelled, and what to call afterwards; false when it was cancelled already.
func (j *jobs) enter(parent context.Context, id string) (context.Context, func(), bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if at, ok := j.cancelled[id]; ok {
		if j.now().Sub(at) < rememberCancelled {
			return nil, nil, false
		}
		delete(j.cancelled, id)
	}
	h := j.held[id]
	if h == nil {
		h = &heldJob{}
		h.ctx, h.cancel = context.WithCancelCause(parent)
		j.held[id] = h
	}
	h.chunks++
	return h.ctx, func() { j.leave(id, h) }, true
}

func (j *jobs) leave(id string, h *heldJob) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if h.chunks--; h.chunks == 0 {
		h.cancel(nil)
		if j.held[id] == h {
			delete(j.held, id)
		}
	}
}

// drop ends the work on what is held of the job and on what will come of it for a while.
func (j *jobs) drop(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	if len(j.cancelled) >= maxCancelled {
		j.forget(now)
	}
	j.cancelled[id] = now
	if h := j.held[id]; h != nil {
		h.cancel(errCancelled)
		delete(j.held, id) // those who hold it still leave through their own reference
	}
}

// forget makes room: first what is old, then anything.
func (j *jobs) forget(now time.Time) {
	for id, at := range j.cancelled {
		if now.Sub(at) >= rememberCancelled {
			delete(j.cancelled, id)
		}
	}
	for id := range j.cancelled {
		if len(j.cancelled) < maxCancelled {
			return
		}
		delete(j.cancelled, id)
	}
}
