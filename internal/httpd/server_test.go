package httpd_test

import (
	"bufio"
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"phoneregistry/internal/httpd"
)

// TestNoAddressOfAClientIsLogged: not even when a connection fails, by whatever the library writes of it.
func TestNoAddressOfAClientIsLogged(t *testing.T) {
	var log bytes.Buffer
	server := httpd.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.WriteHeader(http.StatusOK) // the library tells of it
		panic("it broke")            // and of this, with the address
	}), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	must(t, err)
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	must(t, err)
	if _, err = bufio.NewReader(conn).ReadByte(); err == nil {
		t.Error("it did not break")
	}
	must(t, conn.Close())
	must(t, server.Shutdown(t.Context()))
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	got := log.String()
	if !strings.Contains(got, "panic serving (client) it broke") || !strings.Contains(got, "superfluous") {
		t.Errorf("the log lacks what it should tell: %s", got)
	}
	if strings.Contains(got, "127.0.0.1") {
		t.Errorf("the log names an address: %s", got)
	}
}
