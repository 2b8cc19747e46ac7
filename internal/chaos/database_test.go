package chaos

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/pgembed"
)

// database is the private PostgreSQL and its keeper.
type database struct {
	w      *world
	dir    string
	socket string
	pool   *pgxpool.Pool // of the harness

	using  sync.Mutex // held while the database is exchanged
	mu     sync.Mutex
	server *pgembed.Server
}

func startDatabase(ctx context.Context, w *world) (*database, error) {
	d := &database{w: w, dir: filepath.Join(w.dir, "pg")}
	if err := os.MkdirAll(d.dir, 0o711); err != nil {
		return nil, err
	}
	w.mount(d.dir, 2048)
	if err := os.Chmod(d.dir, 0o711); err != nil {
		return nil, err
	}
	// A disk that is to fill up must not be filled by the log of a quiet hour.
	own := "max_wal_size = '256MB'\nmin_wal_size = '64MB'\nmax_connections = '100'\n"
	if err := os.WriteFile(filepath.Join(d.dir, "postgres.conf"), []byte(own), 0o644); err != nil {
		return nil, err
	}
	if err := d.start(ctx); err != nil {
		return nil, err
	}
	u, err := url.Parse(d.server.URL())
	if err != nil {
		return nil, err
	}
	d.socket = u.Query().Get("host") + "/.s.PGSQL." + u.Query().Get("port")
	config, err := pgxpool.ParseConfig(d.server.URL())
	if err != nil {
		return nil, err
	}
	config.MaxConns = 4
	config.ConnConfig.RuntimeParams["application_name"] = "chaos"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	d.pool, err = pgxpool.NewWithConfig(context.Background(), config)
	return d, err
}

func (d *database) start(ctx context.Context) error {
	s, err := pgembed.Start(ctx, pgembed.Config{DataDir: d.dir, Fast: true, DieWithParent: true})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.server = s
	return nil
}

func (d *database) current() *pgembed.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.server
}

// keep starts PostgreSQL again whenever it has given up, as it does when it died too often, until ctx ends.
func (d *database) keep(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-d.current().Done():
			d.revive(ctx)
		case <-ctx.Done():
		}
		pause(ctx, usualDelay)
	}
}

func (d *database) revive(ctx context.Context) {
	d.using.Lock()
	defer d.using.Unlock()
	select {
	case <-d.current().Done():
		if err := d.start(ctx); err != nil && ctx.Err() == nil {
			d.w.say("%-9s not started: %v", "postgres", err)
		}
	default: // somebody else was faster
	}
}

// kill ends the postmaster with a signal; it is started again by itself.
func (d *database) kill(s syscall.Signal) error {
	return syscall.Kill(d.current().PID(), s)
}

// link makes a proxy to PostgreSQL and a URL that goes through it.
func (d *database) link() (*proxy, string, error) {
	p, err := newProxy(func() (net.Conn, error) { return net.DialTimeout("unix", d.socket, 2*time.Second) })
	if err != nil {
		return nil, "", err
	}
	u, err := url.Parse(d.current().URL())
	if err != nil {
		return nil, "", err
	}
	u.Host, u.RawQuery = p.address(), "sslmode=disable"
	return p, u.String(), nil
}

func (d *database) stop() error {
	d.pool.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	select {
	case <-d.current().Done():
		return nil
	default:
	}
	return d.current().Stop(ctx)
}
