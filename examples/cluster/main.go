// Command cluster runs a whole cluster on this machine, to look at and to break: three nats-servers, two phoneregistry
// servers on one private PostgreSQL, and three workers with simulated platforms. Everything listens on the loopback
// address and ends with Ctrl-C.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	dir := flag.String("dir", "", "folder for everything the cluster keeps; one that is removed at the end unless told")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dir, os.Stdout, nil); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// run starts a cluster, tells where it is, and keeps it until ctx ends. ready may be nil.
func run(ctx context.Context, dir string, out io.Writer, ready func(*cluster)) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "phoneregistry-cluster-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // PostgreSQL, which runs as another user under root, passes through it
		return err
	}
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // as above
		return err
	}
	c := &cluster{dir: dir, out: out}
	defer c.stop()
	if err := c.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // it was ended while it started
		}
		return fmt.Errorf("%w; logs are in %s", err, dir)
	}
	c.describe()
	if ready != nil {
		ready(c)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "\nstopping")
	return nil
}
