package testkit

import (
	"testing"

	"github.com/nats-io/nats.go"

	"phoneregistry/internal/natsembed"
)

// NATS starts a NATS server with JetStream and an empty store for one test, with a connection to it. Both end with the
// test.
func NATS(t testing.TB, options ...nats.Option) (*natsembed.Server, *nats.Conn) {
	t.Helper()
	server, err := natsembed.Start(natsembed.Config{StoreDir: t.TempDir(), MaxStore: 1 << 30, Logger: Logger(t)})
	if err != nil {
		t.Fatalf("testkit: start NATS: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("testkit: stop NATS: %v", err)
		}
	})
	conn, err := server.Connect(options...)
	if err != nil {
		t.Fatalf("testkit: connect to NATS: %v", err)
	}
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() {
		conn.Close()
		<-closed // its goroutines have ended
	})
	return server, conn
}
