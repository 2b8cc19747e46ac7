// Package webservice is an adapter that asks any HTTP service which implements the small contract of
// docs/validator-openapi.yaml, so that a validator can be written in any language. examples/validator holds two.
package webservice

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

// Method is the method of evidence for which the service names none.
const Method = "webservice"

// Adapter asks one service about one platform.
type Adapter struct {
	cfg    Config
	client *webcall.Client
}

// New checks cfg and makes an Adapter. It does not ask the service yet.
func New(cfg Config) (*Adapter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	client := webcall.New(webcall.Config{Service: "the validator", Timeout: cfg.Timeout, MaxBytes: cfg.MaxResponseBytes, Now: cfg.Now})
	return &Adapter{cfg: cfg, client: client}, nil
}

// Info describes the adapter.
func (a *Adapter) Info() workers.Info {
	return workers.Info{Name: "webservice", Method: Method, MaxBatch: a.cfg.MaxBatch, Rate: a.cfg.Rate}
}

// Close closes connections that are idle. Calls that are under way go on.
func (a *Adapter) Close() { a.client.Close() }

// Check posts the numbers to the service. What its answer leaves out is left out of the outcomes: the runtime takes it
// for an ERROR. A failed request is a *workers.CallError.
func (a *Adapter) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	body := Request{Version: Version, Platform: string(a.cfg.Platform), Numbers: make([]string, len(numbers))}
	for i, n := range numbers {
		body.Numbers[i] = n.String()
	}
	request := webcall.Request{Method: http.MethodPost, URL: a.cfg.URL, Body: body, Header: http.Header{}}
	if a.cfg.Token != "" {
		request.Header.Set("Authorization", "Bearer "+a.cfg.Token)
	}
	answer, err := a.client.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, a.client.Refused(answer)
	}
	return a.read(answer.Body)
}

// read reads the body of an answer. An entry that cannot be read is left out; the others still count.
func (a *Adapter) read(body []byte) ([]workers.Outcome, error) {
	var answer struct {
		Version int               `json:"version"`
		Results []json.RawMessage `json:"results"`
	}
	err := json.Unmarshal(body, &answer)
	switch {
	case answer.Version > Version:
		return nil, &workers.CallError{Reason: fmt.Sprintf("the validator answers in version %d of the contract, this program knows %d", answer.Version, Version), Permanent: true}
	case err != nil:
		return nil, a.client.Malformed()
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
		TTL: webcall.Seconds(r.TTLSeconds), RetryAfter: webcall.Seconds(max(r.RetryAfterSeconds, 0)), Permanent: r.Permanent,
	}
	if r.Strength != nil {
		o.Strength = *r.Strength
	}
	return o
}
