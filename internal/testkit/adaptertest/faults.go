// Package adaptertest is what the tests of adapters share: a service over HTTP that misbehaves in every way, what the
// errors of an adapter must and must not tell, and one run through a worker over a real NATS. It is for tests only.
package adaptertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Fault is a way in which a service over HTTP lets down who asks it, and what an adapter has to make of it.
type Fault struct {
	Name    string
	Handler http.HandlerFunc
	Slow    bool // it ends only by the time-out of who asks: give it a short one

	Reason      string // of the error, with %s for how the service is called; behind it, the time-out of a slow one
	RateLimited bool
	Permanent   bool
	RetryAfter  time.Duration
}

// body is what refusals hold that must show in no error: a number, an address and a secret.
const body = `{"code":1,"message":"no: +12025550100 at https://inside.example/?key=hush-hush","note":"hush-hush"}`

// Faults lists the faults that every adapter over HTTP must survive. now is the adapter's clock; an answer of more
// than tooLarge bytes is larger than it reads.
func Faults(now time.Time, tooLarge int) []Fault {
	limited := "%s limits the rate (429)"
	return []Fault{
		{Name: "too many, in seconds", Handler: refuse(429, "7"), Reason: limited, RateLimited: true, RetryAfter: 7 * time.Second},
		{Name: "too many, until a date", Handler: refuse(429, now.Add(90*time.Second).Format(http.TimeFormat)), Reason: limited, RateLimited: true, RetryAfter: 90 * time.Second},
		{Name: "too many, until a date that has passed", Handler: refuse(429, now.Add(-time.Hour).Format(http.TimeFormat)), Reason: limited, RateLimited: true},
		{Name: "too many, for how long is not told", Handler: refuse(429, ""), Reason: limited, RateLimited: true},
		{Name: "too many, in rubbish", Handler: refuse(429, "soon"), Reason: limited, RateLimited: true},
		{Name: "broken", Handler: refuse(500, ""), Reason: "%s failed (500)"},
		{Name: "bad gateway", Handler: refuse(502, ""), Reason: "%s failed (502)"},
		{Name: "not available", Handler: refuse(503, "3"), Reason: "%s failed (503)", RetryAfter: 3 * time.Second},
		{Name: "request time-out", Handler: refuse(408, ""), Reason: "%s failed (408)"},
		{Name: "no content", Handler: refuse(204, ""), Reason: "%s refused the request (204)", Permanent: true},
		{Name: "redirect", Handler: redirect, Reason: "%s redirects (307), which is not followed: configure its final address", Permanent: true},
		{Name: "malformed", Handler: answerJSON(`{"note":"hush-hush`), Reason: "the answer of %s is not what its interface promises"},
		{Name: "empty", Handler: answerJSON(``), Reason: "the answer of %s is not what its interface promises"},
		{Name: "another shape", Handler: answerJSON(`["hush-hush"]`), Reason: "the answer of %s is not what its interface promises"},
		{Name: "a web page", Handler: webPage, Reason: "%s answered with something else than JSON: is a proxy or a wrong address in between?"},
		{Name: "too large", Handler: answerJSON(`{"note":"` + strings.Repeat("x", tooLarge) + `"}`), Reason: "the answer of %s is larger than " + fmt.Sprint(tooLarge) + " bytes", Permanent: true},
		{Name: "hangs up", Handler: hangUp, Reason: "%s cannot be reached"},
		{Name: "hangs up in the middle", Handler: hangUpInTheMiddle, Reason: "%s cannot be reached"},
		{Name: "hangs", Handler: hang, Slow: true, Reason: "no answer from %s within "},
		{Name: "drips", Handler: drip, Slow: true, Reason: "no answer from %s within "},
	}
}

func refuse(code int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		if code != http.StatusNoContent {
			_, _ = io.WriteString(w, body)
		}
	}
}

func answerJSON(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}
}

// redirect sends to where nothing listens: an adapter that followed would not reach it, and say so.
func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://127.0.0.1:1/hush-hush", http.StatusTemporaryRedirect)
}

func webPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<html>hush-hush</html>")
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func hangUpInTheMiddle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"note":"hush-hush"`)
}

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client leaves
	<-r.Context().Done()
}

// drip answers a blank every now and then and never ends.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}
