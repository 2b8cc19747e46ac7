package webcall_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRequest(t *testing.T) {
	type seen struct {
		method, path, kind, body, key string
	}
	var got seen
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = seen{r.Method, r.URL.Path, r.Header.Get("Content-Type"), string(body), r.Header.Get("X-Key")}
		if r.Header.Get("Accept") != "application/json" || r.Header.Get("User-Agent") != "phoneregistry" {
			t.Errorf("header %v", r.Header)
		}
		w.Header().Set("Content-Type", "application/problem+json")
		_, _ = io.WriteString(w, `{"a":1}`)
	}))
	defer server.Close()
	c := webcall.New(webcall.Config{Service: "it"})
	defer c.Close()
	for _, tt := range []struct {
		request webcall.Request
		want    seen
	}{
		{webcall.Request{Method: "GET", URL: server.URL + "/a", Header: http.Header{"X-Key": {"k"}}}, seen{"GET", "/a", "", "", "k"}},
		{webcall.Request{Method: "POST", URL: server.URL + "/b", Body: map[string]int{"n": 7}}, seen{"POST", "/b", "application/json", `{"n":7}`, ""}},
		{webcall.Request{Method: "POST", URL: server.URL + "/c", Body: url.Values{"a": {"x y"}}}, seen{"POST", "/c", "application/x-www-form-urlencoded", "a=x+y", ""}},
	} {
		answer, err := c.Do(t.Context(), tt.request)
		if err != nil {
			t.Fatal(err)
		}
		var value struct{ A int }
		if err := c.Decode(answer, &value); err != nil || value.A != 1 || answer.Type != "application/problem+json" || got != tt.want {
			t.Errorf("sent %+v, want %+v; read %+v, %v", got, tt.want, value, err)
		}
	}
}

// TestUnusable: what cannot even be sent is told without the address.
func TestUnusable(t *testing.T) {
	c := webcall.New(webcall.Config{Service: "it"})
	defer c.Close()
	for _, r := range []webcall.Request{
		{Method: "GET", URL: "https://host/+12025550100/%zz"},
		{Method: "BAD METHOD", URL: "https://host/+12025550100"},
		{Method: "POST", URL: "https://host/", Body: math.NaN()},
	} {
		_, err := c.Do(t.Context(), r)
		e, ok := errors.AsType[*workers.CallError](err)
		if !ok || !e.Permanent || strings.Contains(err.Error(), "2025550") {
			t.Errorf("error %v", err)
		}
	}
	// Nothing listens there: the error holds no path.
	_, err := c.Do(t.Context(), webcall.Request{Method: "GET", URL: "http://127.0.0.1:1/+12025550100"})
	if e, ok := errors.AsType[*workers.CallError](err); !ok || e.Permanent || e.Reason != "it cannot be reached" || strings.Contains(err.Error(), "2025550") {
		t.Errorf("error %v", err)
	}
}

// TestRefusalBodies: a refusal stands even when its body is larger than anything, and only its beginning is kept.
func TestRefusalBodies(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	}))
	defer server.Close()
	c := webcall.New(webcall.Config{Service: "it", Credential: "the key"})
	defer c.Close()
	answer, err := c.Do(t.Context(), webcall.Request{Method: "GET", URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Refused(answer); e.Reason != "it refused the key (403)" || !e.Permanent || len(answer.Body) != 16<<10 {
		t.Errorf("%v with %d bytes", e, len(answer.Body))
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "soon": 0, "0": 0, " 7 ": 7 * time.Second, "-5": 0, "99999999999999999999": 0,
		"9223372036854775807":                             10 * 365 * 24 * time.Hour,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		now.Add(-time.Hour).Format(http.TimeFormat):       0,
		"Fri, 31 Dec 9999 23:59:59 GMT":                   10 * 365 * 24 * time.Hour,
	} {
		if got := webcall.RetryAfter(header, now); got != want {
			t.Errorf("%q is %s, want %s", header, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		got := webcall.RetryAfter(rapid.String().Draw(t, "header"), now)
		if got < 0 || got > 10*365*24*time.Hour {
			t.Errorf("%s", got)
		}
	})
}

func TestCheckURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://host/path?key=1": "", "http://127.0.0.1:1/": "", "http://[::1]/": "", "http://localhost/": "",
		"http://host/":                  "not encrypted",
		"https://user:hush-hush@host/":  "user name",
		"https:///hush-hush":            "no host",
		"host/hush-hush":                "no host",
		"https:hush-hush":               "no host",
		"ftp://host/":                   "want https",
		"https://host/#hush-hush":       "fragment",
		"https://host/%zz/hush-hush":    "not a URL",
		"http://127.0.0.1.example/hush": "not encrypted",
	} {
		err := webcall.CheckURL(address, false)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush-hush")) {
			t.Errorf("%s: error %v, want one with %q", address, err, want)
		}
	}
	if err := webcall.CheckURL("http://host/", true); err != nil {
		t.Error(err)
	}
}

func TestSettingError(t *testing.T) {
	err := webcall.Wrong("rcs", "Agent", "is %s", "missing")
	if err.Error() != "rcs: Agent is missing" {
		t.Error(err)
	}
}
