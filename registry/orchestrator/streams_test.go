package orchestrator

import (
	"testing"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/scoring"
)

// TestStreamsMadeByWorkersAreSetRight: a worker that finds a stream missing makes it with settings of its own. The
// reconciler gives it those of the server, also when nothing else is wrong: a stream with one copy would go with its node.
func TestStreamsMadeByWorkersAreSetRight(t *testing.T) {
	const room = 8 << 20
	r := newRig(t)
	o := r.orchestrator(func(c *Config) { c.Streams.MaxBytes = room })
	if err := o.ensureStreams(r.ctx); err != nil {
		t.Fatal(err)
	}
	name := bus.WorkStream(string(scoring.Google))
	if err := r.js.DeleteStream(r.ctx, name); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.EnsureWork(r.ctx, r.js, string(scoring.Google), bus.Options{CreateOnly: true}); err != nil {
		t.Fatal(err)
	}
	r.reconciled(o)
	stream, err := r.js.Stream(r.ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().Config.MaxBytes; got != room {
		t.Errorf("the stream holds %d bytes, want %d", got, room)
	}
}
