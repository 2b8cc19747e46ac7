package httpd_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry"
)

// TestEndsSayWhy: sockets, event streams and requests under way are told the same reason, which is what was done to the key.
func TestEndsSayWhy(t *testing.T) {
	a := newApp(t)
	job := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	for name, c := range map[string]struct {
		do   func(t *testing.T, id string)
		want string
	}{
		"its end is set to now": {func(t *testing.T, id string) {
			got := a.changeKey(t, registry.RoleAdmin, "updateApiKey", "UpdateApiKeyInput", vars{"id": id, "expiresAt": time.Now()})
			if got.wrong() != "" || got.APIKey.Status != "EXPIRED" {
				t.Fatalf("%+v", got)
			}
		}, "the token has expired"},
		"its end is moved to the past": {func(t *testing.T, id string) {
			got := a.changeKey(t, registry.RoleAdmin, "updateApiKey", "UpdateApiKeyInput", vars{"id": id, "expiresAt": time.Now().Add(-30 * time.Second)})
			if got.wrong() != "" || got.APIKey.Status != "EXPIRED" {
				t.Fatalf("%+v", got)
			}
		}, "the token has expired"},
		"it is revoked": {func(t *testing.T, id string) {
			if got := a.changeKey(t, registry.RoleAdmin, "revokeApiKey", "ApiKeyInput", vars{"id": id}); got.wrong() != "" {
				t.Fatalf("%+v", got)
			}
		}, "the token is revoked"},
		"its role is changed in the database": {func(t *testing.T, _ string) {
			_, err := a.pool.Exec(t.Context(), "UPDATE api_keys SET role = 'VIEWER' WHERE name = 'guest'")
			must(t, err)
		}, "the token has another role or other scopes now"},
		"its scopes are": {func(t *testing.T, _ string) {
			_, err := a.pool.Exec(t.Context(), "UPDATE api_keys SET scopes = '{READ}' WHERE name = 'guest'")
			must(t, err)
		}, "the token has another role or other scopes now"},
	} {
		t.Run(name, func(t *testing.T) {
			const guest = registry.Role("guest")
			made := a.createKey(t, registry.RoleAdmin, vars{"name": "guest", "role": "ANALYST"})
			a.tokens[guest] = made.Token
			idle := a.connect(t, guest)
			busy := a.subscribe(t, guest, jobProgress, vars{"id": job})
			busy.next(t)
			stream := a.stream(t.Context(), t, guest, jobProgress, vars{"id": job})
			release := a.slow(t, "phones")
			defer release()
			answered := make(chan *http.Response, 1)
			go func() {
				answered <- a.request(t, guest, http.MethodPost, "/graphql", "application/json", post(askPhones))
			}()
			a.eventually(t, func() bool { return a.waiters(t) == 1 }, "the request does not run")
			c.do(t, made.APIKey.ID)
			wantEnd(t, "idle", idle, 4403, "Forbidden: "+c.want)
			wantEnd(t, "busy", busy, 4403, "Forbidden: "+c.want)
			text, err := io.ReadAll(stream.Body)
			if err != nil || !strings.HasSuffix(string(text), "\n\n: "+c.want+"\n\n") || strings.Contains(string(text), "complete") {
				t.Errorf("the event stream ends with %v and %s", err, text)
			}
			response := <-answered
			if body := readAll(t, response); response.StatusCode != http.StatusUnauthorized || !strings.Contains(body, c.want) {
				t.Errorf("%d %s", response.StatusCode, body)
			}
			_, err = a.pool.Exec(context.Background(), "UPDATE api_keys SET name = 'was guest' WHERE name = 'guest'")
			must(t, err)
		})
	}
}
