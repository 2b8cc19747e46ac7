package httpd

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// answerEarly answers those who are refused before all of their body was read at once, and then lets them send it. By
// itself net/http reads what may be the rest before it answers, for as long as that takes to come; or, when the rest is
// long, closes the connection while the client still sends, and the reset takes the answer from the client, or from a
// proxy, which then says 502.
func answerEarly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		e := &early{ResponseWriter: w, long: r.ContentLength < 0 || r.ContentLength > keepBytes}
		e.body.ReadCloser = r.Body
		own := *r // net/http looks at the body that it made
		own.Body = &e.body
		next.ServeHTTP(e, &own)
		if e.refused {
			e.linger(r.Context())
		}
	})
}

// What is read of those who were refused, at most. Behind a body that may be longer than keepBytes the connection is closed.
const (
	keepBytes   = 256 << 10
	lingerBytes = 64 << 20
	lingerTime  = time.Minute
	lingerIdle  = 10 * time.Second // without a byte
)

// early is an answer that need not wait for the body of its request.
type early struct {
	http.ResponseWriter
	body    sent
	long    bool
	told    bool // the status
	refused bool // what is left of the body is nobody's
}

// WriteHeader implements http.ResponseWriter.
func (e *early) WriteHeader(status int) {
	if !e.told && status >= 400 && !e.body.whole {
		e.refused = http.NewResponseController(e.ResponseWriter).EnableFullDuplex() == nil
		if e.refused && e.long {
			e.Header().Set("Connection", "close")
		}
	}
	e.told = e.told || status >= 200
	e.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (e *early) Write(b []byte) (int, error) {
	e.told = true
	return e.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is below.
func (e *early) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// linger sends the answer and reads away what its client still sends. Where that does not end the connection does: the rest
// must not be taken for another request.
func (e *early) linger(ctx context.Context) {
	control := http.NewResponseController(e.ResponseWriter)
	if control.Flush() != nil {
		panic(http.ErrAbortHandler)
	}
	stop := context.AfterFunc(ctx, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	end := time.Now().Add(lingerTime)
	_, _ = io.CopyN(io.Discard, reader(func(b []byte) (int, error) { // the error is that of a client who needs nothing more
		deadline := time.Now().Add(lingerIdle)
		if deadline.After(end) {
			deadline = end
		}
		if err := errors.Join(control.SetReadDeadline(deadline), ctx.Err()); err != nil {
			return 0, err
		}
		return e.body.Read(b)
	}), lingerBytes)
	if !e.body.whole && !e.long { // else net/http closes it
		panic(http.ErrAbortHandler)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }

// sent is a body that knows whether it was read to its end.
type sent struct {
	io.ReadCloser
	whole bool
}

// Read implements io.Reader.
func (s *sent) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.whole = s.whole || errors.Is(err, io.EOF)
	return n, err
}
