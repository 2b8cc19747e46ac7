package twilio

import (
	"slices"
	"strings"
	"time"

	"phoneregistry/workers/webcall"
)

// Mode is which of Lookup's two interfaces is asked.
type Mode string

// Single asks about one number in a request, Batch about several.
const (
	Single Mode = "single"
	Batch  Mode = "batch"
)

// Field is a data package of Lookup. Each is paid for by itself.
type Field string

// The packages that are understood.
const (
	LineType   Field = "line_type_intelligence" // kind of line and carrier
	LineStatus Field = "line_status"            // whether the line is in service
)

// Config says as whom to ask, and what for. Credentials is required.
type Config struct {
	// Credentials is "SID:SECRET" of an API key (SK…), or of the account itself (AC…, with its auth token).
	Credentials string
	// Fields are the packages to ask for; both unless told.
	Fields []Field
	// Mode is which interface is asked; Single unless told.
	Mode Mode
	// MaxBatch is how many numbers a request of mode Batch holds at most, 1 to 100; 50 unless told.
	MaxBatch int
	// TTL is how long evidence holds; 30 days unless told. That a line is out of reach holds for a day at most.
	TTL time.Duration
	// Rate is how many numbers this worker asks about in a second at most; 10 unless told.
	Rate float64
	// Timeout bounds a request from dialling to the last byte of the answer; 30 s unless told.
	Timeout time.Duration
	// BaseURL replaces https://lookups.twilio.com, for another region, tests and proxies: https, or http to this machine.
	BaseURL string
	// Now is the clock against which a date in Retry-After is read; time.Now unless told.
	Now func() time.Time
}

const (
	defaultBaseURL  = "https://lookups.twilio.com"
	defaultTTL      = 30 * 24 * time.Hour
	unreachableTTL  = 24 * time.Hour
	defaultRate     = 10
	defaultMaxBatch = 50
	maxMaxBatch     = 100
)

// String names the address, never the credentials.
func (c Config) String() string { return "twilio lookup at " + c.base() }

// GoString is String, so that no way of printing shows the credentials.
func (c Config) GoString() string { return c.String() }

func (c Config) base() string {
	if c.BaseURL == "" {
		return defaultBaseURL
	}
	return strings.TrimRight(c.BaseURL, "/")
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Fields) == 0 {
		c.Fields = []Field{LineType, LineStatus}
	}
	if c.Mode == "" {
		c.Mode = Single
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = defaultMaxBatch
	}
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	if c.Rate == 0 {
		c.Rate = defaultRate
	}
	return c, c.check()
}

func (c Config) check() error {
	if _, _, err := c.login(); err != nil {
		return err
	}
	for i, f := range c.Fields {
		if f != LineType && f != LineStatus {
			return webcall.Wrong(name, "Fields", "holds %q, want %s or %s", f, LineType, LineStatus)
		}
		if slices.Contains(c.Fields[:i], f) {
			return webcall.Wrong(name, "Fields", "holds %s twice", f)
		}
	}
	switch {
	case c.Mode != Single && c.Mode != Batch:
		return webcall.Wrong(name, "Mode", "is %q, want %s or %s", c.Mode, Single, Batch)
	case c.MaxBatch < 1 || c.MaxBatch > maxMaxBatch:
		return webcall.Wrong(name, "MaxBatch", "is %d, want 1 to %d", c.MaxBatch, maxMaxBatch)
	case c.TTL < 0:
		return webcall.Wrong(name, "TTL", "is %s, want more than 0", c.TTL)
	case !(c.Rate > 0):
		return webcall.Wrong(name, "Rate", "is %g, want more than 0", c.Rate)
	}
	return webcall.CheckReach(name, c.Timeout, c.base())
}

// login splits the credentials. Its errors do not repeat them.
func (c Config) login() (sid, secret string, err error) {
	sid, secret, ok := strings.Cut(strings.TrimSpace(c.Credentials), ":")
	switch {
	case !ok || secret == "":
		return "", "", webcall.Wrong(name, "Credentials", "want SID:SECRET on one line")
	case !strings.HasPrefix(sid, "SK") && !strings.HasPrefix(sid, "AC"):
		return "", "", webcall.Wrong(name, "Credentials", "begin with no SID, want SK… of an API key or AC… of the account")
	case strings.ContainsFunc(sid, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }):
		return "", "", webcall.Wrong(name, "Credentials", "hold a SID that is more than letters and digits")
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", "", webcall.Wrong(name, "Credentials", "hold blanks or characters beyond ASCII")
	}
	return sid, secret, nil
}
