package rcs

import (
	"fmt"
	"strings"
	"time"

	"phoneregistry/workers/webcall"
)

// Region is where Google keeps the agent; it picks the endpoint that is asked.
type Region string

// The regions that have an endpoint.
const (
	US     Region = "us"
	Europe Region = "europe"
	Asia   Region = "asia"
)

// Mode is which of Google's two methods is asked.
type Mode string

// Single asks about one number in a request and learns which features its device has. Batch asks about up to 10,000
// and learns only which of them are reachable; all of them must belong to the agent's region.
const (
	Single Mode = "single"
	Batch  Mode = "batch"
)

// Config says which agent asks, and how. Credentials and Agent are required.
type Config struct {
	// Credentials is the content of the service account's JSON key file, as Google Cloud hands it out.
	Credentials []byte
	// Agent is the id of the RCS agent: 1 to 128 of A-Z, a-z, 0-9, "_", "-", ".", "@" and ":".
	Agent string
	// Region is where the agent is kept; US unless told.
	Region Region
	// Mode is which method is asked; Single unless told.
	Mode Mode
	// TTL is how long evidence holds, in both directions; 30 days unless told. Google itself forgets a device that was
	// not seen for 31 days.
	TTL time.Duration
	// QueriesPerMinute bounds the requests of this worker; DefaultQueriesPerMinute unless told, which is all that
	// Google grants an agent: divide it when several workers share one.
	QueriesPerMinute int
	// MaxBatch is how many numbers a request of mode Batch holds at most, 1 to 10,000; 1000 unless told.
	MaxBatch int
	// Timeout bounds a request from dialling to the last byte of the answer; 30 s unless told.
	Timeout time.Duration
	// BaseURL replaces the endpoint of the region, for tests and proxies: https, or http to this machine.
	BaseURL string
	// Now is the clock of tokens and of Retry-After; time.Now unless told.
	Now func() time.Time
}

// DefaultQueriesPerMinute is the quota that Google documents for an agent.
const DefaultQueriesPerMinute = 600

const (
	defaultTTL      = 30 * 24 * time.Hour
	defaultMaxBatch = 1000
	maxMaxBatch     = 10_000
	maxAgent        = 128
)

// String names agent and endpoint, never the key.
func (c Config) String() string { return fmt.Sprintf("rcs agent %s at %s", c.Agent, c.base()) }

// GoString is String, so that no way of printing shows the key.
func (c Config) GoString() string { return c.String() }

func (c Config) base() string {
	if c.BaseURL != "" {
		return strings.TrimRight(c.BaseURL, "/")
	}
	return "https://" + string(c.Region) + "-rcsbusinessmessaging.googleapis.com"
}

func (c Config) withDefaults() (Config, error) {
	c.Region = orDefault(c.Region, US)
	c.Mode = orDefault(c.Mode, Single)
	c.TTL = orDefault(c.TTL, defaultTTL)
	c.QueriesPerMinute = orDefault(c.QueriesPerMinute, DefaultQueriesPerMinute)
	c.MaxBatch = orDefault(c.MaxBatch, defaultMaxBatch)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.Agent == "":
		return webcall.Wrong(name, "Agent", "is missing: want the id of the RCS agent")
	case len(c.Agent) > maxAgent || strings.ContainsFunc(c.Agent, notOfAgent):
		return webcall.Wrong(name, "Agent", "is not an id: want 1 to %d letters, digits, _ - . @ or :", maxAgent)
	case c.Region != US && c.Region != Europe && c.Region != Asia:
		return webcall.Wrong(name, "Region", "is %q, want %s, %s or %s", c.Region, US, Europe, Asia)
	case c.Mode != Single && c.Mode != Batch:
		return webcall.Wrong(name, "Mode", "is %q, want %s or %s", c.Mode, Single, Batch)
	case c.TTL < 0:
		return webcall.Wrong(name, "TTL", "is %s, want more than 0", c.TTL)
	case c.QueriesPerMinute < 1:
		return webcall.Wrong(name, "QueriesPerMinute", "is %d, want 1 or more", c.QueriesPerMinute)
	case c.MaxBatch < 1 || c.MaxBatch > maxMaxBatch:
		return webcall.Wrong(name, "MaxBatch", "is %d, want 1 to %d", c.MaxBatch, maxMaxBatch)
	}
	return webcall.CheckReach(name, c.Timeout, c.base())
}

func notOfAgent(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.@:", r)
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
