// Package webservice is an adapter that asks any HTTP service which implements the small contract of
// docs/validator-openapi.yaml, so that a validator can be written in any language. examples/validator holds two.
package webservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// Method is the method of evidence for which the service names none.
const Method = "webservice"

// Adapter asks one service about one platform.
type Adapter struct {
	cfg       Config
	client    *http.Client
	transport *http.Transport
}

// New checks cfg and makes an Adapter. It does not ask the service yet.
func New(cfg Config) (*Adapter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
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
	return &Adapter{cfg: cfg, client: client, transport: transport}, nil
}

// Info describes the adapter.
func (a *Adapter) Info() workers.Info {
	return workers.Info{Name: "webservice", Method: Method, MaxBatch: a.cfg.MaxBatch, Rate: a.cfg.Rate}
}

// Close closes connections that are idle. Calls that are under way go on.
func (a *Adapter) Close() { a.transport.CloseIdleConnections() }

// Check posts the numbers to the service. What its answer leaves out is left out of the outcomes: the runtime takes it
// for an ERROR. A failed request is a *workers.CallError.
func (a *Adapter) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	response, err := a.post(ctx, numbers)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or given up
	if response.StatusCode != http.StatusOK {
		return nil, a.refused(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, a.cfg.MaxResponseBytes+1))
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	if int64(len(body)) > a.cfg.MaxResponseBytes {
		return nil, &workers.CallError{Reason: fmt.Sprintf("the validator's answer is larger than %d bytes", a.cfg.MaxResponseBytes), Permanent: true}
	}
	return read(body)
}

func (a *Adapter) post(ctx context.Context, numbers []numbering.Number) (*http.Response, error) {
	body := Request{Version: Version, Platform: string(a.cfg.Platform), Numbers: make([]string, len(numbers))}
	for i, n := range numbers {
		body.Numbers[i] = n.String()
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.cfg.URL, bytes.NewReader(data))
	if err != nil {
		return nil, &workers.CallError{Reason: "the validator's address cannot be used", Permanent: true, Err: bare(err)}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "phoneregistry")
	if a.cfg.Token != "" {
		request.Header.Set("Authorization", "Bearer "+a.cfg.Token)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	return response, nil
}

// unanswered tells a service that takes too long from one that cannot be reached.
func (a *Adapter) unanswered(ctx context.Context, err error) error {
	reason := "the validator cannot be reached"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		reason = fmt.Sprintf("no answer from the validator within %s", a.cfg.Timeout)
	}
	return &workers.CallError{Reason: reason, Err: bare(err)}
}

// bare takes the URL off an error of net/http: its query may hold a secret.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// refused turns an answer that is not 200 into an error.
func (a *Adapter) refused(response *http.Response) error {
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // a short body read to its end keeps the connection
	code := response.StatusCode
	e := &workers.CallError{RetryAfter: retryAfter(response.Header.Get("Retry-After"), a.cfg.Now())}
	switch {
	case code == http.StatusTooManyRequests:
		e.RateLimited, e.Reason = true, "the validator limits the rate (429)"
	case code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooEarly:
		e.Reason = fmt.Sprintf("the validator failed (%d)", code)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Permanent, e.Reason = true, fmt.Sprintf("the validator refused the token (%d)", code)
	case code >= 300 && code < 400:
		e.Permanent, e.Reason = true, fmt.Sprintf("the validator redirects (%d), which is not followed: configure its final address", code)
	default:
		e.Permanent, e.Reason = true, fmt.Sprintf("the validator refused the request (%d)", code)
	}
	return e
}

// maxSeconds bounds durations that come from outside: ten years.
const maxSeconds = 10 * 365 * 24 * 3600

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3): seconds or a date. 0: none that can be read.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if n, err := strconv.ParseInt(header, 10, 64); err == nil {
		return seconds(max(n, 0))
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), seconds(maxSeconds))
	}
	return 0
}

func seconds(n int64) time.Duration {
	return time.Duration(max(min(n, maxSeconds), -maxSeconds)) * time.Second
}

// read reads the body of an answer. An entry that cannot be read is left out; the others still count.
func read(body []byte) ([]workers.Outcome, error) {
	var answer struct {
		Version int               `json:"version"`
		Results []json.RawMessage `json:"results"`
	}
	err := json.Unmarshal(body, &answer)
	switch {
	case answer.Version > Version:
		return nil, &workers.CallError{Reason: fmt.Sprintf("the validator answers in version %d of the contract, this program knows %d", answer.Version, Version), Permanent: true}
	case err != nil:
		return nil, &workers.CallError{Reason: "the validator's answer is not what the contract says"}
	case answer.Results == nil:
		return nil, &workers.CallError{Reason: "the validator's answer has no results"}
	}
	outcomes := make([]workers.Outcome, 0, len(answer.Results))
	for _, raw := range answer.Results {
		var r Result
		if json.Unmarshal(raw, &r) != nil {
			continue
		}
		if n, err := numbering.ParseE164(r.Number); err == nil {
			outcomes = append(outcomes, r.outcome(n))
		}
	}
	return outcomes, nil
}

func (r Result) outcome(n numbering.Number) workers.Outcome {
	o := workers.Outcome{
		Number: n, Status: scoring.Status(r.Status), Strength: 1, Method: r.Method, Reason: r.Reason, Details: r.Details,
		TTL: seconds(r.TTLSeconds), RetryAfter: seconds(max(r.RetryAfterSeconds, 0)), Permanent: r.Permanent,
	}
	if r.Strength != nil {
		o.Strength = *r.Strength
	}
	return o
}
