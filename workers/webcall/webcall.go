// Package webcall is what adapters share that ask a platform over HTTP: one bounded request, its answer read whole, and
// every failure told as a *workers.CallError that names neither number, address nor secret.
package webcall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/workers"
)

// Config is what a Client needs. Service is required; every other field has a default.
type Config struct {
	// Service is how reasons call the service, for example "the validator".
	Service string
	// Credential is how reasons call what the service lets us in by; "the token" unless told.
	Credential string
	// Timeout bounds a request from dialling to the last byte of the answer; DefaultTimeout unless told.
	Timeout time.Duration
	// MaxBytes bounds the body of an answer; 64 KiB unless told.
	MaxBytes int64
	// Now is the clock against which a date in Retry-After is read; time.Now unless told.
	Now func() time.Time
}

// Bounds of the time-out.
const (
	DefaultTimeout = 30 * time.Second
	MaxTimeout     = 5 * time.Minute
)

const (
	defaultMaxBytes = 64 << 10
	// maxRefusalBytes is how much is read of the body of a refusal.
	maxRefusalBytes = 16 << 10
)

// Client asks one service. Several goroutines may use it at once.
type Client struct {
	cfg       Config
	client    *http.Client
	transport *http.Transport
}

// New makes a Client. It does not connect yet.
func New(cfg Config) *Client {
	if cfg.Credential == "" {
		cfg.Credential = "the token"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // following one would send numbers and token to where nobody meant them to go
	}}
	return &Client{cfg: cfg, client: client, transport: transport}
}

// Close closes connections that are idle. Requests that are under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Request is one request.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   any // sent as JSON; a url.Values is sent as a form; nil: no body
}

// Answer is what came back.
type Answer struct {
	Status     int
	Type       string // media type of the body, without parameters
	Body       []byte // whole for status 200, cut at some KiB for any other
	RetryAfter time.Duration
}

// Do sends the request and reads the answer, whatever its status. An error is a *workers.CallError: there was no
// answer, or it was too large.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	request, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or given up
	answer := &Answer{Status: response.StatusCode, RetryAfter: RetryAfter(response.Header.Get("Retry-After"), c.cfg.Now())}
	answer.Type, _, _ = mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode != http.StatusOK {
		// A refusal stands whatever becomes of its body; one read to its end keeps the connection.
		answer.Body, _ = io.ReadAll(io.LimitReader(response.Body, min(maxRefusalBytes, c.cfg.MaxBytes)))
		return answer, nil
	}
	answer.Body, err = io.ReadAll(io.LimitReader(response.Body, c.cfg.MaxBytes+1))
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if int64(len(answer.Body)) > c.cfg.MaxBytes {
		return nil, &workers.CallError{Reason: fmt.Sprintf("the answer of %s is larger than %d bytes", c.cfg.Service, c.cfg.MaxBytes), Permanent: true}
	}
	return answer, nil
}

func (c *Client) newRequest(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch b := r.Body.(type) {
	case nil:
	case url.Values:
		body, kind = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	default:
		data, err := json.Marshal(b)
		if err != nil {
			return nil, &workers.CallError{Reason: "the request to " + c.cfg.Service + " cannot be written", Permanent: true, Err: err}
		}
		body, kind = bytes.NewReader(data), "application/json"
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		return nil, &workers.CallError{Reason: "the address of " + c.cfg.Service + " cannot be used", Permanent: true, Err: bare(err)}
	}
	for name, values := range r.Header {
		request.Header[name] = values
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "phoneregistry")
	return request, nil
}

// unanswered tells a service that takes too long from one that cannot be reached.
func (c *Client) unanswered(ctx context.Context, err error) error {
	reason := c.cfg.Service + " cannot be reached"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		reason = fmt.Sprintf("no answer from %s within %s", c.cfg.Service, c.cfg.Timeout)
	}
	return &workers.CallError{Reason: reason, Err: bare(err)}
}

// bare takes the URL off an error of net/http: its path may hold a number, its query a secret.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// Refused turns an answer whose status is not 200 into an error, by what its status means everywhere. Adapters handle
// first what it means to their service alone.
func (c *Client) Refused(a *Answer) *workers.CallError {
	service, code := c.cfg.Service, a.Status
	e := &workers.CallError{RetryAfter: a.RetryAfter}
	switch {
	case code == http.StatusTooManyRequests:
		e.RateLimited, e.Reason = true, fmt.Sprintf("%s limits the rate (429)", service)
	case code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooEarly:
		e.Reason = fmt.Sprintf("%s failed (%d)", service, code)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Permanent, e.Reason = true, fmt.Sprintf("%s refused %s (%d)", service, c.cfg.Credential, code)
	case code >= 300 && code < 400:
		e.Permanent, e.Reason = true, fmt.Sprintf("%s redirects (%d), which is not followed: configure its final address", service, code)
	default:
		e.Permanent, e.Reason = true, fmt.Sprintf("%s refused the request (%d)", service, code)
	}
	return e
}

// Malformed is the error for an answer that says 200 and cannot be read.
func (c *Client) Malformed() *workers.CallError {
	return &workers.CallError{Reason: "the answer of " + c.cfg.Service + " is not what its interface promises"}
}

// OneByOne asks about numbers in turn and stops at the first call that fails. It is for interfaces that take one number:
// their adapters have a MaxBatch of 1.
func OneByOne(ctx context.Context, numbers []numbering.Number, ask func(context.Context, numbering.Number) (workers.Outcome, error)) ([]workers.Outcome, error) {
	outcomes := make([]workers.Outcome, 0, len(numbers))
	for _, n := range numbers {
		o, err := ask(ctx, n)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// Decode reads the body of an answer with status 200 into value. It must be of a JSON media type: a page that a proxy
// puts in between is not taken for an answer.
func (c *Client) Decode(a *Answer, value any) error {
	if a.Type != "application/json" && !strings.HasSuffix(a.Type, "+json") {
		return &workers.CallError{Reason: c.cfg.Service + " answered with something else than JSON: is a proxy or a wrong address in between?"}
	}
	if json.Unmarshal(a.Body, value) != nil { // its error may quote the body
		return c.Malformed()
	}
	return nil
}
