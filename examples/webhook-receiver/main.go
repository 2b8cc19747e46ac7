// Webhook-receiver is an example of a program that phoneregistry tells what happened: it makes sure that a message is
// genuine, drops repeats, and writes down what it says. receiver.py is the same in Python.
//
//	WEBHOOK_SECRET=whsec_… go run ./examples/webhook-receiver --listen 127.0.0.1:9091
//	phoneregistry serve --webhook-allow-private
//
// and createWebhook with the address http://127.0.0.1:9091/hook.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// maxBody is more than any message takes.
const maxBody = 1 << 20

// message is what all messages have in common.
type message struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// receiver answers the calls of a webhook.
type receiver struct {
	secret string
	now    func() time.Time
	handle func(message) error // called once for each message

	mu     sync.Mutex
	seen   map[string]bool
	latest []string // the ids of seen, oldest first
}

// remembered bounds the ids that are kept. A program that keeps what it is told in a database keeps them there, in the
// same transaction.
const remembered = 100_000

func newReceiver(secret string, handle func(message) error) *receiver {
	return &receiver{secret: secret, now: time.Now, handle: handle, seen: map[string]bool{}}
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if err := verify(rc.secret, r.Header, body, rc.now()); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if err := rc.once(m); err != nil {
		w.WriteHeader(http.StatusInternalServerError) // it comes again
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// once hands a message on unless it has been handed on before. One at a time, so that two of the same do not overtake
// each other.
func (rc *receiver) once(m message) error {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.seen[m.ID] {
		return nil
	}
	if err := rc.handle(m); err != nil {
		return err
	}
	rc.seen[m.ID] = true
	rc.latest = append(rc.latest, m.ID)
	if len(rc.latest) > remembered {
		delete(rc.seen, rc.latest[0])
		rc.latest = rc.latest[1:]
	}
	return nil
}

func main() {
	listen := flag.String("listen", "127.0.0.1:9091", "address to listen on")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, os.Getenv("WEBHOOK_SECRET"), log); err != nil {
		fmt.Fprintln(os.Stderr, "webhook-receiver:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, listen, secret string, log *slog.Logger) error {
	if secret == "" {
		return errors.New("set WEBHOOK_SECRET to the secret that createWebhook told")
	}
	// The data of lead.tier_changed holds phone numbers: it does not belong into a log.
	handler := newReceiver(secret, func(m message) error {
		log.Info("told", "type", m.Type, "id", m.ID, "happened", m.Timestamp)
		return nil
	})
	server := &http.Server{Addr: listen, Handler: handler, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(late) // ListenAndServe returns, whatever it says
	})
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
