package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// watch writes profiles of the program while work runs, when they are wanted.
func (b *bench) watch(ctx context.Context, p *program, name string, work func() error) error {
	if b.profile == "" {
		return work()
	}
	if err := os.MkdirAll(b.profile, 0o750); err != nil {
		return err
	}
	done := make(chan error, 1)
	seconds := max(int(b.seconds.Seconds()), 1)
	go func() {
		done <- fetch(ctx, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", p.admin, seconds), filepath.Join(b.profile, name+".cpu.prof"))
	}()
	err := work()
	return errors.Join(err, <-done, fetch(ctx, p.admin+"/debug/pprof/allocs", filepath.Join(b.profile, name+".allocs.prof")))
}

func fetch(ctx context.Context, address, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// profileSelf starts a CPU profile of this process, when profiles are wanted; stop writes it.
func (b *bench) profileSelf(name string) (stop func() error, err error) {
	if b.profile == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(b.profile, 0o750); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(b.profile, name+".cpu.prof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
