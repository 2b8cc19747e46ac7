package httpd

import (
	"context"
	"net/http"
	"sync"
	"time"

	"phoneregistry/internal/auth"
)

// heldTo ends a request with its token, wherever it is: reading a body, waiting, or writing to a slow reader. An answer
// that has not begun becomes 401; one that has is broken off, so that nobody takes it for whole. Event streams are left
// to their transport.
func heldTo(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !auth.Ends(r.Context()) {
			next.ServeHTTP(w, r)
			return
		}
		c := &cutter{ResponseWriter: w, r: r}
		stop := context.AfterFunc(r.Context(), c.cut)
		defer stop()
		next.ServeHTTP(c, r)
		if c.isBroken() {
			panic(http.ErrAbortHandler)
		}
	})
}

// cutter is an answer that can be cut off.
type cutter struct {
	http.ResponseWriter
	r *http.Request

	mu     sync.Mutex // of all below; nothing waits while holding it
	ended  error      // why the token has ended; nil: it has not
	begun  bool       // something of the handler's answer was sent
	stream bool
	broken bool // something of the handler's answer was not sent
}

// cut ends what goes on when the token has ended.
func (c *cutter) cut() {
	ended := auth.Ended(c.r.Context())
	if ended == nil { // the request itself is over
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream {
		return
	}
	c.ended = ended
	control, past := http.NewResponseController(c.ResponseWriter), time.Unix(1, 0)
	_ = control.SetReadDeadline(past) // nothing more can be done where there are no deadlines
	if c.begun {
		_ = control.SetWriteDeadline(past)
	}
}

// begin reports whether the handler may send something.
func (c *cutter) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.begun = true
		return true
	}
	if c.begun {
		c.broken = true
		return false
	}
	if !c.broken { // in place of what the handler has to say
		c.broken = true
		for _, name := range []string{"Content-Length", "Content-Disposition", "Location", "Allow", "Retry-After"} {
			c.Header().Del(name)
		}
		c.Header().Set("Connection", "close") // the body may not have been read
		auth.Refuse(c.ResponseWriter, c.r, c.ended)
	}
	return false
}

// isBroken reports whether part of an answer is missing that had begun.
func (c *cutter) isBroken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken && c.begun
}

// WriteHeader implements http.ResponseWriter.
func (c *cutter) WriteHeader(status int) {
	if c.begin() {
		c.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (c *cutter) Write(b []byte) (int, error) {
	if !c.begin() {
		return 0, c.why()
	}
	n, err := c.ResponseWriter.Write(b)
	if err != nil && c.why() != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.broken = true
	}
	return n, err
}

func (c *cutter) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Unwrap lets http.ResponseController reach what is below.
func (c *cutter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// FlushError implements the interface that http.ResponseController looks for.
func (c *cutter) FlushError() error {
	c.mu.Lock()
	c.stream = c.ended == nil
	c.mu.Unlock()
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// SetReadDeadline implements the interface that http.ResponseController looks for. What was cut off stays so.
func (c *cutter) SetReadDeadline(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return c.ended
	}
	return http.NewResponseController(c.ResponseWriter).SetReadDeadline(deadline)
}

// SetWriteDeadline implements the interface that http.ResponseController looks for. What was cut off stays so.
func (c *cutter) SetWriteDeadline(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil && c.begun {
		return c.ended
	}
	return http.NewResponseController(c.ResponseWriter).SetWriteDeadline(deadline)
}
