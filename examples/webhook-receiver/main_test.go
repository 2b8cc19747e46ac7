package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/accesslog"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/dispatch"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// teller is a registry that tells webhooks.
type teller struct {
	service *registry.Service
	ctx     context.Context // of the test
}

func newTeller(t *testing.T) *teller {
	t.Helper()
	ctx := registry.WithActor(testkit.Context(t), registry.Actor{Name: "ada", Role: registry.RoleAdmin})
	pool, err := postgres.OpenPool(ctx, testkit.Database(t), postgres.PoolOptions{})
	must(t, err)
	t.Cleanup(pool.Close)
	store := postgres.New(pool, postgres.Options{})
	numbers, err := numbering.New()
	must(t, err)
	_, conn := testkit.NATS(t)
	accesses, err := accesslog.Open(accesslog.Config{Dir: t.TempDir(), Store: store})
	must(t, err)
	background(t, accesses.Run)
	d, err := dispatch.New(dispatch.Config{Outbox: store, Accesses: accesses, Conn: conn, AllowPrivate: true, Poll: 5 * time.Millisecond, Logger: testkit.Logger(t)})
	must(t, err)
	background(t, d.Run)
	return &teller{ctx: ctx, service: registry.New(registry.Config{
		Store: store, Numbers: numbers, Model: scoring.DefaultModel(), PrivateWebhooks: true,
	})}
}

// background runs a part until the end of the test.
func background(t *testing.T, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// webhook makes a webhook; its address follows, because a receiver needs the secret first.
func (r *teller) webhook(t *testing.T) (uuid.UUID, string) {
	t.Helper()
	hook, secret, err := r.service.CreateWebhook(r.ctx, registry.NewWebhook{URL: "http://127.0.0.1:1/", Events: registry.EventTypes()})
	must(t, err)
	return hook.ID, secret
}

// tell sends a test to a webhook at an address and returns the id of its message.
func (r *teller) tell(t *testing.T, hook uuid.UUID, url string) string {
	t.Helper()
	_, err := r.service.UpdateWebhook(r.ctx, hook, registry.WebhookChange{URL: &url})
	must(t, err)
	d, err := r.service.TestWebhook(r.ctx, hook)
	must(t, err)
	return registry.MessageID(d.EventID, d.Part)
}

// TestGo: what phoneregistry sends is taken, once; a secret that is being changed too; anything else is not.
func TestGo(t *testing.T) {
	r := newTeller(t)
	hook, secret := r.webhook(t)
	handled := make(chan message, 10)
	fail := true
	rc := newReceiver(secret, func(m message) error {
		if fail {
			fail = false
			return errors.New("not now")
		}
		handled <- m
		return nil
	})
	var recorded *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var copied bytes.Buffer
		if _, err := copied.ReadFrom(q.Body); err != nil {
			return
		}
		recorded, body = q.Clone(context.WithoutCancel(q.Context())), copied.Bytes()
		q.Body = http.NoBody
		again := q.Clone(q.Context())
		again.Body = readCloser{bytes.NewReader(body)}
		rc.ServeHTTP(w, again)
	}))
	t.Cleanup(server.Close)
	_, _, err := r.service.RotateWebhookSecret(r.ctx, hook) // the receiver holds the one of before
	must(t, err)
	id := r.tell(t, hook, server.URL)
	select {
	case m := <-handled: // behind a failure, after five seconds
		if m.ID != id || m.Type != "webhook.test" {
			t.Errorf("told %+v, want %s", m, id)
		}
	case <-r.ctx.Done():
		t.Fatal("not told")
	}
	server.Close() // from here on nobody else writes to recorded

	ask := func(header http.Header, body []byte) int {
		w := httptest.NewRecorder()
		q := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hook", bytes.NewReader(body))
		q.Header = header
		rc.ServeHTTP(w, q)
		return w.Code
	}
	changed := func(name, value string) http.Header {
		h := recorded.Header.Clone()
		h.Set(name, value)
		return h
	}
	for name, c := range map[string]struct {
		header http.Header
		body   []byte
		want   int
	}{
		"again":              {recorded.Header, body, http.StatusNoContent},
		"another body":       {recorded.Header, append(bytes.Clone(body), ' '), http.StatusUnauthorized},
		"another id":         {changed("webhook-id", "evt_1"), body, http.StatusUnauthorized},
		"another time":       {changed("webhook-timestamp", "1"), body, http.StatusUnauthorized},
		"no signature":       {changed("webhook-signature", ""), body, http.StatusUnauthorized},
		"asymmetric version": {changed("webhook-signature", "v1a,AAAA"), body, http.StatusUnauthorized},
	} {
		if got := ask(c.header, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	rc.now = func() time.Time { return time.Now().Add(time.Hour) }
	if got := ask(recorded.Header, body); got != http.StatusUnauthorized {
		t.Errorf("an old message: %d", got)
	}
	if len(handled) > 0 {
		t.Error("a message was handled twice")
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// TestPython: the Python example takes what phoneregistry sends.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the Python example is not run")
	}
	r := newTeller(t)
	hook, secret := r.webhook(t)
	cmd := exec.CommandContext(t.Context(), python, "receiver.py", "0")
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	must(t, err)
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listens on ")
	if !ok {
		t.Fatalf("it said %q", line)
	}
	forged, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	must(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(forged)
	must(t, err)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a forged message: %d", response.StatusCode)
	}
	id := r.tell(t, hook, url)
	if line, err = lines.ReadString('\n'); err != nil || strings.TrimSpace(line) != "webhook.test "+id {
		t.Errorf("it said %q, %v; want %s", line, err, id)
	}
}

// TestStandardVector: the example that libraries for Standard Webhooks are tested with.
func TestStandardVector(t *testing.T) {
	header := http.Header{}
	header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set("webhook-timestamp", "1614265330")
	header.Set("webhook-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	err := verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", header, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0))
	must(t, err)
}

func TestNeedsASecret(t *testing.T) {
	if err := run(t.Context(), "127.0.0.1:0", "", testkit.Logger(t)); err == nil {
		t.Error("ran without a secret")
	}
}
