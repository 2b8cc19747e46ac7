// Command datadict writes the data dictionary from the migrations: it starts a PostgreSQL of its own, migrates a
// database there and reads its catalogue.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/datadict"
	"phoneregistry/internal/pgembed"
	"phoneregistry/migrations"
)

func main() {
	out := flag.String("o", "docs/data-dictionary.md", "file to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "datadict:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, out string) (err error) {
	dir, err := os.MkdirTemp("", "datadict-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := pgembed.Start(ctx, pgembed.Config{DataDir: dir, Fast: true, DieWithParent: true})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, server.Stop(ctx))
	}()
	text, err := describe(ctx, server.URL())
	if err != nil {
		return err
	}
	return os.WriteFile(out, []byte(text), 0o644) //nolint:gosec // documentation, for everybody to read
}

func describe(ctx context.Context, url string) (text string, err error) {
	if err := migrations.Up(ctx, url, nil); err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	d, err := datadict.Read(ctx, conn)
	return d.Markdown(), err
}
