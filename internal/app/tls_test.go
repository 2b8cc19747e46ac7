package app_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/testkit"
)

// logText keeps what is logged.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), part)
}

// TestTLS speaks every way of the API over TLS, and changes the certificate under a running server.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	authority := newIdentity(t, dir, "authority", nil)
	own := newIdentity(t, dir, "server", authority)
	c := settings(t)
	c.Demo, c.Workers, c.AdminListen = false, "none", ""
	c.TLSCert, c.TLSKey = own.certFile, own.keyFile
	var logged logText
	s, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	address, ok := strings.CutPrefix(s.URL(), "https://")
	if !ok {
		t.Fatalf("URL() = %s", s.URL())
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.cert)
	trust := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}

	old := trust.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err := serial(t.Context(), address, old); err == nil {
		t.Error("TLS 1.2 is spoken")
	}
	streamByHTTP2(t, s, trust)
	socketByTLS(t, s, address, trust)

	if err := os.WriteFile(own.certFile, []byte("half of a cert"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bad certificate is told", func() bool { return logged.has("the new certificate cannot be used") })
	if got, err := serial(t.Context(), address, trust); err != nil || got.Cmp(own.cert.SerialNumber) != 0 {
		t.Errorf("with a bad file: %v, %v; want the old certificate", got, err)
	}
	fresh := newIdentity(t, dir, "server", authority) // the same files
	eventually(t, "the new certificate is shown", func() bool {
		got, err := serial(t.Context(), address, trust)
		return err == nil && got.Cmp(fresh.cert.SerialNumber) == 0
	})
}

// serial returns the number of the certificate that is shown.
func serial(ctx context.Context, address string, c *tls.Config) (*big.Int, error) {
	conn, err := (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	secured, ok := conn.(*tls.Conn)
	if !ok {
		return nil, errors.New("no TLS")
	}
	return secured.ConnectionState().PeerCertificates[0].SerialNumber, nil
}

func streamByHTTP2(t *testing.T, s *app.Server, trust *tls.Config) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body := strings.NewReader(`{"query":"subscription { leadScoreChanged { total } }"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/graphql", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token())
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // left in the middle
	if res.ProtoMajor != 2 || res.StatusCode != http.StatusOK || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s %v", res.Proto, res.Status, res.Header)
	}
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != ":\n" {
		t.Errorf("the stream begins with %q, %v", line, err)
	}
}

func socketByTLS(t *testing.T, s *app.Server, address string, trust *tls.Config) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, TLSClientConfig: trust.Clone()}
	dialer.TLSClientConfig.NextProtos = []string{"http/1.1"} // as browsers do
	header := http.Header{"Authorization": {"Bearer " + s.Token()}, "Origin": {s.URL()}}
	conn, res, err := dialer.DialContext(t.Context(), "wss://"+address+"/graphql", header)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()     //nolint:errcheck // nothing more is said
	defer res.Body.Close() //nolint:errcheck // it has none
	var answer struct{ Type string }
	if err := conn.WriteJSON(map[string]string{"type": "connection_init"}); err != nil {
		t.Fatal(err)
	}
	if err := conn.ReadJSON(&answer); err != nil || answer.Type != "connection_ack" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// TestABadCertificateIsNoStart: a key of another certificate is told as a mistake of the settings.
func TestABadCertificateIsNoStart(t *testing.T) {
	dir := t.TempDir()
	one, other := newIdentity(t, dir, "one", nil), newIdentity(t, dir, "other", nil)
	c := settings(t)
	c.Demo, c.Workers, c.AdminListen = false, "none", ""
	c.TLSCert, c.TLSKey = one.certFile, other.keyFile
	_, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
	if wrong, ok := errors.AsType[*config.Error](err); !ok || wrong.Field != "--tls-cert" || app.ExitCode(err) != app.ExitUsage {
		t.Errorf("Start() = %v", err)
	}
}

// TestFilesThatAreNoCertificate are told by the flag that names them, before anything else is started.
func TestFilesThatAreNoCertificate(t *testing.T) {
	dir := t.TempDir()
	own := newIdentity(t, dir, "own", nil)
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	locked := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("locked")}))
	for name, c := range map[string]struct{ cert, key, field string }{
		"no certificate file":          {filepath.Join(dir, "nowhere"), own.keyFile, "--tls-cert"},
		"no key file":                  {own.certFile, filepath.Join(dir, "nowhere"), "--tls-key"},
		"a folder as certificate":      {dir, own.keyFile, "--tls-cert"},
		"an empty certificate":         {file("empty", ""), own.keyFile, "--tls-cert"},
		"an empty key":                 {own.certFile, file("empty", ""), "--tls-key"},
		"a text as certificate":        {file("text", "hello"), own.keyFile, "--tls-cert"},
		"a text as key":                {own.certFile, file("text", "hello"), "--tls-key"},
		"a key that needs a password":  {own.certFile, file("locked", locked), "--tls-key"},
		"the certificate as key":       {own.certFile, own.certFile, "--tls-key"},
		"both of them exchanged":       {own.keyFile, own.certFile, "--tls-cert"},
		"a certificate that is broken": {file("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), own.keyFile, "--tls-cert"},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(t)
			s.Demo, s.Workers, s.AdminListen = false, "none", ""
			s.TLSCert, s.TLSKey = c.cert, c.key
			_, err := app.Start(t.Context(), s, app.Options{Version: "test", Logger: testkit.Logger(t)})
			if wrong, ok := errors.AsType[*config.Error](err); !ok || wrong.Field != c.field || app.ExitCode(err) != app.ExitUsage {
				t.Errorf("Start() = %v; want an error of %s", err, c.field)
			}
			if left, err := os.ReadDir(s.DataDir); len(left) > 0 {
				t.Errorf("the start has left %v, %v", left, err)
			}
		})
	}
}
