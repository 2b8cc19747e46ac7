package dispatch_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/natsembed"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
)

// streamed reads n messages from the stream of events, from its start.
func (r *rig) streamed(n int) []jetstream.Msg {
	r.t.Helper()
	var consumer jetstream.Consumer
	r.until("the stream is there", func() bool {
		var err error
		consumer, err = r.js.OrderedConsumer(r.ctx, bus.EventStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{bus.EventSubjects}})
		return err == nil
	})
	all := make([]jetstream.Msg, 0, n)
	for len(all) < n {
		m, err := consumer.Next(jetstream.FetchMaxWait(30 * time.Second))
		must(r.t, err)
		all = append(all, m)
	}
	return all
}

func (r *rig) published() bool {
	return r.count(`SELECT count(*) FROM outbox WHERE published_at IS NULL`) == 0
}

// TestStream: events are in the stream as webhooks get them, and one of many numbers comes in parts.
func TestStream(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t)
	r.webhook(rc.URL)
	r.start(r.config())
	const numbers = 2*registry.MaxEventTiers + 1
	event := r.tierEvent(numbers)
	var subjects []string
	bodies := map[string][]byte{}
	seen := map[string]bool{}
	for i, m := range r.streamed(3) {
		subjects = append(subjects, m.Subject())
		id := m.Headers().Get(nats.MsgIdHdr)
		if want := registry.MessageID(event, i+1); id != want {
			t.Errorf("part %d has id %s, want %s", i+1, id, want)
		}
		bodies[id] = m.Data()
		var told struct {
			ID   string
			Data struct {
				Part, Parts int
				Changes     []struct {
					Number   string
					From, To *string
					Total    int
				}
			}
		}
		must(t, json.Unmarshal(m.Data(), &told))
		if told.ID != id || told.Data.Part != i+1 || told.Data.Parts != 3 {
			t.Errorf("part %d says %s %d/%d", i+1, told.ID, told.Data.Part, told.Data.Parts)
		}
		for _, c := range told.Data.Changes {
			seen[c.Number] = true
			if !strings.HasPrefix(c.Number, "+57300") || c.To == nil || (c.From == nil) != (strings.HasSuffix(c.Number, "0000") || r.place(c.Number)%7 == 0) {
				t.Fatalf("change %+v", c)
			}
		}
		if len(m.Data()) > 200<<10 {
			t.Errorf("part %d takes %d bytes", i+1, len(m.Data()))
		}
	}
	if len(seen) != numbers || !slices.Equal(subjects, slices.Repeat([]string{"phonereg.v1.events.lead.tier_changed"}, 3)) {
		t.Errorf("%d numbers on %v", len(seen), subjects)
	}
	for range 3 {
		c := rc.next(t, r.ctx)
		if !bytes.Equal(c.body, bodies[c.id()]) {
			t.Errorf("the webhook was told something else than the stream in %s", c.id())
		}
		delete(bodies, c.id())
	}
	if len(bodies) > 0 {
		t.Errorf("the webhook was not told of %d parts", len(bodies))
	}
}

// place is the place of a number of tierEvent.
func (r *rig) place(number string) int {
	n := 0
	for _, digit := range strings.TrimPrefix(number, "+573000") {
		n = 10*n + int(digit-'0')
	}
	return n
}

// TestPublishedAfterDeath: a server that died before it published, or before it noted that it had, leaves nothing behind
// that is not told.
func TestPublishedAfterDeath(t *testing.T) {
	r := newRig(t)
	r.cancelledJob("nobody runs")
	lease := 30 * time.Second
	claimed, err := r.store.ClaimEvents(r.ctx, 10, lease) // by a server that dies now
	if err != nil || len(claimed) != 1 {
		t.Fatalf("claimed %d events, %v", len(claimed), err)
	}
	r.cancelledJob("later")
	r.start(r.config())
	r.streamed(1)
	if r.published() {
		t.Error("an event was published that another server has in hand")
	}
	r.clock.Add(lease + time.Second)
	r.streamed(2)
	r.until("it is marked", r.published)
}

// TestNATSAway: while NATS is away webhooks are called and events wait; nothing is lost, also not what only NATS held.
func TestNATSAway(t *testing.T) {
	r := newRig(t)
	config := natsembed.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Token: "secret", Logger: testkit.Logger(t)}
	server, err := natsembed.Start(config)
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	config.Listen = strings.TrimPrefix(server.ClientURL(), "nats://")
	closed := make(chan struct{})
	r.conn, err = nats.Connect(server.ClientURL(), nats.Token("secret"), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	must(t, err)
	t.Cleanup(func() {
		r.conn.Close()
		<-closed
	})
	r.js, err = jetstream.New(r.conn)
	must(t, err)
	rc := newReceiver(t)
	hook, _ := r.webhook(rc.URL)
	metrics := prometheus.NewRegistry()
	c := r.config()
	c.Registerer, c.ClaimLease, c.Timeout = metrics, 2*time.Second, time.Second
	r.start(c)
	r.cancelledJob("before")
	r.streamed(1)
	r.until("the event is marked", r.published)
	must(t, server.Stop())
	r.cancelledJob("meanwhile")
	r.deliveries(hook.ID, func(all []registry.Delivery) bool { return len(all) == 2 && delivered(all[0]) && delivered(all[1]) })
	if r.published() {
		t.Fatal("published to a NATS that is away")
	}
	config.StoreDir = t.TempDir() // and its store is lost
	server, err = natsembed.Start(config)
	must(t, err)
	var names []string
	for _, m := range r.streamed(2) {
		var told struct{ Data struct{ Name string } }
		must(t, json.Unmarshal(m.Data(), &told))
		names = append(names, told.Data.Name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"before", "meanwhile"}) {
		t.Errorf("in the stream: %v", names)
	}
	r.until("all are marked", r.published)
	if len(rc.calls) != 2 {
		t.Errorf("the webhook was called %d times, want 2", len(rc.calls))
	}
	if counter(t, metrics, "phone_dispatch_restarts_total", "publisher") == 0 {
		t.Error("the failure of the publisher was not counted")
	}
}

// TestTwoDispatchers: each event is told once to each webhook while nothing fails, whoever tells it.
func TestTwoDispatchers(t *testing.T) {
	r := newRig(t)
	one, two := newReceiver(t), newReceiver(t)
	hookOne, _ := r.webhook(one.URL)
	hookTwo, _ := r.webhook(two.URL)
	r.start(r.config())
	r.start(r.config())
	const events = 40
	for range events {
		r.tierEvent(3)
	}
	for _, hook := range []registry.Webhook{hookOne, hookTwo} {
		r.deliveries(hook.ID, func(all []registry.Delivery) bool {
			return len(all) == events && !slices.ContainsFunc(all, func(d registry.Delivery) bool { return !delivered(d) || d.Attempts != 1 })
		})
	}
	if len(one.calls) != events || len(two.calls) != events {
		t.Errorf("called %d and %d times, want %d", len(one.calls), len(two.calls), events)
	}
	r.until("all are published", r.published)
	s, err := r.js.Stream(r.ctx, bus.EventStream)
	must(t, err)
	info, err := s.Info(r.ctx)
	must(t, err)
	if info.State.Msgs != events || info.Config.MaxAge != 7*day || info.Config.Discard != jetstream.DiscardOld || info.Config.MaxBytes <= 0 ||
		info.Config.Retention != jetstream.LimitsPolicy {
		t.Errorf("%d messages in the stream, want %d; %+v", info.State.Msgs, events, info.Config)
	}
}

// TestDiesBetweenFanOutAndDelivery: what a dead server had in hand is delivered when its claim has run out.
func TestDiesBetweenFanOutAndDelivery(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t)
	hook, _ := r.webhook(rc.URL)
	r.cancelledJob("orphan")
	if events, deliveries, err := r.store.FanOut(r.ctx, 10); events != 1 || deliveries != 1 || err != nil {
		t.Fatalf("fan-out: %d, %d, %v", events, deliveries, err)
	}
	lease := time.Minute
	claimed, err := r.store.ClaimDeliveries(r.ctx, 10, 4, lease) // by a server that dies now
	if err != nil || len(claimed) != 1 {
		t.Fatalf("claimed %d deliveries, %v", len(claimed), err)
	}
	r.start(r.config())
	r.passed()
	if len(rc.calls) > 0 {
		t.Error("delivered while another server has it in hand")
	}
	r.clock.Add(lease + time.Second)
	rc.next(t, r.ctx)
	if d := r.delivery(hook.ID, delivered); d.Attempts != 2 {
		t.Errorf("%d attempts, want 2", d.Attempts)
	}
	// The dead one turns out to be slow: its failure does not undo the success.
	counted, err := r.store.SettleDelivery(r.ctx, registry.AttemptOutcome{
		Delivery: claimed[0].Delivery, Webhook: hook.ID, No: claimed[0].No, Status: registry.DeliveryDead, Error: "late",
	})
	if counted || err != nil {
		t.Errorf("a late failure counted: %v", err)
	}
	r.delivery(hook.ID, delivered)
}

// TestStoppedInTheMiddle: a stop breaks off attempts that take too long, and the next server makes them at once.
func TestStoppedInTheMiddle(t *testing.T) {
	r := newRig(t)
	begun := make(chan struct{}, 1)
	rc := newReceiver(t, func(_ http.ResponseWriter, q *http.Request) {
		begun <- struct{}{}
		<-q.Context().Done()
	}, status(http.StatusOK))
	hook, _ := r.webhook(rc.URL)
	stop := r.start(r.config())
	r.cancelledJob("long")
	<-begun
	stop()
	if d := r.delivery(hook.ID, func(d registry.Delivery) bool { return d.Error != "" }); d.Status != registry.DeliveryPending || d.Error != "the server was stopped" {
		t.Errorf("delivery %+v", d)
	}
	r.start(r.config())
	r.delivery(hook.ID, delivered)
}
