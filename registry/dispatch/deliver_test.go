package dispatch_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
	"phoneregistry/registry/dispatch"
)

// signature computes the signature as the specification of Standard Webhooks describes it, on its own.
func signature(t testing.TB, secret string, c call) string {
	t.Helper()
	text, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		t.Fatal("the secret does not begin with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		t.Fatalf("a secret of %d bytes, %v; want 32", len(key), err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(c.header.Get("webhook-id") + "." + c.header.Get("webhook-timestamp") + "." + string(c.body)))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// TestDelivered: what is told, how it is signed, and what is written down about it.
func TestDelivered(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t, status(http.StatusNoContent))
	hook, secret := r.webhook(rc.URL+"/hook?key=1", registry.EventJobFinished)
	deaf, _ := r.webhook(rc.URL, registry.EventImportFinished)
	metrics := prometheus.NewRegistry()
	c := r.config()
	c.Registerer = metrics
	r.start(c)
	job := r.cancelledJob("nightly")

	got := rc.next(t, r.ctx)
	if want := signature(t, secret, got); got.header.Get("webhook-signature") != want {
		t.Errorf("signature %q, want %q", got.header.Get("webhook-signature"), want)
	}
	seconds, err := strconv.ParseInt(got.header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
		t.Errorf("timestamp %q", got.header.Get("webhook-timestamp"))
	}
	m := got.message(t)
	if m.ID != got.id() || !strings.HasPrefix(m.ID, "evt_") || m.Type != "job.finished" || got.header.Get("Phonereg-Event") != m.Type ||
		got.header.Get("Content-Type") != "application/json" {
		t.Errorf("message %+v with %v", m, got.header)
	}
	if id := "job_" + strings.ReplaceAll(job.ID.String(), "-", ""); m.Data["id"] != id || m.Data["status"] != "CANCELLED" ||
		m.Data["name"] != "nightly" || m.Data["total"] != 1.0 || m.Data["errorMessage"] != nil ||
		m.Data["completedAt"] != job.CompletedAt.UTC().Format("2006-01-02T15:04:05.000000Z") {
		t.Errorf("data %v", m.Data)
	}
	d := r.delivery(hook.ID, delivered)
	if d.Attempts != 1 || d.ResponseStatus != 204 || d.Error != "" || d.Duration < 0 || d.DeliveredAt.IsZero() || !d.NextAttemptAt.IsZero() ||
		registry.MessageID(d.EventID, d.Part) != got.id() {
		t.Errorf("delivery %+v", d)
	}
	if w, err := r.service.Webhook(r.ctx, hook.ID); err != nil || w.LastDeliveredAt.IsZero() || w.Pending != 0 || w.Dead != 0 {
		t.Errorf("webhook %+v, %v", w, err)
	}
	if pages, err := r.service.Deliveries(r.ctx, []uuid.UUID{deaf.ID}, "", registry.PageRequest{First: 1}); err != nil || len(pages) > 0 {
		t.Errorf("a webhook was told of what it did not ask for: %+v, %v", pages, err)
	}
	r.until("the attempt is counted", func() bool { return counter(t, metrics, "phone_webhook_attempts_total", "delivered") == 1 })
	if log := r.log.String(); strings.Contains(log, secret) || strings.Contains(log, "key=1") {
		t.Error("the log holds the secret or the address of the webhook")
	}
}

// TestRetriedUntilItWorks: failures of many kinds, then success, always the same message with a signature of its own.
func TestRetriedUntilItWorks(t *testing.T) {
	r := newRig(t)
	hang := make(chan struct{})
	answers := []http.HandlerFunc{
		status(http.StatusInternalServerError),
		func(_ http.ResponseWriter, q *http.Request) { // it hangs until the caller gives up
			select {
			case <-q.Context().Done():
			case <-hang:
			}
		},
		func(w http.ResponseWriter, q *http.Request) { // the headers drip and never end
			conn, buf, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = buf.WriteString("HTTP/1.1 200 OK\r\n")
			drip := time.NewTicker(10 * time.Millisecond)
			defer drip.Stop()
			for i := range 10_000 {
				if _, err := buf.WriteString("X-Drip-" + strconv.Itoa(i) + ": 1\r\n"); err != nil || buf.Flush() != nil {
					return
				}
				select {
				case <-drip.C:
				case <-hang:
					return
				}
			}
		},
		func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "/elsewhere", http.StatusTemporaryRedirect)
		},
		func(w http.ResponseWriter, _ *http.Request) { // the connection breaks
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
		},
		status(http.StatusNotFound),
		status(http.StatusOK),
	}
	rc := newReceiver(t, answers...)
	t.Cleanup(func() { close(hang) })
	hook, secret := r.webhook(rc.URL)
	c := r.config()
	c.Timeout = 100 * time.Millisecond
	r.start(c)
	r.cancelledJob("stubborn")

	first := rc.next(t, r.ctx)
	for n, want := range []string{
		"the receiver answered 500 Internal Server Error", "the receiver did not answer in time", "the receiver did not answer in time",
		"the receiver answered 307 Temporary Redirect: redirects are not followed", "the connection failed", "the receiver answered 404 Not Found",
	} {
		d := r.delivery(hook.ID, r.attempted(n+1))
		if d.Error != want {
			t.Errorf("after attempt %d: %q, want %q", n+1, d.Error, want)
		}
		if len(rc.calls) > 0 {
			t.Fatalf("called again before it was due, after attempt %d", n+1)
		}
		r.clock.Add(7 * time.Hour)
		again := rc.next(t, r.ctx)
		if again.id() != first.id() || string(again.body) != string(first.body) || again.header.Get("webhook-timestamp") == first.header.Get("webhook-timestamp") {
			t.Errorf("attempt %d: another message, or a time-stamp of before", n+2)
		}
		if again.header.Get("webhook-signature") != signature(t, secret, again) {
			t.Errorf("attempt %d: bad signature", n+2)
		}
	}
	if d := r.delivery(hook.ID, delivered); d.Attempts != len(answers) || d.Error != "" || d.ResponseStatus != 200 {
		t.Errorf("delivery %+v", d)
	}
}

// TestDeadAndRetried: after the last attempt it is dead and visible; by hand it goes again, with all its attempts.
func TestDeadAndRetried(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t, status(http.StatusBadGateway))
	hook, _ := r.webhook(rc.URL)
	r.start(r.config())
	r.cancelledJob("hopeless")
	var sum time.Duration
	for n := 1; n < dispatch.MaxTries; n++ {
		rc.next(t, r.ctx)
		d := r.delivery(hook.ID, r.attempted(n))
		wait := d.NextAttemptAt.Sub(r.clock.Now())
		sum += wait
		r.clock.Add(wait + time.Second)
	}
	rc.next(t, r.ctx)
	d := r.delivery(hook.ID, dead)
	if d.Attempts != dispatch.MaxTries || d.ResponseStatus != 502 || !d.NextAttemptAt.IsZero() {
		t.Errorf("delivery %+v", d)
	}
	if sum < 18*time.Hour || sum > 26*time.Hour {
		t.Errorf("given up after %s, want about a day", sum)
	}
	if w, err := r.service.Webhook(r.ctx, hook.ID); err != nil || w.Dead != 1 || w.Pending != 0 {
		t.Errorf("webhook %+v, %v", w, err)
	}
	r.clock.Add(day)
	retried, err := r.service.RetryDelivery(r.ctx, d.ID)
	if err != nil || retried.Status != registry.DeliveryPending || retried.Attempts != dispatch.MaxTries {
		t.Fatalf("retry: %+v, %v", retried, err)
	}
	rc.next(t, r.ctx)
	again := r.delivery(hook.ID, r.attempted(dispatch.MaxTries+1))
	if wait := again.NextAttemptAt.Sub(r.clock.Now()); wait > time.Minute {
		t.Errorf("the attempts do not begin anew: the next one in %s", wait)
	}
	if _, err := r.service.RetryDelivery(r.ctx, d.ID); code(err) != registry.CodeInvalidState {
		t.Errorf("retrying one that is not dead: %v", err)
	}
}

const day = 24 * time.Hour

func code(err error) registry.Code {
	if es, ok := registry.UserErrors(err); ok {
		return es[0].Code
	}
	return ""
}

// TestRetryAfter: 429 and 503 hold the whole webhook for as long as they say.
func TestRetryAfter(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1800")
		w.WriteHeader(http.StatusTooManyRequests)
	}, status(http.StatusOK))
	hook, _ := r.webhook(rc.URL)
	r.start(r.config())
	r.cancelledJob("first")
	rc.next(t, r.ctx)
	d := r.delivery(hook.ID, r.attempted(1))
	if wait := d.NextAttemptAt.Sub(r.clock.Now()); wait < 29*time.Minute || wait > 31*time.Minute {
		t.Errorf("the next attempt in %s, want half an hour", wait)
	}
	r.cancelledJob("second")
	r.deliveries(hook.ID, func(all []registry.Delivery) bool { return len(all) == 2 })
	r.clock.Add(29 * time.Minute)
	r.passed()
	if len(rc.calls) > 0 {
		t.Error("called while it asked to be left alone")
	}
	r.clock.Add(2 * time.Minute)
	r.deliveries(hook.ID, func(all []registry.Delivery) bool { return len(all) == 2 && delivered(all[0]) && delivered(all[1]) })
}

// passed waits until the dispatcher has looked for work since: a test of a webhook that was made now has been delivered.
func (r *rig) passed() {
	r.t.Helper()
	other := newReceiver(r.t)
	hook, _ := r.webhook(other.URL)
	_, err := r.service.TestWebhook(r.ctx, hook.ID)
	must(r.t, err)
	other.next(r.t, r.ctx)
	r.delivery(hook.ID, delivered)
	must(r.t, r.service.DeleteWebhook(r.ctx, hook.ID))
}

// TestGone: 410 pauses the webhook; a test goes to it nevertheless, and what happens meanwhile is not kept for it.
func TestGone(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t, status(http.StatusGone), status(http.StatusOK))
	hook, _ := r.webhook(rc.URL)
	r.start(r.config())
	r.cancelledJob("last")
	rc.next(t, r.ctx)
	d := r.delivery(hook.ID, dead)
	if d.Attempts != 1 || d.ResponseStatus != 410 {
		t.Errorf("delivery %+v", d)
	}
	if w, err := r.service.Webhook(r.ctx, hook.ID); err != nil || w.Status != registry.WebhookPaused {
		t.Errorf("webhook %+v, %v", w, err)
	}
	if _, err := r.service.RetryDelivery(r.ctx, d.ID); code(err) != registry.CodeInvalidState {
		t.Errorf("retrying at a paused webhook: %v", err)
	}
	r.cancelledJob("unheard")
	r.until("all events are fanned out", func() bool { return r.count(`SELECT count(*) FROM outbox WHERE fanned_out_at IS NULL`) == 0 })
	if n := r.count(`SELECT count(*) FROM webhook_deliveries`); n != 1 {
		t.Errorf("%d deliveries, want the one of before", n)
	}
	tested, err := r.service.TestWebhook(r.ctx, hook.ID)
	if err != nil || tested.Status != registry.DeliveryPending || tested.Event != registry.EventWebhookTest {
		t.Fatalf("test: %+v, %v", tested, err)
	}
	if got := rc.next(t, r.ctx).message(t); got.Type != "webhook.test" {
		t.Errorf("a paused webhook was told of %s", got.Type)
	}
	active := registry.WebhookActive
	_, err = r.service.UpdateWebhook(r.ctx, hook.ID, registry.WebhookChange{Status: &active})
	must(t, err)
	r.cancelledJob("heard")
	if got := rc.next(t, r.ctx).message(t); got.Data["name"] != "heard" {
		t.Errorf("told of %v", got.Data)
	}
	if n := r.count(`SELECT count(*) FROM audit_trail WHERE action = 'webhook.paused' AND object_id = $1`, hook.ID); n != 1 {
		t.Errorf("%d entries in the audit trail for the pause", n)
	}
}

func (r *rig) count(sql string, arguments ...any) (n int) {
	r.t.Helper()
	must(r.t, r.pool.QueryRow(r.ctx, sql, arguments...).Scan(&n))
	return n
}

// TestRotation: for a day messages carry both signatures, the new one first; then the new one alone.
func TestRotation(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t)
	hook, old := r.webhook(rc.URL)
	r.start(r.config())
	_, fresh, err := r.service.RotateWebhookSecret(r.ctx, hook.ID)
	if err != nil || fresh == old {
		t.Fatalf("rotate: %v", err)
	}
	var stored []byte
	must(t, r.pool.QueryRow(r.ctx, `SELECT secret || previous_secret FROM webhooks WHERE id = $1`, hook.ID).Scan(&stored))
	r.cancelledJob("between")
	got := rc.next(t, r.ctx)
	if want := signature(t, fresh, got) + " " + signature(t, old, got); got.header.Get("webhook-signature") != want {
		t.Errorf("signature %q, want %q", got.header.Get("webhook-signature"), want)
	}
	r.clock.Add(registry.SecretOverlap + time.Second)
	r.cancelledJob("after")
	got = rc.next(t, r.ctx)
	if want := signature(t, fresh, got); got.header.Get("webhook-signature") != want {
		t.Errorf("signature %q, want %q", got.header.Get("webhook-signature"), want)
	}
	r.until("the old secret is forgotten", func() bool {
		return r.count(`SELECT count(*) FROM webhooks WHERE previous_secret IS NOT NULL`) == 0
	})
	for _, secret := range []string{old, fresh} {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		must(t, err)
		if strings.Contains(string(stored), secret) || strings.Contains(string(stored), string(key)) {
			t.Error("a secret is stored as it is")
		}
	}
}

// TestUnreadableSecret: a webhook whose secret cannot be decrypted is not called unsigned, and others go on.
func TestUnreadableSecret(t *testing.T) {
	r := newRig(t)
	rc := newReceiver(t)
	broken, _ := r.webhook(rc.URL + "/broken")
	other := newReceiver(t)
	r.webhook(other.URL)
	_, err := r.pool.Exec(r.ctx, `UPDATE webhooks SET secret = set_byte(secret, 20, get_byte(secret, 20) # 1) WHERE id = $1`, broken.ID)
	must(t, err)
	r.start(r.config())
	r.cancelledJob("x")
	other.next(t, r.ctx)
	if d := r.delivery(broken.ID, r.attempted(1)); !strings.Contains(d.Error, "rotate it") {
		t.Errorf("error %q", d.Error)
	}
	if len(rc.calls) > 0 {
		t.Error("a webhook without a secret was called")
	}
}

// TestTestsAreBounded: no more than a few wait, however often the button is pressed.
func TestTestsAreBounded(t *testing.T) {
	r := newRig(t)
	hook, _ := r.webhook("http://127.0.0.1:1/")
	for range 20 {
		_, err := r.service.TestWebhook(r.ctx, hook.ID)
		must(t, err)
	}
	if _, err := r.service.TestWebhook(r.ctx, hook.ID); code(err) != registry.CodeInvalidState {
		t.Errorf("one more: %v", err)
	}
	all := r.deliveries(hook.ID, func(all []registry.Delivery) bool { return len(all) == 20 })
	if all[0].Status != registry.DeliveryPending || all[0].Attempts != 0 || all[0].Duration >= 0 {
		t.Errorf("delivery %+v", all[0])
	}
}
