package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/config"
	"phoneregistry/internal/fleet"
	"phoneregistry/internal/httpd"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/quota"
)

// watchFleet listens to the heartbeats of workers, here and elsewhere.
func (s *Server) watchFleet() (err error) {
	if s.fleet, err = fleet.New(fleet.Config{Conn: s.conn, Logger: s.log}); err != nil {
		return err
	}
	s.parts.loop("fleet", s.fleet.Run)
	return nil
}

// slotsOf is the same number of slots for each platform; nothing told is the default.
func slotsOf(c config.Pace, platforms []scoring.Platform) map[scoring.Platform]int {
	if c.Slots == 0 {
		return nil
	}
	return everywhere(platforms, c.Slots)
}

// limitsOf is what each platform allows: what its adapter says, but for what is configured.
func limitsOf(c config.Pace, adapters adapterSet) (map[scoring.Platform]quota.Limits, error) {
	told, err := c.Limits()
	if err != nil {
		return nil, err
	}
	limits := map[scoring.Platform]quota.Limits{}
	for p, adapter := range adapters {
		info := adapter.Info()
		l := quota.Limits{Rate: info.Rate, Concurrency: info.Concurrency, Daily: info.Daily}
		if t := told[p]; t != (config.Limit{}) {
			override(&l.Rate, t.Rate)
			override(&l.Concurrency, t.Concurrency)
			override(&l.Daily, t.Daily)
			if err := l.Check(); err != nil {
				return nil, &config.Error{Field: "--limit", Value: string(p), Want: err.Error()}
			}
		}
		limits[p] = l
	}
	return limits, nil
}

func override[T any](limit, told *T) {
	if told != nil {
		*limit = *told
	}
}

// workerAdmin answers with metrics and profiles of a worker process, and whether it works: it does when it is connected.
func workerAdmin(metrics prometheus.Gatherer, conn *atomic.Pointer[nats.Conn], log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", httpd.Admin(metrics))
	mux.Handle("GET /readyz", httpd.Ready(func(context.Context) []httpd.Check {
		c := conn.Load()
		switch {
		case c == nil:
			return []httpd.Check{{Name: "nats", Err: errors.New("not connected yet")}}
		case !c.IsConnected():
			return []httpd.Check{{Name: "nats", Err: fmt.Errorf("connection is %s", c.Status())}}
		}
		return []httpd.Check{{Name: "nats"}}
	}, log))
	return mux
}
