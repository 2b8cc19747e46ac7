package live

import (
	"context"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

func (h *Hub) hintLeads(numbers ...registry.Number) {
	event := bus.LeadsChanged{Version: bus.Version}
	for _, n := range numbers {
		event.Numbers = append(event.Numbers, int64(n))
	}
	data, err := bus.Encode(event)
	if err != nil {
		panic(err)
	}
	h.leads.hint(data)
}

func TestLeadsBeginWithTheLatestThatMatches(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		s.setScore(1, 90)
		time.Sleep(time.Second)
		s.setScore(2, 10)
		least := 50
		leads, err := h.LeadScores(t.Context(), registry.LeadFilter{MinScore: &least})
		if err != nil {
			t.Fatal(err)
		}
		if first := <-leads; first.Score.Number != 1 || first.Phone.Region != "CO" {
			t.Errorf("%+v; want the latest score of at least 50", first)
		}
	})
}

func TestLeadsOfANumberAreConflated(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		leads, err := h.LeadScores(t.Context(), registry.LeadFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for total := range 100 { // for 25 seconds nobody reads
			time.Sleep(minInterval)
			for n := range registry.Number(20) {
				s.setScore(n+1, total)
			}
			h.hintLeads(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
		}
		time.Sleep(time.Minute)
		totals := map[registry.Number][]int{}
		begun := time.Now()
		for range 21 { // the one that waited in the channel, then the newest of each
			c := <-leads
			totals[c.Score.Number] = append(totals[c.Score.Number], c.Score.Total)
		}
		if took := time.Since(begun); took < 20*minInterval {
			t.Errorf("21 scores in %s; want at most four a second", took)
		}
		for n, seen := range totals {
			if seen[len(seen)-1] != 99 || !slices.IsSorted(seen) {
				t.Errorf("number %d: %v; want to end with the newest", n, seen)
			}
		}
		if len(totals) != 20 {
			t.Errorf("scores of %d numbers; want 20", len(totals))
		}
	})
}

func TestLeadsThatWaitAreBounded(t *testing.T) {
	sub := &leadSubscriber{waiting: map[registry.Number]*LeadChange{}, poke: make(chan struct{}, 1)}
	put := func(n registry.Number, at int64, room int) int {
		return sub.put(&LeadChange{Score: registry.LeadScore{Number: n, UpdatedAt: time.Unix(at, 0)}}, room)
	}
	dropped := 0
	for n := range registry.Number(3 * maxWaiting) {
		dropped += put(n+1, int64(n), maxWaiting)
	}
	if dropped != 2*maxWaiting || len(sub.waiting) != maxWaiting || len(sub.order) != maxWaiting {
		t.Errorf("dropped %d, %d wait, %d in order", dropped, len(sub.waiting), len(sub.order))
	}
	if dropped = put(3*maxWaiting, 3*maxWaiting, maxWaiting); dropped != 0 || len(sub.waiting) != maxWaiting {
		t.Errorf("a newer score of a number that waits: dropped %d, %d wait", dropped, len(sub.waiting))
	}
	if newest, ok := sub.take(); !ok || newest.Score.Number != 3*maxWaiting {
		t.Errorf("taken: %+v; want the newest", newest)
	}
	if dropped = put(1, 4*maxWaiting, 20); dropped != maxWaiting-20 || len(sub.waiting) != 20 || len(sub.order) != 20 {
		t.Errorf("with less room: dropped %d, %d wait, %d in order", dropped, len(sub.waiting), len(sub.order))
	}
}

// TestManySubscribersKeepLittle: what waits is kept once for all who wait for it, and its number is bounded for all of them
// together.
func TestManySubscribersKeepLittle(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 1001, 50_000, 3 * maxWaitingAll} {
		room := roomAmong(n)
		if room < 1 || room > maxWaiting || n <= maxWaitingAll && n*room > maxWaitingAll {
			t.Errorf("%d subscribers: room for %d", n, room)
		}
	}
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		for range 3 {
			if _, err := h.LeadScores(t.Context(), registry.LeadFilter{}); err != nil {
				t.Fatal(err)
			}
		}
		for n := range registry.Number(5) {
			s.setScore(n+1, 50)
		}
		h.hintLeads(1, 2, 3, 4, 5)
		time.Sleep(time.Minute)
		kept := map[*LeadChange]int{}
		h.leads.mu.Lock()
		for sub := range h.leads.subscribers {
			sub.mu.Lock()
			for _, c := range sub.waiting {
				kept[c]++
			}
			sub.mu.Unlock()
		}
		h.leads.mu.Unlock()
		all := 0
		for _, by := range kept {
			all += by
		}
		if len(kept) > 5 || all < 3*4 { // one of each may have been taken to be sent
			t.Errorf("%d scores are kept as %d", all, len(kept))
		}
	})
}

// TestHintsOutliveAnOutage: what had changed while the database did not answer is told once it does.
func TestHintsOutliveAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		leads, err := h.LeadScores(t.Context(), registry.LeadFilter{})
		if err != nil {
			t.Fatal(err)
		}
		s.fail("scores", true)
		for n := range registry.Number(5) {
			s.setScore(n+1, 50)
		}
		h.hintLeads(1, 2, 3, 4, 5)
		time.Sleep(time.Second)
		s.fail("scores", false)
		told := map[registry.Number]bool{}
		for len(told) < 5 {
			select {
			case c := <-leads:
				told[c.Score.Number] = true
			case <-time.After(time.Minute):
				t.Fatalf("told of %v only", slices.Sorted(maps.Keys(told)))
			}
		}
	})
}

// TestWhoIsBehindStaysBehindInAnOutage: a change without a hint is found although the look at it fails at first.
func TestWhoIsBehindStaysBehindInAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		s.setScore(1, 10)
		leads, err := h.LeadScores(t.Context(), registry.LeadFilter{Numbers: []registry.Number{1}})
		if err != nil {
			t.Fatal(err)
		}
		<-leads
		time.Sleep(time.Minute)
		s.fail("phones", true) // of the newest score of a subscriber; that there is a newer one is found all the same
		s.setScore(1, 60)
		time.Sleep(time.Minute)
		s.fail("phones", false)
		select {
		case c := <-leads:
			if c.Score.Total != 60 {
				t.Errorf("%+v", c)
			}
		case <-time.After(time.Minute):
			t.Error("a change is never told of")
		}
	})
}

func TestLeadsAreFoundWithoutHints(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		s.setScore(1, 10)
		leads, err := h.LeadScores(t.Context(), registry.LeadFilter{Numbers: []registry.Number{1}})
		if err != nil {
			t.Fatal(err)
		}
		<-leads
		time.Sleep(time.Minute)
		s.setScore(1, 60)
		begun := time.Now()
		if c := <-leads; c.Score.Total != 60 || time.Since(begun) > 3*maxInterval {
			t.Errorf("%+v after %s", c, time.Since(begun))
		}
	})
}

func TestHintedLeadsAreLoadedOnceForAll(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		ctx, cancel := context.WithCancel(t.Context())
		var all []<-chan LeadChange
		for range 50 {
			leads, err := h.LeadScores(ctx, registry.LeadFilter{})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, leads)
		}
		time.Sleep(time.Second)
		before := maps.Clone(s.calls)
		s.setScore(7, 70)
		h.hintLeads(7)
		for _, leads := range all {
			if c := <-leads; c.Score.Number != 7 {
				t.Fatalf("%+v", c)
			}
		}
		if s.called("scores")-before["scores"] != 1 || s.called("phones")-before["phones"] != 1 {
			t.Errorf("scores %d, phones %d more; want one statement each",
				s.called("scores")-before["scores"], s.called("phones")-before["phones"])
		}
		cancel()
		synctest.Wait()
		if h.leads.done != nil || len(h.leads.subscribers) != 0 {
			t.Error("the feed runs on without subscribers")
		}
	})
}

func TestHintsBeyondTheBoundAreDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, _ *source) {
		if _, err := h.LeadScores(t.Context(), registry.LeadFilter{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for i := range registry.Number(maxHinted + 500) {
			h.hintLeads(i + 1)
		}
		h.leads.hint([]byte("not JSON"))
		if len(h.leads.hinted) != maxHinted {
			t.Errorf("%d numbers wait to be loaded; want %d", len(h.leads.hinted), maxHinted)
		}
	})
}

// TestASlowFilterHoldsNobodyUp: of two who have missed a change the latest score of one cannot be found. The other is told,
// and hints are followed meanwhile.
func TestASlowFilterHoldsNobodyUp(t *testing.T) {
	inBubble(t, func(t *testing.T, h *Hub, s *source) {
		least := 7
		if _, err := h.LeadScores(t.Context(), registry.LeadFilter{MinScore: &least}); err != nil {
			t.Fatal(err)
		}
		leads, err := h.LeadScores(t.Context(), registry.LeadFilter{})
		if err != nil {
			t.Fatal(err)
		}
		s.setScore(1, 10)
		h.hintLeads(1)
		<-leads
		time.Sleep(time.Minute)
		s.setSlow(least)
		s.setScore(2, 20) // without a hint
		if c := <-leads; c.Score.Number != 2 {
			t.Fatalf("%+v", c)
		}
		for n := range registry.Number(20) {
			time.Sleep(time.Second)
			s.setScore(10+n, 30)
			h.hintLeads(10 + n)
			begun := time.Now()
			if c := <-leads; c.Score.Number != 10+n || time.Since(begun) > 2*catchUpTime {
				t.Fatalf("%+v after %s", c, time.Since(begun))
			}
		}
	})
}
