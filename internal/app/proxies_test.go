package app_test

import (
	"net/http"
	"testing"

	"phoneregistry/internal/app"
	"phoneregistry/internal/testkit"
)

// TestProxiesOfSettings: the server that is started believes whom its settings name, in the header that they name.
func TestProxiesOfSettings(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	c := settings(t)
	c.Demo, c.AuthFailures, c.TrustedProxies, c.ProxyHeader = false, 1, []string{"loopback"}, "Forwarded"
	s, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for i, client := range []struct {
		header, from string
		want         int
	}{
		{"Forwarded", "for=192.0.2.7", http.StatusUnauthorized},
		{"Forwarded", "for=192.0.2.7", http.StatusTooManyRequests},
		{"Forwarded", "for=192.0.2.8", http.StatusUnauthorized},
		{"X-Forwarded-For", "192.0.2.9", http.StatusUnauthorized}, // is nobody's word: this is the proxy itself
		{"X-Forwarded-For", "192.0.2.10", http.StatusTooManyRequests},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/v1/imports/imp_1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer wrong")
		r.Header.Set(client.header, client.from)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != client.want {
			t.Errorf("%d: %d, %v; want %d", i, response.StatusCode, err, client.want)
		}
	}
}
