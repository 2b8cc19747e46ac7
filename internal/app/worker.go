package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/config"
	"phoneregistry/internal/telemetry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// workerStop bounds how long a worker process takes to stop.
const workerStop = 30 * time.Second

// Work runs a worker until ctx ends. It needs NATS only.
func Work(ctx context.Context, c config.Worker, o Options) (err error) {
	platforms, err := config.ParsePlatforms("--platform", c.Platform)
	if err != nil {
		return err
	}
	adapters, err := newAdapters(c.Adapters)
	if err != nil {
		return err
	}
	defer adapters.close()
	wanted, err := adapters.only("--platform", platforms)
	if err != nil {
		return err
	}
	metrics := telemetry.NewRegistry(o.Version)
	p := newParts(o.Logger)
	defer func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), workerStop)
		defer cancel()
		err = errors.Join(err, p.stop(limit))
	}()
	var ready atomic.Pointer[nats.Conn]
	if c.AdminListen != "" {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", c.AdminListen)
		if err != nil {
			return fmt.Errorf("--admin-listen: %w", err)
		}
		serveOn(p, "admin http", l, workerAdmin(metrics, &ready, o.Logger), o.Logger)
	}
	conn, err := connectNATS(ctx, c.NATS, "phoneregistry-worker", o.Logger)
	if err != nil {
		return err
	}
	p.add("nats connection", func(context.Context) error { conn.Close(); return nil })
	limits, err := limitsOf(c.Pace, wanted)
	if err != nil {
		return err
	}
	pool, err := workers.New(workers.Config{
		Streams: streamOptions(config.Delivery{NATSReplicas: c.NATSReplicas}),
		Conn:    conn, Adapters: wanted, Concurrency: everywhere(platforms, c.Concurrency), Slots: slotsOf(c.Pace, platforms),
		Limits: limits, Name: c.Name, Version: o.Version, Logger: o.Logger, Registerer: metrics,
	})
	if err != nil {
		return err
	}
	p.loop("worker", pool.Run)
	ready.Store(conn)
	o.Logger.Info("worker is ready", "platforms", platforms)
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.died:
		return err
	}
}

// everywhere is the same concurrency for each platform.
func everywhere(platforms []scoring.Platform, n int) map[scoring.Platform]int {
	out := map[scoring.Platform]int{}
	for _, p := range platforms {
		out[p] = n
	}
	return out
}

// runWorkers checks in this process what the configuration says.
func (s *Server) runWorkers(r prometheus.Registerer) error {
	platforms, err := s.config.WorkerPlatforms()
	if err != nil || len(platforms) == 0 {
		return err
	}
	if s.config.AllWorkers() {
		platforms = s.adapters.platforms()
	}
	wanted, err := s.adapters.only("--workers", platforms)
	if err != nil {
		return err
	}
	limits, err := limitsOf(s.config.Pace, wanted)
	if err != nil {
		return err
	}
	pool, err := workers.New(workers.Config{
		Conn: s.conn, Adapters: wanted, Concurrency: everywhere(platforms, s.config.Concurrency),
		Slots: slotsOf(s.config.Pace, platforms), Limits: limits, Version: s.version, Logger: s.log, Registerer: r, Streams: streamOptions(s.config.Delivery),
	})
	if err != nil {
		return err
	}
	s.parts.loop("workers", pool.Run)
	return nil
}
