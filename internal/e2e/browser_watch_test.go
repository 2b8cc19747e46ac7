package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// watch records what a page asked for and what it complained about.
type watch struct {
	mu         sync.Mutex
	addresses  []string // of requests and WebSockets
	purposes   []string // of each connection_init that a WebSocket sent; "" where none was told
	news       chan struct{}
	complaints []string // errors in the console, uncaught exceptions, what the content policy stopped
}

// see takes an event of the page. It runs on the goroutine that reads them, in their order.
func (w *watch) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.addresses = append(w.addresses, e.Request.URL)
	case *network.EventWebSocketCreated:
		w.addresses = append(w.addresses, e.URL)
	case *network.EventWebSocketFrameSent:
		w.sent(e.Response.PayloadData)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			w.complaints = append(w.complaints, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		w.complaints = append(w.complaints, "uncaught: "+text)
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError && e.Type != runtime.ConsoleAPICalledTypeAssert {
			return
		}
		var text []string
		for _, arg := range e.Args {
			text = append(text, string(arg.Value)+arg.Description)
		}
		w.complaints = append(w.complaints, "console: "+strings.Join(text, " "))
	}
}

// sent takes what a WebSocket sent.
func (w *watch) sent(text []byte) {
	var message struct {
		Type    string
		Payload json.RawMessage
	}
	if json.Unmarshal(text, &message) != nil || message.Type != "connection_init" {
		return
	}
	var told struct{ Purpose string }
	_ = json.Unmarshal(message.Payload, &told) // what cannot be read tells no purpose
	w.purposes = append(w.purposes, told.Purpose)
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// waitPurpose waits until the newest WebSocket has told a purpose.
func (tb *tab) waitPurpose(want string) {
	tb.t.Helper()
	late := time.After(patience)
	for {
		tb.mu.Lock()
		told := slices.Clone(tb.purposes)
		tb.mu.Unlock()
		if len(told) > 0 && told[len(told)-1] == want {
			return
		}
		select {
		case <-tb.news:
		case <-late:
			tb.t.Fatalf("WebSockets told the purposes %q, want %q last", told, want)
		}
	}
}

func (w *watch) seen() (addresses, complaints []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.addresses), slices.Clone(w.complaints)
}

// elsewhere returns the addresses that are not of the server at origin. What a page makes itself, blobs and data, is
// of no host at all.
func elsewhere(addresses []string, origin string) []string {
	home := strings.TrimPrefix(origin, "http://")
	return slices.DeleteFunc(slices.Clone(addresses), func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && (u.Host == home || u.Scheme == "blob" || u.Scheme == "data")
	})
}

// outside stands for the rest of the world: the browser's proxy. It answers nothing and records who was asked for, by
// pages, by their workers or by the browser itself.
type outside struct {
	url   string
	mu    sync.Mutex
	hosts []string
}

func newOutside(t *testing.T) *outside {
	o := &outside{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.hosts = append(o.hosts, r.Host)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

func (o *outside) asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.hosts)
}

// take returns who was asked for, and forgets it.
func (o *outside) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	hosts := o.hosts
	o.hosts = nil
	return hosts
}
