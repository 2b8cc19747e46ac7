package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// watcher is a client that watches a job over a connection of its own. It reads frames and events by hand: ten thousand
// of them run on the cores that are measured.
type watcher struct {
	conn    net.Conn
	reader  *bufio.Reader
	socket  bool // a WebSocket, else an event stream
	stalled bool

	sequence int64 // of the last state
	final    bool  // it was the last one of all, and the stream was completed behind it
	lags     []time.Duration
}

// watchQuery asks for what a page that shows a job needs.
const watchQuery = `subscription ($id: ID!) { validationJobProgress(id: $id) { sequence status total processed succeeded failed
	percent ratePerSecond etaSeconds platforms { platform total processed succeeded failed } } }`

// subscribe connects and waits until the server has taken the subscription. One that is stalled takes as little as the
// system lets it, and never reads again.
func (e endpoint) subscribe(ctx context.Context, job string, socket, stalled bool) (*watcher, error) {
	u, err := url.Parse(e.url)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: time.Minute}
	if stalled {
		dialer.Control = func(_, _ string, c syscall.RawConn) error {
			var err error
			return errors.Join(c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }), err)
		}
	}
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	w := &watcher{conn: conn, reader: bufio.NewReaderSize(conn, 2048), socket: socket, stalled: stalled}
	if err := w.open(e, u, operation(watchQuery, map[string]any{"id": job})); err != nil {
		return w, fmt.Errorf("subscribe: %w", err)
	}
	return w, nil
}

// open sends the operation and reads the head of the answer.
func (w *watcher) open(e endpoint, u *url.URL, operation []byte) error {
	var b bytes.Buffer
	if w.socket {
		fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", u.Path, u.Host)
	} else {
		fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
			"Accept: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", u.Path, u.Host, e.token, len(operation), operation)
	}
	if err := w.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := w.conn.Write(b.Bytes()); err != nil {
		return err
	}
	status, err := w.reader.ReadString('\n')
	if err != nil {
		return err
	}
	want := http.StatusOK
	if w.socket {
		want = http.StatusSwitchingProtocols
	}
	if !strings.HasPrefix(status, "HTTP/1.1 "+strconv.Itoa(want)) {
		return fmt.Errorf("answered with %s", strings.TrimSpace(status))
	}
	for line := status; line != "\r\n"; { // the headers
		if line, err = w.reader.ReadString('\n'); err != nil {
			return err
		}
	}
	if w.socket { // what comes before the server has agreed is refused
		b.Reset()
		b.Write(frame(1, fmt.Appendf(nil, `{"type":"connection_init","payload":{"Authorization":"Bearer %s"}}`, e.token)))
		b.Write(frame(1, fmt.Appendf(nil, `{"id":"1","type":"subscribe","payload":%s}`, operation)))
		if _, err := w.conn.Write(b.Bytes()); err != nil {
			return err
		}
	}
	if text, end, err := w.next(); err != nil || end || !w.take(text) { // the state that the job is in
		return errors.Join(errors.New("the first state did not come"), err)
	}
	return w.conn.SetDeadline(time.Time{})
}

// frame is a message of a client, which has to be masked: with nothing.
func frame(opcode byte, payload []byte) []byte {
	b := []byte{0x80 | opcode, 0x80 | byte(min(len(payload), 126))}
	if len(payload) >= 126 {
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// watch reads states until the stream ends or breaks.
func (w *watcher) watch(seen *commits) {
	ended := false
	for {
		text, end, err := w.next()
		if err != nil {
			return
		}
		if end {
			w.final = ended
			return
		}
		before := w.sequence
		if !w.take(text) {
			return
		}
		if lag, ok := seen.lag(before, w.sequence, time.Now()); ok {
			w.lags = append(w.lags, lag)
		}
		ended = bytes.Contains(text, []byte(`"status":"COMPLETED"`)) && bytes.Contains(text, []byte(`"percent":100,`))
	}
}

const sequenceName = `"sequence":`

// take notes the sequence of a state; false when it has none, or an older one than the last.
func (w *watcher) take(text []byte) bool {
	i := bytes.Index(text, []byte(sequenceName))
	if i < 0 {
		return false
	}
	var v int64
	for _, c := range text[i+len(sequenceName):] {
		if c < '0' || c > '9' {
			break
		}
		v = 10*v + int64(c-'0')
	}
	newer := v > w.sequence
	w.sequence = v
	return newer
}

// next returns the next state, which holds until the next call, or the end of the stream.
func (w *watcher) next() (text []byte, end bool, err error) {
	if w.socket {
		return w.nextFrame()
	}
	for {
		line, err := w.reader.ReadSlice('\n')
		switch {
		case err != nil:
			return nil, false, err
		case bytes.HasPrefix(line, []byte("data: {")):
			return line, false, nil
		case bytes.HasPrefix(line, []byte("event: complete")):
			return nil, true, nil
		}
	}
}

func (w *watcher) nextFrame() (text []byte, end bool, err error) {
	for {
		head, err := w.peek(2)
		if err != nil {
			return nil, false, err
		}
		opcode, size := head[0]&0x0f, int(head[1]&0x7f)
		if size == 126 {
			if head, err = w.peek(2); err != nil {
				return nil, false, err
			}
			size = int(binary.BigEndian.Uint16(head))
		}
		payload, err := w.peek(size)
		switch {
		case err != nil:
			return nil, false, err
		case opcode == 9: // a ping
			if _, err := w.conn.Write(frame(10, payload)); err != nil {
				return nil, false, err
			}
		case opcode == 8:
			return nil, false, io.EOF
		case bytes.Contains(payload, []byte(`"type":"next"`)):
			return payload, false, nil
		case bytes.Contains(payload, []byte(`"type":"complete"`)):
			return nil, true, nil
		case bytes.Contains(payload, []byte(`"type":"error"`)):
			return nil, false, errors.New("the subscription was refused")
		}
	}
}

// peek takes n bytes, which hold until more are taken.
func (w *watcher) peek(n int) ([]byte, error) {
	b, err := w.reader.Peek(n)
	if err != nil {
		return nil, err
	}
	_, err = w.reader.Discard(n)
	return b, err
}
