package httpd_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// TestEveryAnswerIsData: also what is answered before or beside the interfaces says that it is no page, and kept by nobody.
func TestEveryAnswerIsData(t *testing.T) {
	a := newApp(t)
	a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for name, c := range map[string]struct {
		method, path string
		status       int
		header       []string
	}{
		"another site's page":           {"POST", "/graphql", 403, []string{"Origin", "https://evil.example"}},
		"another site's page, a file":   {"POST", "/v1/imports?source=web_forms", 403, []string{"Sec-Fetch-Site", "same-site"}},
		"another site's page, anything": {"DELETE", "/", 403, []string{"Origin", "null"}},
		"an address that is not clean":  {"GET", "//graphql?query={viewer{role}}", 307, nil},
		"a path without its slash":      {"GET", "/v1", 307, nil},
		"another method":                {"DELETE", "/v1/imports", 405, nil},
	} {
		response := a.request(t, registry.RoleAdmin, c.method, c.path, "", nil, c.header...)
		body := readAll(t, response)
		if response.StatusCode != c.status {
			t.Errorf("%s: %d %s; want %d", name, response.StatusCode, body, c.status)
		}
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
			"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		} {
			if got := response.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q; want %q", name, header, got, want)
			}
		}
	}
}

// TestOtherSitesPagesAreToldInTheFormOfTheInterface, with the code and the id of the request like everybody else.
func TestOtherSitesPagesAreToldInTheFormOfTheInterface(t *testing.T) {
	a := newApp(t)
	for path, form := range map[string]string{"/graphql": `{"errors":[{"`, "/v1/imports?source=web_forms": `{"error":{"`} {
		response := a.request(t, registry.RoleAdmin, http.MethodPost, path, asJSON, strings.NewReader("{}"), "Origin", "https://evil.example")
		body := readAll(t, response)
		if !strings.HasPrefix(body, form) || !strings.Contains(body, `"code":"FORBIDDEN"`) ||
			!strings.Contains(body, `"requestId":"`+response.Header.Get("X-Request-Id")+`"`) {
			t.Errorf("%s: %d %s", path, response.StatusCode, body)
		}
	}
}

func TestOtherMethodsOfREST(t *testing.T) {
	a := newApp(t)
	const id = "/v1/imports/imp_00000000000000000000000000000000"
	for path, allow := range map[string]string{
		"/v1/imports": "POST", id: "GET, HEAD", id + "/quarantine.csv": "GET, HEAD", "/v1/jobs/x/failures.csv": "GET, HEAD", "/v1/stream-tickets": "POST",
	} {
		for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			response := a.request(t, registry.RoleAdmin, method, path, "", nil)
			body := readAll(t, response)
			if got := response.Header.Get("Allow"); response.StatusCode != http.StatusMethodNotAllowed || got != allow ||
				!strings.Contains(body, `"code":"BAD_REQUEST"`) || !strings.Contains(body, allow) {
				t.Errorf("%s %s: %d, Allow %q, %s; want 405, Allow %q", method, path, response.StatusCode, got, body, allow)
			}
		}
	}
	for _, path := range []string{"/v1/", "/v1/nothing", "/v1/imports/", "/v1/webhooks/whatsapp"} {
		response := a.request(t, registry.RoleAdmin, http.MethodDelete, path, "", nil)
		if body := readAll(t, response); response.StatusCode != http.StatusNotFound || response.Header.Get("Allow") != "" {
			t.Errorf("DELETE %s: %d %s", path, response.StatusCode, body)
		}
	}
}

// TestBodiesThatMustBeDecoded are refused for that, by the one status that says so, and not run as if they were plain.
func TestBodiesThatMustBeDecoded(t *testing.T) {
	a := newApp(t)
	for _, c := range []struct {
		path, contentType, body, coding string
		status                          int
	}{
		{"/graphql", asJSON, `{"query":"{viewer{role}}"}`, "gzip", 415},
		{"/graphql", asJSON, `{"query":"{viewer{role}}"}`, "identity, br", 415},
		{"/graphql", asJSON, `{"query":"{viewer{role}}"}`, "Identity", 200},
		{"/v1/imports?source=web_forms&region=CO", "text/csv", contacts, "gzip", 415},
		{"/v1/imports?source=web_forms&region=CO", "text/csv", contacts, "identity", 202},
	} {
		response := a.request(t, registry.RoleAdmin, http.MethodPost, c.path, c.contentType, strings.NewReader(c.body), "Content-Encoding", c.coding)
		body := readAll(t, response)
		if response.StatusCode != c.status || (c.status == 415) != (response.Header.Get("Accept-Encoding") == "identity") {
			t.Errorf("%s, %s: %d, Accept-Encoding %q, %s; want %d", c.path, c.coding, response.StatusCode, response.Header.Get("Accept-Encoding"), body, c.status)
		}
	}
}

// TestAdminDoesNotTellTheCommandLine, where the addresses of the database and of NATS may stand with their passwords.
func TestAdminDoesNotTellTheCommandLine(t *testing.T) {
	admin := httpd.Admin(prometheus.NewRegistry())
	if text := recorded(admin, "/debug/pprof/cmdline"); strings.Contains(text, os.Args[0]) {
		t.Errorf("%q", text)
	}
	if text := recorded(admin, "/debug/pprof/heap?debug=1"); !strings.Contains(text, "heap profile") {
		t.Errorf("%.100s", text)
	}
}
