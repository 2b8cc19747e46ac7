package workers

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/quota"
)

// Config is what a Pool needs. Conn and Adapters are required; every other field has a default.
type Config struct {
	// Conn is the connection to NATS. It stays the caller's: the Pool does not close it. It should reconnect for ever.
	Conn *nats.Conn
	// Adapters are the platforms to work for, and how.
	Adapters map[scoring.Platform]Adapter
	// Concurrency is how many calls to a platform are made at the same time at most, 1 to 256; DefaultConcurrency unless
	// told. Fewer are made while the platform answers slowly.
	Concurrency map[scoring.Platform]int
	// Slots is how many chunks of a platform are held at the same time, 1 to 256; DefaultSlots unless told. The calls
	// are shared fairly among the jobs that the chunks are of.
	Slots map[scoring.Platform]int
	// Limits are what a platform allows to all workers with the same credential together; what the adapter says of its
	// platform unless told.
	Limits map[scoring.Platform]quota.Limits
	// Version is the version of this program, for those who watch.
	Version string
	// Name names this worker in results and logs; host name and process id unless told.
	Name string
	// Logger takes what happens; slog.DiscardHandler unless told. No phone number is ever logged.
	Logger *slog.Logger
	// Registerer takes the metrics; nil: they are not registered.
	Registerer prometheus.Registerer
	// Now is the clock for the times in results; time.Now unless told.
	Now func() time.Time

	// Retry is the wait before a number that failed is asked again; 500 ms to 30 s unless told.
	Retry Backoff
	// Reconnect is the wait after NATS did not answer; 250 ms to 15 s unless told.
	Reconnect Backoff
	// Breaker is how long a platform is left alone after its calls have failed too often; 5 s to 2 min unless told.
	Breaker Backoff
	// MaxWait is the longest a chunk waits because its platform is not to be asked: a Retry-After, an open breaker, a
	// budget that is spent. What would have to wait longer ends as RATE_LIMITED or ERROR. 2 min unless told.
	MaxWait time.Duration
	// CallTimeout bounds one call to an adapter; 60 s unless told.
	CallTimeout time.Duration
	// Grace is how long Run lets chunks finish after its context has ended, before it gives them back; 20 s unless told.
	Grace time.Duration
	// MaxDeliveries is how often a chunk may be handed out. One that still was not settled is taken for poison: it
	// ends with ERROR for each of its numbers. 8 unless told.
	MaxDeliveries int
	// Streams are the settings of streams that this worker finds missing; what exists is left as it is.
	Streams bus.Options
}

const (
	// DefaultConcurrency is how many calls to a platform are made at the same time unless told.
	DefaultConcurrency = 4
	// DefaultSlots is how many chunks of a platform are held at the same time unless told.
	DefaultSlots = 16

	maxConcurrency = 256
)

// withDefaults checks the configuration and fills in what was not told.
func (c Config) withDefaults() (Config, error) {
	if c.Conn == nil {
		return c, errors.New("workers: Conn is required")
	}
	if len(c.Adapters) == 0 {
		return c, errors.New("workers: Adapters is empty: name at least one platform")
	}
	for p, a := range c.Adapters {
		if err := checkAdapter(p, a); err != nil {
			return c, err
		}
	}
	for name, setting := range map[string]map[scoring.Platform]int{"Concurrency": c.Concurrency, "Slots": c.Slots} {
		for p, n := range setting {
			if n < 1 || n > maxConcurrency {
				return c, fmt.Errorf("workers: %s of %s is %d, want 1 to %d", name, p, n, maxConcurrency)
			}
		}
	}
	for p, l := range c.Limits {
		if err := l.Check(); err != nil {
			return c, fmt.Errorf("workers: Limits of %s: %w", p, err)
		}
	}
	if c.Name == "" {
		c.Name = defaultName()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Retry = c.Retry.orDefault(500*time.Millisecond, 30*time.Second)
	c.Reconnect = c.Reconnect.orDefault(250*time.Millisecond, 15*time.Second)
	c.Breaker = c.Breaker.orDefault(5*time.Second, 2*time.Minute)
	c.MaxWait = orDefault(c.MaxWait, 2*time.Minute)
	c.CallTimeout = orDefault(c.CallTimeout, time.Minute)
	c.Grace = orDefault(c.Grace, 20*time.Second)
	c.MaxDeliveries = orDefault(c.MaxDeliveries, 8)
	c.Streams.CreateOnly = true
	return c, nil
}

func checkAdapter(p scoring.Platform, a Adapter) error {
	if !p.Valid() {
		return fmt.Errorf("workers: Adapters names the platform %q, want one of %v", p, scoring.Checkable())
	}
	if a == nil {
		return fmt.Errorf("workers: the adapter of %s is nil", p)
	}
	info := a.Info()
	switch {
	case !validMethod(info.Method):
		return fmt.Errorf("workers: the adapter of %s has the method %q, want 1 to %d printable bytes", p, info.Method, maxMethodBytes)
	case info.MaxBatch < 0:
		return fmt.Errorf("workers: the adapter of %s has a MaxBatch of %d, want 0 or more", p, info.MaxBatch)
	}
	if err := quota.CheckCredential(info.credential()); err != nil {
		return fmt.Errorf("workers: the adapter of %s: %w", p, err)
	}
	if err := info.limits().Check(); err != nil {
		return fmt.Errorf("workers: the adapter of %s: %w", p, err)
	}
	return nil
}

func (i Info) credential() string { return cmp.Or(i.Credential, quota.DefaultCredential) }

func (i Info) limits() quota.Limits {
	return quota.Limits{Rate: i.Rate, Concurrency: i.Concurrency, Daily: i.Daily}
}

func (c Config) slots(p scoring.Platform) int {
	if n, ok := c.Slots[p]; ok {
		return n
	}
	return DefaultSlots
}

func (c Config) limits(p scoring.Platform, i Info) quota.Limits {
	if l, ok := c.Limits[p]; ok {
		return l
	}
	return i.limits()
}

func (c Config) concurrency(p scoring.Platform) int {
	if n, ok := c.Concurrency[p]; ok {
		return n
	}
	return DefaultConcurrency
}

func defaultName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
