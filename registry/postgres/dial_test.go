package postgres_test

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry/postgres"
)

// TestSilentServerIsGivenUp asks through a network that swallows what the server says: the query must fail by itself.
func TestSilentServerIsGivenUp(t *testing.T) {
	u, err := url.Parse(testkit.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	socket := u.Query().Get("host") + "/.s.PGSQL." + u.Query().Get("port")
	swallow := make(chan struct{})
	front := forward(t, socket, swallow)
	u.Host, u.RawQuery = front, "sslmode=disable"
	pool, err := postgres.OpenPool(testkit.Context(t), u.String(), postgres.PoolOptions{StatementTimeout: 50 * time.Millisecond, Silence: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	close(swallow)
	failed := make(chan error, 1)
	go func() {
		_, err := pool.Exec(context.Background(), "SELECT 1")
		failed <- err
	}()
	select {
	case err := <-failed:
		if err == nil {
			t.Error("a query was answered by nobody")
		}
	case <-testkit.Context(t).Done():
		t.Error("the query hangs")
	}
}

// forward passes connections on to a socket, until swallow is closed: from then on nothing that the server says arrives.
func forward(t *testing.T, socket string, swallow <-chan struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				t.Errorf("dial: %v", err)
				_ = in.Close()
				continue
			}
			t.Cleanup(func() { _, _ = in.Close(), out.Close() })
			go func() { pass(out, in, nil) }()
			go func() { pass(in, out, swallow) }()
		}
	}()
	return l.Addr().String()
}

func pass(to, from net.Conn, swallow <-chan struct{}) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		select {
		case <-swallow:
		default:
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
	}
}
