// Package adapter is the example of docs/adapters/writing-one.md: an adapter for Acme, a messenger that does not exist.
// Its interface is said to be: POST /v1/reach takes {"phones":[…]}, at most 200 of them, and answers
// {"reachable":[…],"closed":[…]}; 5 requests a second; 401 for a wrong key, 429 with Retry-After for too many.
package adapter

import (
	"context"
	"net/http"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

// Config says where Acme is and what it lets us in by.
type Config struct {
	URL string           // https, or http to this machine
	Key string           // sent as a bearer token
	Now func() time.Time // the clock; time.Now unless told
}

// Adapter asks Acme.
type Adapter struct {
	cfg    Config
	client *webcall.Client
}

// New checks cfg and makes an Adapter. It asks nobody yet.
func New(cfg Config) (*Adapter, error) {
	if err := webcall.CheckURL(cfg.URL, false); err != nil {
		return nil, webcall.Wrong("acme", "URL", "%s", err)
	}
	if cfg.Key == "" {
		return nil, webcall.Wrong("acme", "Key", "is missing")
	}
	client := webcall.New(webcall.Config{Service: "Acme", Credential: "the key", Now: cfg.Now})
	return &Adapter{cfg: cfg, client: client}, nil
}

// Info tells the runtime how to treat Acme: it cuts chunks into calls of MaxBatch and keeps all workers to Rate.
func (a *Adapter) Info() workers.Info {
	return workers.Info{Name: "acme", Method: "acme_reach", MaxBatch: 200, Rate: 5 * 200}
}

// Close closes connections that are idle. The program calls it at its end, if there is one.
func (a *Adapter) Close() { a.client.Close() }

// Check asks about the numbers: at most MaxBatch, each of them once.
func (a *Adapter) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	body := struct {
		Phones []string `json:"phones"`
	}{make([]string, len(numbers))}
	for i, n := range numbers {
		body.Phones[i] = n.String()
	}
	answer, err := a.client.Do(ctx, webcall.Request{
		Method: http.MethodPost, URL: a.cfg.URL + "/v1/reach", Body: body,
		Header: http.Header{"Authorization": {"Bearer " + a.cfg.Key}},
	})
	if err != nil {
		return nil, err // no answer: tried again
	}
	if answer.Status != http.StatusOK {
		return nil, a.client.Refused(answer) // 429 is obeyed, 5xx tried again, 401 ends for good
	}
	var got reach
	if err := a.client.Decode(answer, &got); err != nil {
		return nil, err
	}
	return got.outcomes(numbers), nil
}

// reach is Acme's answer.
type reach struct {
	Reachable []string `json:"reachable"`
	Closed    []string `json:"closed"` // accounts that were given up
}

// outcomes says what the answer means for each number that was asked, and for no other.
func (r reach) outcomes(numbers []numbering.Number) []workers.Outcome {
	const holds = 14 * 24 * time.Hour
	reachable, closed := set(r.Reachable), set(r.Closed)
	outcomes := make([]workers.Outcome, len(numbers))
	for i, n := range numbers {
		o := workers.Outcome{Number: n, TTL: holds}
		switch {
		case reachable[n]:
			o.Status, o.Strength = scoring.Active, 1
		case closed[n]:
			o.Status = scoring.Inactive
		default: // Acme hides accounts by their owners' wish: absence is not a no
			o.Status, o.Reason = scoring.Unknown, "not listed, which may be the owner's wish"
		}
		outcomes[i] = o
	}
	return outcomes
}

// set reads numbers. What is none is evidence of none.
func set(texts []string) map[numbering.Number]bool {
	out := make(map[numbering.Number]bool, len(texts))
	for _, text := range texts {
		if n, err := numbering.ParseE164(text); err == nil {
			out[n] = true
		}
	}
	return out
}
