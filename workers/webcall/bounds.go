package webcall

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SettingError says what is wrong with a field of an adapter's Config, so that whoever filled it in can name the flag.
type SettingError struct {
	Adapter string // for example "rcs"
	Field   string // of the Config
	Problem string // a sentence that goes on after the field's name, without secrets
}

func (e *SettingError) Error() string { return e.Adapter + ": " + e.Field + " " + e.Problem }

// Wrong makes a SettingError.
func Wrong(adapter, field, format string, args ...any) error {
	return &SettingError{Adapter: adapter, Field: field, Problem: fmt.Sprintf(format, args...)}
}

// CheckReach holds the fields that say how a service is reached to their bounds: Timeout, and BaseURL with base as what
// it comes to.
func CheckReach(adapter string, timeout time.Duration, base string) error {
	if err := CheckTimeout(timeout); err != nil {
		return Wrong(adapter, "Timeout", "%s", err)
	}
	if err := CheckURL(base, false); err != nil {
		return Wrong(adapter, "BaseURL", "%s", err)
	}
	return nil
}

// maxSeconds bounds durations that come from outside: ten years.
const maxSeconds = 10 * 365 * 24 * 3600

// Seconds turns a number of seconds that came from outside into a duration of at most ten years, forth or back.
func Seconds(n int64) time.Duration {
	return time.Duration(max(min(n, maxSeconds), -maxSeconds)) * time.Second
}

// RetryAfter reads a Retry-After header (RFC 9110, section 10.2.3): seconds or a date. 0: none that can be read.
func RetryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if n, err := strconv.ParseInt(header, 10, 64); err == nil {
		return Seconds(max(n, 0))
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), Seconds(maxSeconds))
	}
	return 0
}

// CheckURL says what is wrong with an address to ask, without repeating it: it may hold a secret. It must be https, or
// http to this machine, or http anywhere when plain is set.
func CheckURL(address string, plain bool) error {
	u, err := url.Parse(address)
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
	case !plain && !isLoopback(u.Hostname()):
		return errors.New("is not encrypted: want https, or plain HTTP allowed explicitly")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckTimeout says what is wrong with a time-out; 0 stands for the default.
func CheckTimeout(d time.Duration) error {
	if d < 0 || d > MaxTimeout {
		return fmt.Errorf("is %s, want more than 0 and at most %s", d, MaxTimeout)
	}
	return nil
}
