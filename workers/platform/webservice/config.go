package webservice

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"phoneregistry/registry/scoring"
	"phoneregistry/workers/webcall"
)

// Config says which service answers for a platform. Platform and URL are required.
type Config struct {
	// Platform is the platform that the service is asked about.
	Platform scoring.Platform
	// URL is where requests are posted, exactly as it is: https, or http to this machine. User name and password in
	// it are refused, they would show in logs: use Token.
	URL string
	// Token is sent as "Authorization: Bearer TOKEN"; "": none is sent.
	Token string
	// Timeout bounds a request from dialling to the last byte of the answer; 30 s unless told.
	Timeout time.Duration
	// MaxBatch is how many numbers a request holds at most, 1 to 1000; 100 unless told.
	MaxBatch int
	// Rate is how many numbers this worker asks about in a second at most; 0: no limit.
	Rate float64
	// MaxResponseBytes bounds an answer; 64 KiB and 4 KiB for each number of MaxBatch unless told.
	MaxResponseBytes int64
	// AllowPlainHTTP lets numbers and token travel unencrypted to another machine: only for a network that is one's own.
	AllowPlainHTTP bool
	// Now is the clock against which a date in Retry-After is read; time.Now unless told.
	Now func() time.Time
}

const (
	defaultMaxBatch = 100
	maxMaxBatch     = 1000
)

// String names platform and host, never the token.
func (c Config) String() string {
	host := ""
	if u, err := url.Parse(c.URL); err == nil {
		host = u.Host
	}
	return fmt.Sprintf("webservice for %s at %s", c.Platform, host)
}

// GoString is String, so that no way of printing shows the token.
func (c Config) GoString() string { return c.String() }

func (c Config) withDefaults() (Config, error) {
	if !c.Platform.Valid() {
		return c, fmt.Errorf("webservice: Platform is %q, want one of %v", c.Platform, scoring.Checkable())
	}
	if err := webcall.CheckURL(c.URL, c.AllowPlainHTTP); err != nil {
		return c, fmt.Errorf("webservice: URL of %s %w", c.Platform, err)
	}
	if strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return c, fmt.Errorf("webservice: Token of %s holds blanks or characters beyond ASCII: is a line end left in it?", c.Platform)
	}
	if err := webcall.CheckTimeout(c.Timeout); err != nil {
		return c, fmt.Errorf("webservice: Timeout of %s %w", c.Platform, err)
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = defaultMaxBatch
	}
	if c.MaxResponseBytes == 0 {
		c.MaxResponseBytes = 64<<10 + 4<<10*int64(c.MaxBatch)
	}
	switch {
	case c.MaxBatch < 1 || c.MaxBatch > maxMaxBatch:
		return c, fmt.Errorf("webservice: MaxBatch of %s is %d, want 1 to %d", c.Platform, c.MaxBatch, maxMaxBatch)
	case c.MaxResponseBytes < 0:
		return c, fmt.Errorf("webservice: MaxResponseBytes of %s is %d, want more than 0", c.Platform, c.MaxResponseBytes)
	case !(c.Rate >= 0):
		return c, fmt.Errorf("webservice: Rate of %s is %g, want 0 (no limit) or more", c.Platform, c.Rate)
	}
	return c, nil
}
