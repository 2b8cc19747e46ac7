package workers

import (
	"context"
	"errors"
	"sync"
	"time"

	"phoneregistry/internal/bus"
)

var (
	// errCancelled ends the work on the chunks of a job that was cancelled.
	errCancelled = errors.New("the job was cancelled")
	// errHeld: the chunk is being worked on already, under another message.
	errHeld = errors.New("another message of the same chunk is held")
	// errHeldMessage: the chunk is being worked on already, and this is its message.
	errHeldMessage = errors.New("the same message is held")
)

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
	chunks map[chunkKey]uint64 // sequence of the message in the work stream
}

type chunkKey struct {
	platform string
	no       int
}

const (
	rememberCancelled = 15 * time.Minute
	maxCancelled      = 10_000
)

func newJobs(now func() time.Time) *jobs {
	return &jobs{now: now, held: map[string]*heldJob{}, cancelled: map[string]time.Time{}}
}

// enter notes that a chunk is held. It returns the context for the work on it, which ends with errCancelled when its job
// is cancelled, and what to call afterwards; errCancelled, errHeld or errHeldMessage when there is nothing to do.
func (j *jobs) enter(parent context.Context, chunk bus.Chunk, sequence uint64) (context.Context, func(), error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	id, key := chunk.JobID, chunkKey{chunk.Platform, chunk.ChunkNo}
	if at, ok := j.cancelled[id]; ok {
		if j.now().Sub(at) < rememberCancelled {
			return nil, nil, errCancelled
		}
		delete(j.cancelled, id)
	}
	h := j.held[id]
	if h == nil {
		h = &heldJob{chunks: map[chunkKey]uint64{}}
		h.ctx, h.cancel = context.WithCancelCause(parent)
		j.held[id] = h
	}
	if held, ok := h.chunks[key]; ok {
		if held == sequence {
			return nil, nil, errHeldMessage
		}
		return nil, nil, errHeld
	}
	h.chunks[key] = sequence
	return h.ctx, func() { j.leave(id, h, key) }, nil
}

func (j *jobs) leave(id string, h *heldJob, key chunkKey) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(h.chunks, key)
	if len(h.chunks) == 0 {
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

// forget makes room, more than is needed now so that it is seldom called: first what is old, then anything.
func (j *jobs) forget(now time.Time) {
	for id, at := range j.cancelled {
		if now.Sub(at) >= rememberCancelled {
			delete(j.cancelled, id)
		}
	}
	for id := range j.cancelled {
		if len(j.cancelled) <= maxCancelled*9/10 {
			return
		}
		delete(j.cancelled, id)
	}
}
