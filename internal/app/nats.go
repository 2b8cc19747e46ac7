package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/config"
	"phoneregistry/internal/natsembed"
)

// Files in the data directory.
const (
	natsDir       = "nats"
	natsTokenFile = "nats-token"
	adminFile     = "admin-token"
	spoolDir      = "spool"
)

// startNATS starts the embedded NATS, or connects to the one that is configured.
func startNATS(ctx context.Context, c config.Serve, p *parts, log *slog.Logger) (*nats.Conn, error) {
	if c.NATSURL != "" {
		conn, err := connectNATS(ctx, c.NATS, "phoneregistry-server", log)
		if err != nil {
			return nil, err
		}
		p.add("nats connection", func(context.Context) error { conn.Close(); return nil })
		return conn, nil
	}
	o := natsembed.Config{StoreDir: filepath.Join(c.DataDir, natsDir), Listen: c.NATSListen, Logger: log, SetAsideDamaged: true}
	if c.NATSListen != "" {
		token, err := keepSecret(filepath.Join(c.DataDir, natsTokenFile))
		if err != nil {
			return nil, err
		}
		o.Token = token
	}
	server, err := natsembed.Start(o)
	if err != nil {
		return nil, fmt.Errorf("start NATS: %w", err)
	}
	p.add("nats", func(context.Context) error { return server.Stop() })
	conn, err := server.Connect(natsOptions("phoneregistry-server", log)...)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded NATS: %w", err)
	}
	p.add("nats connection", func(context.Context) error { conn.Close(); return nil })
	return conn, nil
}

// connectNATS connects to an external NATS. Once connected, the connection comes back by itself for ever.
func connectNATS(ctx context.Context, c config.NATS, name string, log *slog.Logger) (*nats.Conn, error) {
	o := natsOptions(name, log)
	if c.NATSCreds != "" {
		o = append(o, nats.UserCredentials(c.NATSCreds))
	}
	if c.NATSToken != "" {
		token, err := readSecret("--nats-token-file", c.NATSToken)
		if err != nil {
			return nil, err
		}
		o = append(o, nats.Token(token))
	}
	if c.NATSCA != "" {
		o = append(o, nats.RootCAs(c.NATSCA))
	}
	if c.NATSCert != "" {
		o = append(o, nats.ClientCert(c.NATSCert, c.NATSKey))
	}
	conn, err := nats.Connect(c.NATSURL, o...)
	if err != nil {
		return nil, &UnreachableError{"NATS", err}
	}
	if err := ctx.Err(); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func natsOptions(name string, log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.Timeout(5 * time.Second),
		// A connection that has died without a word is noticed after half a minute, not after the six minutes of the client.
		nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("nats connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("nats connection is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("nats", "error", err) }),
	}
}

// keepSecret returns the secret kept in a file, which is made with a new one when it does not exist.
func keepSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		secret := strings.TrimSpace(string(b))
		if secret == "" {
			return "", fmt.Errorf("%s is empty: remove it, and a new one is made", path)
		}
		return secret, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := auth.NewToken()
	unfinished := path + ".new" // a crash leaves no empty secret behind
	if err := os.WriteFile(unfinished, []byte(secret+"\n"), 0o600); err != nil {
		return "", err
	}
	return secret, os.Rename(unfinished, path)
}
