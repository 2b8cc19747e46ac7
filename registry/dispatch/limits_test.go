package dispatch_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/dispatch"
)

// TestSlowReceiversHoldNobodyUp: receivers that hang take their own slots and no others, at two servers together no
// more than allowed.
func TestSlowReceiversHoldNobodyUp(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	inside, most := 0, 0
	release := make(chan struct{})
	begun := make(chan struct{}, 1000)
	slow := newReceiver(t, func(_ http.ResponseWriter, q *http.Request) {
		mu.Lock()
		inside++
		most = max(most, inside)
		mu.Unlock()
		begun <- struct{}{}
		select {
		case <-release:
		case <-q.Context().Done():
		}
		mu.Lock()
		inside--
		mu.Unlock()
	})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	r.webhook(slow.URL)
	quick := newReceiver(t)
	hook, _ := r.webhook(quick.URL)
	r.start(r.config())
	r.start(r.config())
	const events = 30
	for range events {
		r.tierEvent(1)
	}
	for range 4 {
		<-begun
	}
	r.deliveries(hook.ID, func(all []registry.Delivery) bool {
		return len(all) == events && !slices.ContainsFunc(all, func(d registry.Delivery) bool { return !delivered(d) })
	})
	mu.Lock()
	defer mu.Unlock()
	if most != 4 || inside != 4 {
		t.Errorf("%d calls of the slow one at a time, %d now; want 4", most, inside)
	}
}

// TestAnswersAreNotRead: a receiver that answers without end is done with at its status.
func TestAnswersAreNotRead(t *testing.T) {
	r := newRig(t)
	ended := make(chan int, 1)
	rc := newReceiver(t, func(w http.ResponseWriter, q *http.Request) {
		sent := 0
		for q.Context().Err() == nil {
			n, err := w.Write(make([]byte, 32<<10))
			if sent += n; err != nil {
				break
			}
		}
		ended <- sent
	})
	hook, _ := r.webhook(rc.URL)
	r.start(r.config())
	r.cancelledJob("talkative")
	r.delivery(hook.ID, delivered)
	if sent := <-ended; sent > 64<<20 {
		t.Errorf("the receiver could send %d bytes", sent)
	}
}

// TestOnlyPublicAddresses: without leave, neither an address nor a name leads into the own network, nor is TLS left out.
func TestOnlyPublicAddresses(t *testing.T) {
	r := newRig(t)
	rc := &receiver{calls: make(chan call, 10)}
	rc.Server = httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { rc.calls <- call{} }))
	t.Cleanup(rc.Close)
	_, port, err := net.SplitHostPort(rc.Listener.Addr().String())
	must(t, err)
	byName, _ := r.webhook("https://localhost:" + port + "/hook") // the resolver says 127.0.0.1 or ::1
	byAddress, _ := r.webhook(rc.URL)
	mapped, _ := r.webhook("https://[::ffff:127.0.0.1]:" + port)
	plain, _ := r.webhook("http://example.com/")
	c := r.config()
	c.AllowPrivate = false
	stop := r.start(c)
	r.cancelledJob("inside")
	for _, hook := range []registry.Webhook{byName, byAddress, mapped} {
		if d := r.delivery(hook.ID, r.attempted(1)); !strings.HasPrefix(d.Error, "the address is not public") || d.ResponseStatus != 0 {
			t.Errorf("%s: %q", hook.URL, d.Error)
		}
	}
	r.delivery(plain.ID, r.attempted(1))
	stop()
	if len(rc.calls) > 0 {
		t.Fatal("a private address was called")
	}
	// With leave it is called, and its certificate still has to be good.
	stop = r.start(r.config())
	r.clock.Add(time.Minute)
	if d := r.delivery(byAddress.ID, r.attempted(2)); !strings.Contains(d.Error, "certificate") {
		t.Errorf("error %q", d.Error)
	}
	stop()
	c = r.config()
	c.RootCAs = x509.NewCertPool()
	c.RootCAs.AddCert(rc.Certificate())
	r.start(c)
	r.clock.Add(time.Hour)
	r.delivery(byAddress.ID, delivered)
}

func TestPublicAddress(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "2606:4700:4700::1111": true, "::ffff:8.8.8.8": true, "172.32.0.1": true, "100.128.0.1": true,
		"127.0.0.1": false, "127.8.9.1": false, "::1": false, "0.0.0.0": false, "::": false, "10.1.2.3": false, "172.16.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.100.100.200": false, "192.0.0.192": false,
		"198.18.0.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false, "fe80::1": false, "fc00::1": false,
		"fd00:ec2::254": false, "ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false, "::127.0.0.1": false, "fec0::1": false,
		"64:ff9b:1::1": false, "192.0.2.1": false, "203.0.113.9": false,
	} {
		if got := registry.PublicAddress(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %t, want %t", text, got, want)
		}
	}
}

// TestBacklogIsBounded: a webhook for which too much waits is paused, and what waits for a paused one ends.
func TestBacklogIsBounded(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t, status(http.StatusInternalServerError))
	hook, _ := r.webhook(rc.URL)
	for range 12 {
		r.tierEvent(1)
	}
	c := r.config()
	c.MaxBacklog = 10
	r.start(c)
	r.until("it is paused", func() bool {
		w, err := r.service.Webhook(r.ctx, hook.ID)
		must(t, err)
		return w.Status == registry.WebhookPaused
	})
	r.clock.Add(8 * day)
	all := r.deliveries(hook.ID, func(all []registry.Delivery) bool {
		return !slices.ContainsFunc(all, func(d registry.Delivery) bool { return !dead(d) })
	})
	if len(all) != 12 {
		t.Errorf("%d deliveries, want 12", len(all))
	}
}

// TestOldThingsGo: deliveries and events are removed at their time, and not before.
func TestOldThingsGo(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t, status(http.StatusOK), status(http.StatusGone))
	hook, _ := r.webhook(rc.URL, registry.EventJobFinished)
	stop := r.start(r.config())
	r.cancelledJob("good")
	r.delivery(hook.ID, delivered)
	r.cancelledJob("bad")
	r.deliveries(hook.ID, func(all []registry.Delivery) bool { return len(all) == 2 && slices.ContainsFunc(all, dead) })
	r.tierEvent(5) // nobody is told but the stream
	r.until("all is told", func() bool {
		return r.published() && r.count(`SELECT count(*) FROM outbox WHERE fanned_out_at IS NULL`) == 0
	})
	stop()
	keep := registry.OutboxRetention{Delivered: 7 * day, Dead: 30 * day, Events: day}
	for _, step := range []struct {
		after              time.Duration
		deliveries, events int
	}{
		{day - time.Minute, 2, 3}, {2 * time.Minute, 2, 2}, {6 * day, 1, 1}, {23 * day, 0, 0},
	} {
		r.clock.Add(step.after)
		if _, err := r.store.PurgeOutbox(r.ctx, keep, 100); err != nil {
			t.Fatal(err)
		}
		deliveries, events := r.count(`SELECT count(*) FROM webhook_deliveries`), r.count(`SELECT count(*) FROM outbox`)
		if deliveries != step.deliveries || events != step.events {
			t.Errorf("after %s more: %d deliveries and %d events, want %d and %d", step.after, deliveries, events, step.deliveries, step.events)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	r := newRig(t)
	if _, err := dispatch.New(dispatch.Config{Conn: r.conn}); err == nil {
		t.Error("made without an outbox")
	}
	if _, err := dispatch.New(dispatch.Config{Conn: r.conn, Outbox: r.store}); err == nil {
		t.Error("made with nobody who records what leaves")
	}
	c := r.config()
	c.ClaimLease, c.Timeout = time.Second, 2*time.Second
	if _, err := dispatch.New(c); err == nil {
		t.Error("made with claims that run out before attempts do")
	}
	d, err := dispatch.New(r.config())
	must(t, err)
	ended, cancel := context.WithCancel(r.ctx)
	cancel()
	must(t, d.Run(ended))
	if d.Run(ended) == nil {
		t.Error("ran twice")
	}
}
