package httpd

import (
	"context"
	"net/http"
	"sync"
	"time"

	"phoneregistry/internal/auth"
)

// heldTo ends a request with its token, wherever it is: reading a body, waiting, or writing to a slow reader. An answer
// of which nothing was sent becomes 401; one that has begun is broken off, so that nobody takes it for whole, unless all of
// it is on its way. Event streams are left to their transport.
func heldTo(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !auth.Ends(r.Context()) {
			next.ServeHTTP(w, r)
			return
		}
		c := &cutter{ResponseWriter: w, r: r}
		stop := context.AfterFunc(r.Context(), c.cut)
		defer stop()
		defer c.leave()
		next.ServeHTTP(c, r)
		c.finish()
		if c.isBroken() {
			_ = http.NewResponseController(w).Flush() // so that there is something of which the rest is missing
			panic(http.ErrAbortHandler)
		}
	})
}

// lastWords is how long an answer may take that was begun before its token ended: what is on its way arrives, and nobody
// who reads slowly holds it up for longer.
const lastWords = time.Second

// cutter is an answer that can be cut off.
type cutter struct {
	http.ResponseWriter
	r *http.Request

	mu     sync.Mutex // of all below; nothing waits while holding it
	status int        // that the handler wants to answer with; 0: not told, or passed on
	ended  error      // why the token has ended; nil: it has not
	begun  bool       // something of the handler's answer was sent
	stream bool
	broken bool // something of the handler's answer was not sent
	over   bool // the connection is no more of this request
}

// cut ends what goes on when the token has ended.
func (c *cutter) cut() {
	ended := auth.Ended(c.r.Context())
	if ended == nil { // the request itself is over
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream || c.over {
		return
	}
	c.ended = ended
	control := http.NewResponseController(c.ResponseWriter)
	_ = control.SetReadDeadline(time.Unix(1, 0)) // nothing more can be done where there are no deadlines
	if c.begun {
		_ = control.SetWriteDeadline(time.Now().Add(lastWords))
	}
}

// leave ends the cutter's hold on the connection, on which the next request may come.
func (c *cutter) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// finish sends an answer that has no body.
func (c *cutter) finish() {
	c.mu.Lock()
	waits := c.status != 0
	c.mu.Unlock()
	if waits {
		c.begin()
	}
}

// begin reports whether the handler may send something.
func (c *cutter) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := c.status
	c.status = 0
	if c.ended == nil {
		if c.begun = true; status != 0 {
			c.ResponseWriter.WriteHeader(status)
		}
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

func (c *cutter) hasBegun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun
}

// isBroken reports whether part of an answer is missing that had begun.
func (c *cutter) isBroken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken && c.begun
}

// WriteHeader implements http.ResponseWriter. The status waits for the first byte: until then the answer may become another
// one.
func (c *cutter) WriteHeader(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended != nil && status < 200:
	case status < 200: // on the way to the answer
		c.ResponseWriter.WriteHeader(status)
	case c.status == 0 && !c.begun:
		c.status = status
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

// FlushError implements the interface that http.ResponseController looks for. What was begun is sent, also when the token
// has ended meanwhile: whoever reads it sees then that the rest is missing.
func (c *cutter) FlushError() error {
	if !c.hasBegun() && !c.begin() {
		return c.why()
	}
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
