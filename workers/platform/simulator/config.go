package simulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Config is how a simulator behaves. The zero value answers at once, always and without limit.
type Config struct {
	// Seed picks the world that is simulated; the same seed gives the same answers. 0 is a seed like any other.
	Seed uint64
	// Latency is how long each call takes, whatever it asks about; 0: no time at all.
	Latency time.Duration
	// Jitter is added to Latency, drawn evenly from 0 to Jitter for each call.
	Jitter time.Duration
	// Errors is the share of checks, 0 to 1, that end with ERROR for the moment: asking again may help.
	Errors float64
	// Dead is the share of numbers, 0 to 1, whose checks end with ERROR however often they are asked about.
	Dead float64
	// Rate is how many numbers are answered in each second of the clock; the rest get RATE_LIMITED and are told to come
	// back in the next one. 0: no limit.
	Rate int
	// TTL is how long the evidence holds; 0: it does not run out.
	TTL time.Duration
}

// Default is the simulator that runs when nothing else is told: at once, without faults, evidence for 30 days.
func Default() Config { return Config{Seed: 1, TTL: 30 * 24 * time.Hour} }

// maxDelay bounds Latency and Jitter: the runtime gives up on a call after a minute.
const maxDelay = time.Minute

// ParseConfig reads a Config from settings separated by commas, for example
//
//	latency=20ms,jitter=10ms,errors=0.01,dead=0.001,rate=500,seed=1,ttl=720h
//
// Settings that are not named are those of Default; the empty text is Default.
func ParseConfig(text string) (Config, error) {
	cfg := Default()
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return Config{}, fmt.Errorf("simulator: %q is not a setting, want name=value", part)
		}
		if seen[key] {
			return Config{}, fmt.Errorf("simulator: %s is set twice", key)
		}
		seen[key] = true
		if err := cfg.set(key, value); err != nil {
			return Config{}, err
		}
	}
	return cfg, cfg.validate()
}

func (c *Config) set(key, value string) error {
	var err error
	var want string
	switch key {
	case "seed":
		want = "a whole number from 0"
		c.Seed, err = strconv.ParseUint(value, 10, 64)
	case "latency":
		want = "a duration such as 20ms"
		c.Latency, err = time.ParseDuration(value)
	case "jitter":
		want = "a duration such as 10ms"
		c.Jitter, err = time.ParseDuration(value)
	case "errors":
		want = "a share from 0 to 1"
		c.Errors, err = strconv.ParseFloat(value, 64)
	case "dead":
		want = "a share from 0 to 1"
		c.Dead, err = strconv.ParseFloat(value, 64)
	case "rate":
		want = "numbers a second, a whole number from 0"
		c.Rate, err = strconv.Atoi(value)
	case "ttl":
		want = "a duration such as 720h"
		c.TTL, err = time.ParseDuration(value)
	default:
		return fmt.Errorf("simulator: %q is not a setting, want one of seed, latency, jitter, errors, dead, rate, ttl", key)
	}
	if err != nil {
		return fmt.Errorf("simulator: %s is %q, want %s", key, value, want)
	}
	return nil
}

func (c Config) validate() error {
	switch {
	case c.Latency < 0 || c.Latency > maxDelay:
		return fmt.Errorf("simulator: latency is %s, want 0 to %s", c.Latency, maxDelay)
	case c.Jitter < 0 || c.Jitter > maxDelay:
		return fmt.Errorf("simulator: jitter is %s, want 0 to %s", c.Jitter, maxDelay)
	case !(c.Errors >= 0 && c.Errors <= 1):
		return fmt.Errorf("simulator: errors is %g, want 0 to 1", c.Errors)
	case !(c.Dead >= 0 && c.Dead <= 1):
		return fmt.Errorf("simulator: dead is %g, want 0 to 1", c.Dead)
	case c.Rate < 0:
		return fmt.Errorf("simulator: rate is %d, want 0 or more", c.Rate)
	case c.TTL < 0:
		return fmt.Errorf("simulator: ttl is %s, want 0 or more", c.TTL)
	}
	return nil
}

// String writes the configuration in the form that ParseConfig reads.
func (c Config) String() string {
	return fmt.Sprintf("seed=%d,latency=%s,jitter=%s,errors=%s,dead=%s,rate=%d,ttl=%s", c.Seed, c.Latency, c.Jitter,
		strconv.FormatFloat(c.Errors, 'g', -1, 64), strconv.FormatFloat(c.Dead, 'g', -1, 64), c.Rate, c.TTL)
}
