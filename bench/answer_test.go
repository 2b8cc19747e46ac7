package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAnswer reads what net/http writes: answers of each shape, one after the other over one connection for as long as the
// server leaves it open.
func TestAnswer(t *testing.T) {
	long := strings.Repeat("long ", 40_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.URL.Query().Get("body")
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		case "/chunked":
			w.Header().Set("X-Some", "thing: else")
			_ = http.NewResponseController(w).Flush()
		case "/long":
			body = long
		case "/refused":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/close":
			w.Header().Set("Connection", "close")
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // it was only read
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c := &client{conn: conn, reader: bufio.NewReaderSize(conn, 4<<10)}
	for _, want := range []struct {
		path, body string
		status     int
		open       bool
	}{
		{"/length?body=abc", "abc", 200, true},
		{"/length?body=", "", 200, true},
		{"/chunked?body=abcdef", "abcdef", 200, true},
		{"/long", long, 200, true},
		{"/refused?body=no", "no", 429, true},
		{"/close?body=last", "last", 200, false},
	} {
		if _, err := io.WriteString(conn, "GET "+want.path+" HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		status, open, err := c.answer()
		if err != nil || status != want.status || open != want.open || c.body.String() != want.body {
			t.Errorf("%s is read as %d, %t, %v, %d bytes", want.path, status, open, err, c.body.Len())
		}
	}
}

// TestNoAnswer: what is none is an error.
func TestNoAnswer(t *testing.T) {
	for _, text := range []string{
		"", "HTTP/1.1", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
		strings.Repeat("x", 10_000),
	} {
		c := &client{reader: bufio.NewReader(strings.NewReader(text))}
		if status, _, err := c.answer(); err == nil {
			t.Errorf("%q is read as %d", text, status)
		}
	}
}
