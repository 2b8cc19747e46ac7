package webservice_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/webservice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "s3cret-token"

var (
	asked = []numbering.Number{12025550100, 12025550101, 12025550102}
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// serve runs a validator and returns an adapter that asks it.
func serve(t *testing.T, handler http.HandlerFunc, change ...func(*webservice.Config)) *webservice.Adapter {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := webservice.Config{Platform: scoring.WhatsApp, URL: server.URL + "/check?key=in-the-query", Token: token, Now: func() time.Time { return now }}
	for _, f := range change {
		f(&cfg)
	}
	a, err := webservice.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func refuse(code int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		http.Error(w, "no: "+token, code)
	}
}

func TestRequest(t *testing.T) {
	var got webservice.Request
	var header http.Header
	var method, path string
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header, method, path = r.Header, r.Method, r.URL.Path
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"version":1,"results":[]}`)
	})
	if _, err := a.Check(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	want := webservice.Request{Version: 1, Platform: "WHATSAPP", Numbers: []string{"+12025550100", "+12025550101", "+12025550102"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if method != "POST" || path != "/check" || header.Get("Authorization") != "Bearer "+token || header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s, content type %q", method, path, header.Get("Content-Type"))
	}
	if info := a.Info(); info.Simulated || info.Method != "webservice" || info.MaxBatch != 100 {
		t.Errorf("info %+v", info)
	}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name, body string
		want       []workers.Outcome
	}{
		{"everything", `{"version":1,"future":true,"results":[
			{"number":"+12025550101","status":"ACTIVE","strength":0.25,"method":"list","ttlSeconds":60,"details":{"a":1},"future":1},
			{"number":"+12025550100","status":"UNKNOWN","reason":"no idea"},
			{"number":"+12025550102","status":"ERROR","reason":"never","permanent":true,"retryAfterSeconds":3}]}`,
			[]workers.Outcome{
				{Number: 12025550101, Status: scoring.Active, Strength: 0.25, Method: "list", TTL: time.Minute, Details: []byte(`{"a":1}`)},
				{Number: 12025550100, Status: scoring.Unknown, Strength: 1, Reason: "no idea"},
				{Number: 12025550102, Status: scoring.Failed, Strength: 1, Reason: "never", Permanent: true, RetryAfter: 3 * time.Second},
			}},
		{"no strength is full strength, zero is zero", `{"version":1,"results":[{"number":"+12025550100","status":"ACTIVE"},{"number":"+12025550101","status":"ACTIVE","strength":0}]}`,
			[]workers.Outcome{{Number: 12025550100, Status: scoring.Active, Strength: 1}, {Number: 12025550101, Status: scoring.Active}}},
		{"part of it", `{"version":1,"results":[{"number":"+12025550100","status":"NOT_FOUND"}]}`,
			[]workers.Outcome{{Number: 12025550100, Status: scoring.NotFound, Strength: 1}}},
		{"nothing", `{"version":1,"results":[]}`, nil},
		{"entries that cannot be read", `{"version":1,"results":[{"number":"+12025550100","status":7},"what",null,{"number":"12025550101","status":"ACTIVE"},
			{"number":"+12025550101","status":"ACTIVE","strength":"high"},{"number":"+12025550102","status":"INACTIVE"}]}`,
			[]workers.Outcome{{Number: 12025550102, Status: scoring.Inactive, Strength: 1}}},
		{"foreign numbers are the runtime's to judge", `{"version":1,"results":[{"number":"+573001234567","status":"ACTIVE"}]}`,
			[]workers.Outcome{{Number: 573001234567, Status: scoring.Active, Strength: 1}}},
		{"times beyond all bounds", `{"version":1,"results":[{"number":"+12025550100","status":"ACTIVE","ttlSeconds":9223372036854775807,"retryAfterSeconds":-5},{"number":"+12025550101","status":"ACTIVE","ttlSeconds":-9223372036854775808}]}`,
			[]workers.Outcome{{Number: 12025550100, Status: scoring.Active, Strength: 1, TTL: 10 * 365 * 24 * time.Hour}, {Number: 12025550101, Status: scoring.Active, Strength: 1, TTL: -10 * 365 * 24 * time.Hour}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := serve(t, answer(tt.body)).Check(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRefusals: what each failure means, and that it tells neither token, address nor number.
func TestRefusals(t *testing.T) {
	large := func(c *webservice.Config) { c.MaxResponseBytes = 1000 }
	tests := []struct {
		name    string
		handler http.HandlerFunc
		change  func(*webservice.Config)
		want    workers.CallError
	}{
		{"wrong token", refuse(401, ""), nil, workers.CallError{Reason: "the validator refused the token (401)", Permanent: true}},
		{"not allowed", refuse(403, ""), nil, workers.CallError{Reason: "the validator refused the token (403)", Permanent: true}},
		{"not understood", refuse(400, ""), nil, workers.CallError{Reason: "the validator refused the request (400)", Permanent: true}},
		{"too many, in the past", refuse(429, "-5"), nil, workers.CallError{Reason: "the validator limits the rate (429)", RateLimited: true}},
		{"malformed", answer(`{"version":1,"results":[{"number":"+12025550100"`), nil, workers.CallError{Reason: "the answer of the validator is not what its interface promises"}},
		{"no results", answer(`{"version":1}`), nil, workers.CallError{Reason: "the validator's answer has no results"}},
		{"newer", answer(`{"version":2,"results":{}}`), nil, workers.CallError{Reason: "the validator answers in version 2 of the contract, this program knows 1", Permanent: true}},
		{"too large", answer(`{"version":1,"results":[` + strings.Repeat(" ", 1000) + `]}`), large, workers.CallError{Reason: "the answer of the validator is larger than 1000 bytes", Permanent: true}},
		{"too large when unpacked", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			_, _ = io.WriteString(zip, strings.Repeat(" ", 1<<20))
			_ = zip.Close()
		}, large, workers.CallError{Reason: "the answer of the validator is larger than 1000 bytes", Permanent: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			change := tt.change
			if change == nil {
				change = func(*webservice.Config) {}
			}
			_, err := serve(t, tt.handler, change).Check(t.Context(), asked)
			checkCallError(t, err, tt.want)
		})
	}
}

func checkCallError(t *testing.T, err error, want workers.CallError) {
	t.Helper()
	adaptertest.CheckCallError(t, err, want, token, "in-the-query", "/check")
}

// TestFaults: whatever the service does, the error says what it means and nothing that it must not.
func TestFaults(t *testing.T) {
	for _, fault := range adaptertest.Faults(now, 1000) {
		t.Run(fault.Name, func(t *testing.T) {
			a := serve(t, fault.Handler, func(c *webservice.Config) {
				c.MaxResponseBytes = 1000
				if fault.Slow {
					c.Timeout = adaptertest.ShortTimeout
				}
			})
			_, err := a.Check(t.Context(), asked)
			want := fault.Error("the validator")
			if fault.Name == "a web page" { // the contract leaves the content type to the service
				want.Reason = "the answer of the validator is not what its interface promises"
			}
			checkCallError(t, err, want)
		})
	}
}

func TestCallerLeaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	if _, err := a.Check(ctx, asked); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the end of the context", err)
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	a, err := webservice.New(webservice.Config{Platform: scoring.Apple, URL: server.URL + "/check"})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	_, err = a.Check(t.Context(), asked)
	checkCallError(t, err, workers.CallError{Reason: "the validator cannot be reached"})
}

func TestNoTokenNoHeader(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Header["Authorization"]; ok {
			t.Error("an Authorization header was sent")
		}
		_, _ = io.WriteString(w, `{"version":1,"results":[]}`)
	}, func(c *webservice.Config) { c.Token = "" })
	if _, err := a.Check(t.Context(), asked); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	good := webservice.Config{Platform: scoring.Google, URL: "https://validator.example/check", Token: token}
	tests := []struct {
		name   string
		change func(*webservice.Config)
		want   string // in the error; "": none
	}{
		{"fine", func(*webservice.Config) {}, ""},
		{"plain HTTP here", func(c *webservice.Config) { c.URL = "http://127.0.0.1:9/x" }, ""},
		{"plain HTTP here, IPv6", func(c *webservice.Config) { c.URL = "http://[::1]:9/x" }, ""},
		{"plain HTTP elsewhere", func(c *webservice.Config) { c.URL = "http://validator.example/" }, "not encrypted"},
		{"plain HTTP elsewhere, allowed", func(c *webservice.Config) { c.URL, c.AllowPlainHTTP = "http://validator.example/", true }, ""},
		{"user name", func(c *webservice.Config) { c.URL = "https://me@validator.example/" }, "user name"},
		{"password", func(c *webservice.Config) { c.URL = "https://me:hush-hush@validator.example/" }, "password"},
		{"no URL", func(c *webservice.Config) { c.URL = "" }, "no host"},
		{"no scheme", func(c *webservice.Config) { c.URL = "validator.example/check" }, "no host"},
		{"other scheme", func(c *webservice.Config) { c.URL = "ftp://validator.example/" }, "want https"},
		{"not a URL", func(c *webservice.Config) { c.URL = "https://hush-hush:%zz" }, "not a URL"},
		{"fragment", func(c *webservice.Config) { c.URL += "#x" }, "fragment"},
		{"token with a line end", func(c *webservice.Config) { c.Token = "hush-hush\n" }, "line end"},
		{"unknown platform", func(c *webservice.Config) { c.Platform = "TELEX" }, "TELEX"},
		{"endless", func(c *webservice.Config) { c.Timeout = time.Hour }, "Timeout"},
		{"batch too large", func(c *webservice.Config) { c.MaxBatch = 1001 }, "MaxBatch"},
		{"no bytes", func(c *webservice.Config) { c.MaxResponseBytes = -1 }, "MaxResponseBytes"},
		{"negative rate", func(c *webservice.Config) { c.Rate = -1 }, "Rate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			_, err := webservice.New(cfg)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush-hush") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	for _, text := range []string{fmt.Sprint(good), fmt.Sprintf("%+v", good), fmt.Sprintf("%#v", good)} {
		if strings.Contains(text, token) || !strings.Contains(text, "validator.example") {
			t.Errorf("printed as %s", text)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"version":1,"results":[{"number":"+12025550100","status":"ACTIVE","strength":0.5,"details":{"a":[1,2]},"ttlSeconds":60}]}`, "7")
	f.Add(`{"version":1,"results":[{"number":"+12025550100","status":"ERROR","permanent":true},null,[]]}`, "Fri, 02 Jan 2026 03:04:05 GMT")
	f.Add(`{"version":1,"results":[{"number":"+12025550100","strength":1e400}]}`, "99999999999999999999")
	var body, after string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if after != "" {
			w.Header()["Retry-After"] = []string{after}
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	a, err := webservice.New(webservice.Config{Platform: scoring.Apple, URL: server.URL})
	if err != nil {
		f.Fatal(err)
	}
	defer a.Close()
	f.Fuzz(func(t *testing.T, b, header string) {
		body, after = b, ""
		if outcomes, err := a.Check(t.Context(), asked); err == nil {
			for _, o := range outcomes {
				if o.Number <= 0 || o.RetryAfter < 0 {
					t.Errorf("an outcome that cannot be: retry after %s", o.RetryAfter)
				}
			}
		}
		after = strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return -1
			}
			return r
		}, header)
		if after == "" {
			return
		}
		_, err := a.Check(t.Context(), asked)
		if e, ok := errors.AsType[*workers.CallError](err); !ok || e.RetryAfter < 0 || !e.RateLimited {
			t.Errorf("error %v", err)
		}
	})
}
