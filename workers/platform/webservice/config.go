package webservice

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"phoneregistry/registry/scoring"
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
	defaultTimeout  = 30 * time.Second
	defaultMaxBatch = 100
	maxMaxBatch     = 1000
	maxTimeout      = 5 * time.Minute
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
	if err := c.checkURL(); err != nil {
		return c, fmt.Errorf("webservice: URL of %s %w", c.Platform, err)
	}
	if strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return c, fmt.Errorf("webservice: Token of %s holds blanks or characters beyond ASCII: is a line end left in it?", c.Platform)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = defaultMaxBatch
	}
	if c.MaxResponseBytes == 0 {
		c.MaxResponseBytes = 64<<10 + 4<<10*int64(c.MaxBatch)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case c.Timeout < 0 || c.Timeout > maxTimeout:
		return c, fmt.Errorf("webservice: Timeout of %s is %s, want more than 0 and at most %s", c.Platform, c.Timeout, maxTimeout)
	case c.MaxBatch < 1 || c.MaxBatch > maxMaxBatch:
		return c, fmt.Errorf("webservice: MaxBatch of %s is %d, want 1 to %d", c.Platform, c.MaxBatch, maxMaxBatch)
	case c.MaxResponseBytes < 0:
		return c, fmt.Errorf("webservice: MaxResponseBytes of %s is %d, want more than 0", c.Platform, c.MaxResponseBytes)
	case !(c.Rate >= 0):
		return c, fmt.Errorf("webservice: Rate of %s is %g, want 0 (no limit) or more", c.Platform, c.Rate)
	}
	return c, nil
}

// checkURL says what is wrong with the URL without repeating it: it may hold a secret.
func (c Config) checkURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.User != nil:
		return errors.New("holds a user name or password, which would show in logs: give a token instead")
	case u.Host == "" || u.Opaque != "":
		return errors.New("has no host, want https://HOST/PATH")
	case u.Fragment != "":
		return errors.New("has a fragment (#), which is never sent")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("has the scheme %q, want https", u.Scheme)
	case !c.AllowPlainHTTP && !isLoopback(u.Hostname()):
		return errors.New("is not encrypted: want https, or plain HTTP allowed explicitly")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
