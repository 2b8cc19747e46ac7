package live

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// inBubble runs a test with a hub under a clock of its own. There is no NATS in there: tests hint by themselves.
func inBubble(t *testing.T, test func(t *testing.T, h *Hub, s *source)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		h, err := New(Config{Conn: &nats.Conn{}, Service: s, Logger: testkit.Logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer h.close()
		test(t, h, s)
	})
}

func runningJob(processed int64) registry.Job {
	return registry.Job{
		ID: uuid.MustParse("11111111-1111-4111-8111-111111111111"), Status: registry.JobRunning, Planned: true,
		Total: 1000, Processed: processed, Sequence: 1 + processed, StartedAt: time.Now(),
	}
}

func TestSnapshotAtOnceThenAtMostFourASecond(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		states, err := h.JobProgress(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if first := <-states; first.Sequence != 1 || first.Total() != 1000 || len(first.Platforms) != 1 {
			t.Errorf("snapshot: %+v", first)
		}
		var seen []int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			for state := range states {
				seen = append(seen, state.Sequence)
			}
		}()
		for range 400 { // four seconds of a change, and a hint, every 10 ms
			time.Sleep(10 * time.Millisecond)
			job.Processed++
			job.Sequence++
			s.setJob(job)
			h.jobs.hint(job.ID.String())
		}
		job.Status, job.CompletedAt = registry.JobCompleted, time.Now()
		job.Processed, job.Total = 400, 400
		job.Sequence++
		s.setJob(job)
		h.jobs.hint(job.ID.String())
		<-done
		if loads := s.called("job"); loads > 18 {
			t.Errorf("loaded %d times in four seconds; want at most four times a second", loads)
		}
		if len(seen) < 14 || len(seen) > 17 || !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
			t.Errorf("sequences %v; want about 16, growing", seen)
		}
		if last := seen[len(seen)-1]; last != job.Sequence {
			t.Errorf("the last sequence is %d; want that of the final state, %d", last, job.Sequence)
		}
	})
}

func TestChangesAreFoundWithoutHints(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		states, err := h.JobProgress(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		<-states
		job.Sequence, job.Status, job.CompletedAt = 9, registry.JobCancelled, time.Now()
		s.setJob(job)
		begun := time.Now()
		last, ok := <-states
		if waited := time.Since(begun); !ok || last.Status() != registry.JobCancelled || waited > maxInterval {
			t.Errorf("%+v after %s; want the final state within %s", last, waited, maxInterval)
		}
		if _, ok := <-states; ok {
			t.Error("something came after the final state")
		}
	})
}

func TestFinalStateReachesThoseWhoComeLateOrReadSlowly(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		slow, err := h.JobProgress(t.Context(), job.ID) // reads nothing until the end
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			time.Sleep(maxInterval)
			job.Processed++
			job.Sequence++
			s.setJob(job)
		}
		job.Status, job.CompletedAt = registry.JobFailed, time.Now()
		job.Sequence++
		s.setJob(job)
		time.Sleep(2 * maxInterval)
		late, err := h.JobProgress(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		for name, states := range map[string]<-chan *JobProgress{"slow": slow, "late": late} {
			got := slices.Collect(all(states))
			if len(got) != 1 || got[0].Sequence != job.Sequence || got[0].Status() != registry.JobFailed {
				t.Errorf("%s: %d states, the last %+v; want the final one alone", name, len(got), got[len(got)-1])
			}
		}
	})
}

func all[T any](c <-chan T) func(func(T) bool) {
	return func(yield func(T) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}

func TestOneLoadForAllWhoWatch(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		ctx, cancel := context.WithCancel(t.Context())
		for range 500 {
			states, err := h.JobProgress(ctx, job.ID)
			if err != nil {
				t.Fatal(err)
			}
			<-states
		}
		before := s.called("job")
		if before > 3 {
			t.Errorf("500 subscribers at once cost %d loads", before)
		}
		time.Sleep(10 * maxInterval)
		if more := s.called("job") - before; more > 11 {
			t.Errorf("%d loads in ten quiet intervals; want one in each", more)
		}
		cancel()
		synctest.Wait()
		quiet := s.called("job")
		time.Sleep(10 * maxInterval)
		if more := s.called("job") - quiet; more != 0 || len(h.jobs.byID) != 0 {
			t.Errorf("%d loads and %d topics after the last subscriber has left", more, len(h.jobs.byID))
		}
	})
}

func TestWhatIsNotThereIsSaidSo(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		if _, err := h.JobProgress(t.Context(), uuid.New()); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("unknown job: %v", err)
		}
		if _, err := h.ImportProgress(t.Context(), uuid.New()); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("unknown import: %v", err)
		}
		s.err = errors.New("database is down")
		if _, err := h.JobProgress(t.Context(), uuid.New()); !errors.Is(err, s.err) {
			t.Errorf("while the database is down: %v", err)
		}
		synctest.Wait()
		if len(h.jobs.byID)+len(h.imports.byID) != 0 {
			t.Errorf("%d topics are left over", len(h.jobs.byID))
		}
	})
}

func TestAnOutageIsLivedThrough(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		states, err := h.JobProgress(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		<-states
		s.mu.Lock()
		s.err = errors.New("database is down")
		s.mu.Unlock()
		time.Sleep(5 * maxInterval)
		s.mu.Lock()
		s.err = nil
		s.mu.Unlock()
		job.Sequence = 77
		s.setJob(job)
		if next, ok := <-states; !ok || next.Sequence != 77 {
			t.Errorf("after the outage: %+v", next)
		}
	})
}

// TestNewcomersSeeNothingOld: one who has seen a newer state at another server must not see an older one here, however long
// the topic has not been looked at.
func TestNewcomersSeeNothingOld(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		if _, err := h.JobProgress(t.Context(), job.ID); err != nil { // keeps the topic open and reads nothing
			t.Fatal(err)
		}
		time.Sleep(maxInterval / 2)
		job.Sequence = 9
		s.setJob(job)
		newcomer, err := h.JobProgress(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if first := <-newcomer; first.Sequence != 9 {
			t.Errorf("a newcomer was told sequence %d; want 9", first.Sequence)
		}

		s.mu.Lock()
		s.err = errors.New("database is down")
		s.mu.Unlock()
		time.Sleep(maxInterval)
		if _, err := h.JobProgress(t.Context(), job.ID); !errors.Is(err, s.err) {
			t.Errorf("while nothing can be looked at, a newcomer gets %v; want the reason", err)
		}
	})
}

func TestTheEndOfTheHubEndsSubscriptions(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		s.setScore(573001234567, 80)
		states, err := h.JobProgress(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		leads, err := h.LeadScores(t.Context(), registry.LeadFilter{})
		if err != nil {
			t.Fatal(err)
		}
		h.close()
		for range states { // ends
		}
		for range leads { // ends
		}
		if _, err := h.JobProgress(t.Context(), job.ID); !errors.Is(err, ErrClosed) {
			t.Errorf("job after the end: %v", err)
		}
		if _, err := h.LeadScores(t.Context(), registry.LeadFilter{}); !errors.Is(err, ErrClosed) {
			t.Errorf("leads after the end: %v", err)
		}
	})
}

func TestRateAndETA(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		job := runningJob(0)
		s.setJob(job)
		states, err := h.JobProgress(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if first := <-states; first.RatePerSecond != 0 || first.ETASeconds != nil {
			t.Errorf("at the start: %g/s, to go %v; want nothing known", first.RatePerSecond, first.ETASeconds)
		}
		var last *JobProgress
		for range 50 { // 40 a second for ten seconds
			time.Sleep(200 * time.Millisecond)
			job.Processed += 8
			job.Sequence++
			s.setJob(job)
			h.jobs.hint(job.ID.String())
			select {
			case last = <-states:
			default:
			}
		}
		if last.RatePerSecond < 36 || last.RatePerSecond > 44 {
			t.Errorf("%g/s; want 40", last.RatePerSecond)
		}
		left := math.Ceil(float64(last.Total()-last.Processed()) / last.RatePerSecond)
		if last.ETASeconds == nil || *last.ETASeconds != left {
			t.Errorf("to go %v; want %g", last.ETASeconds, left)
		}
		job.Status, job.CompletedAt, job.Processed = registry.JobCompleted, job.StartedAt.Add(20*time.Second), 1000
		job.Sequence++
		s.setJob(job)
		for state := range states {
			last = state
		}
		if last.RatePerSecond != 50 || last.ETASeconds == nil || *last.ETASeconds != 0 || last.Percent() != 100 {
			t.Errorf("at the end: %g/s, to go %v, %g%%; want 50/s over all, 0, 100%%",
				last.RatePerSecond, last.ETASeconds, last.Percent())
		}
	})
}

func TestEventsOnNATSAreHeard(t *testing.T) {
	_, conn := testkit.NATS(t)
	s := newSource()
	h, err := New(Config{Conn: conn, Service: s, Logger: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	job := runningJob(0)
	s.setJob(job)
	states, err := h.JobProgress(ctx, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.LeadScores(ctx, registry.LeadFilter{}); err != nil {
		t.Fatal(err)
	}
	<-states
	s.mu.Lock() // nothing can be loaded now: hints stay where they are
	defer s.mu.Unlock()
	event, err := bus.Encode(bus.LeadsChanged{Version: bus.Version, Numbers: []int64{573001234567}})
	if err != nil {
		t.Fatal(err)
	}
	heard := func() bool {
		h.jobs.mu.Lock()
		defer h.jobs.mu.Unlock()
		h.leads.mu.Lock()
		defer h.leads.mu.Unlock()
		return len(h.jobs.byID[job.ID].poke) == 1 && len(h.leads.hinted) == 1
	}
	for deadline := time.Now().Add(time.Minute); !heard(); { // Run may not have subscribed yet, or have taken a hint
		if time.Now().After(deadline) {
			t.Fatal("hints are not heard")
		}
		if err := errors.Join(conn.Publish(bus.JobEvent(job.ID.String()), nil), conn.Publish(bus.LeadEvents, event), conn.Flush()); err != nil {
			t.Fatal(err)
		}
	}
}
