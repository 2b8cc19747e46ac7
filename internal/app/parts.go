package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"

	"phoneregistry/internal/httpd"
)

// parts is what runs, in the order in which it was started; it is stopped in the opposite order.
type parts struct {
	log   *slog.Logger
	stops []part
	died  chan error // the first part that ended by itself
}

type part struct {
	name string
	stop func(context.Context) error
}

func newParts(log *slog.Logger) *parts {
	return &parts{log: log, died: make(chan error, 1)}
}

// add remembers how to stop a part that has been started.
func (p *parts) add(name string, stop func(context.Context) error) {
	p.stops = append(p.stops, part{name, stop})
}

// loop runs a part in the background until its turn to stop comes. One that ends before is reported on died.
func (p *parts) loop(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := run(ctx)
		if ctx.Err() == nil {
			p.report(name, err)
		}
		done <- err
	}()
	p.add(name, func(limit context.Context) error {
		cancel()
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-limit.Done():
			return errors.New("did not end in time")
		}
	})
}

// report says that a part ended by itself.
func (p *parts) report(name string, err error) {
	if err == nil {
		err = errors.New("ended by itself")
	}
	select {
	case p.died <- fmt.Errorf("%s: %w", name, err):
	default: // another one died before
	}
}

// stop stops all parts, the last one started first, and returns what went wrong.
func (p *parts) stop(ctx context.Context) error {
	var errs []error
	for _, part := range slices.Backward(p.stops) {
		if err := part.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", part.name, err))
		}
		p.log.Debug("part stopped", "part", part.name)
	}
	p.stops = nil
	return errors.Join(errs...)
}

// serveOn answers on a listener until its turn to stop comes. Streams end with it: their contexts are cancelled before
// it waits for them.
func serveOn(p *parts, name string, l net.Listener, h http.Handler, log *slog.Logger) {
	base, cancel := context.WithCancel(context.Background())
	server := httpd.NewServer(h, log)
	server.BaseContext = func(net.Listener) context.Context { return base }
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.report(name, err)
		}
	}()
	p.add(name, func(ctx context.Context) error {
		cancel()
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(err, server.Close())
		}
		return nil
	})
}
