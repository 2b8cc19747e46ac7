package httpd

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatsAppIsBounded: who finds no place waits a while and is asked to come again; a place that gets free in time is
// taken.
func TestWhatsAppIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "0123456789abcdef"
		a, err := newWhatsApp(WhatsApp{VerifyToken: "token", AppSecrets: []string{secret}, HoldsFor: time.Hour}, nil, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(`{}`)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		send := func() (*httptest.ResponseRecorder, time.Duration) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/webhooks/whatsapp", bytes.NewReader(body))
			r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
			w, begun := httptest.NewRecorder(), time.Now()
			a.receive(w, r)
			return w, time.Since(begun)
		}
		for range whatsAppBodies {
			a.bodies <- struct{}{}
		}
		if w, took := send(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || took != whatsAppWaiting {
			t.Errorf("answered %d after %s", w.Code, took)
		}
		if len(a.bodies) != whatsAppBodies {
			t.Errorf("%d places are taken", len(a.bodies))
		}
		time.AfterFunc(time.Second, func() { <-a.bodies })
		if !take(t.Context(), a.bodies) {
			t.Error("a place that got free was not taken")
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if take(gone, a.bodies) {
			t.Error("one who has gone took a place")
		}
	})
}

func TestWhatsAppNeedsItsSecrets(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for _, c := range []WhatsApp{
		{AppSecrets: []string{"s"}, HoldsFor: time.Hour},
		{VerifyToken: "t", HoldsFor: time.Hour},
		{VerifyToken: "t", AppSecrets: []string{"s", ""}, HoldsFor: time.Hour},
		{VerifyToken: "t", AppSecrets: []string{"s"}},
	} {
		if _, err := newWhatsApp(c, nil, log, nil); err == nil {
			t.Errorf("made of %d secrets", len(c.AppSecrets))
		}
	}
}
