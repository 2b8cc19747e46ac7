// Package rcs is an adapter that asks Google's RCS Business Messaging whether an agent of one's own can reach a number
// (platform GOOGLE). It says ACTIVE of a device that Google names as reachable. Absence is UNKNOWN, never NOT_FOUND: it
// also means that the carrier is not launched, that RCS is switched off, or that the device was not seen for a month.
// docs/adapters/rcs.md tells what it needs and costs.
package rcs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

// Methods of the evidence: which of Google's methods told it.
const (
	MethodSingle = "rcs_capabilities"
	MethodBatch  = "rcs_batch_get"
)

const (
	name    = "rcs"        // of the adapter
	service = "Google RCS" // how reasons call what is asked
)

// Adapter asks Google as one agent.
type Adapter struct {
	cfg        Config
	credential string // names the agent to the runtime
	base       string
	client     *webcall.Client
	tokens     *tokens
	queries    *rate.Limiter // mode Batch only: the runtime counts numbers, the quota counts queries
}

// New checks cfg and makes an Adapter. It does not ask Google yet.
func New(cfg Config) (*Adapter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	account, err := parseAccount(cfg.Credentials)
	if err != nil {
		return nil, webcall.Wrong(name, "Credentials", "cannot be used: %s", err)
	}
	cfg.Credentials = nil // the account holds what is needed
	perSecond := rate.Limit(float64(cfg.QueriesPerMinute) / 60)
	return &Adapter{
		cfg: cfg, credential: credential(cfg.Agent), base: cfg.base(), queries: rate.NewLimiter(perSecond, 1),
		client: webcall.New(webcall.Config{
			Service: service, Timeout: cfg.Timeout, MaxBytes: 64<<10 + 64*int64(cfg.MaxBatch), Now: cfg.Now,
		}),
		tokens: newTokens(account, webcall.New(webcall.Config{
			Service: "Google's token service", Credential: "the service account", Timeout: cfg.Timeout, Now: cfg.Now,
		}), cfg.Now),
	}, nil
}

// Info describes the adapter. In mode Single a number is a query, and the runtime keeps all workers together to the
// quota. In mode Batch the runtime, which counts numbers, can only keep them to full batches; the adapter keeps its own
// queries to the quota.
func (a *Adapter) Info() workers.Info {
	perSecond := float64(a.cfg.QueriesPerMinute) / 60
	info := workers.Info{Name: name, Method: MethodSingle, MaxBatch: 1, Rate: perSecond, Credential: a.credential}
	if a.cfg.Mode == Batch {
		info.Method, info.MaxBatch, info.Rate = MethodBatch, a.cfg.MaxBatch, perSecond*float64(a.cfg.MaxBatch)
	}
	return info
}

// credential is the agent's id as the runtime wants it.
func credential(agent string) string {
	id := strings.Map(func(r rune) rune {
		if strings.ContainsRune(".@:", r) {
			return '_'
		}
		return r
	}, agent)
	return id[max(0, len(id)-64):]
}

// Close closes connections that are idle. Calls that are under way go on.
func (a *Adapter) Close() {
	a.client.Close()
	a.tokens.client.Close()
}

// Check asks Google about the numbers, of which mode Single takes one. A failed request is a *workers.CallError.
func (a *Adapter) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	if a.cfg.Mode == Batch {
		return a.batch(ctx, numbers)
	}
	return webcall.OneByOne(ctx, numbers, a.single)
}

func (a *Adapter) single(ctx context.Context, n numbering.Number) (workers.Outcome, error) {
	// Google ignores a request whose id it has seen: each needs a new one.
	query := url.Values{"requestId": {uuid.NewString()}, "agentId": {a.cfg.Agent}}
	answer, err := a.ask(ctx, webcall.Request{
		Method: http.MethodGet, URL: a.base + "/v1/phones/" + url.PathEscape(n.String()) + "/capabilities?" + query.Encode(),
	})
	if err != nil {
		return workers.Outcome{}, err
	}
	if answer.Status == http.StatusNotFound && googleStatus(answer) == "NOT_FOUND" {
		return a.absent(n), nil
	}
	if answer.Status != http.StatusOK {
		return workers.Outcome{}, a.refused(answer)
	}
	var got capabilities
	if err := a.client.Decode(answer, &got); err != nil {
		return workers.Outcome{}, err
	}
	return got.outcome(n, a.cfg.TTL), nil
}

func (a *Adapter) absent(n numbering.Number) workers.Outcome {
	return workers.Outcome{
		Number: n, Status: scoring.Unknown, TTL: a.cfg.TTL,
		Reason: "not reachable by this agent, which is not a no: the carrier may not be launched, or RCS is off",
	}
}

// ask sends a request with a token. A token that is refused before its time is renewed once.
func (a *Adapter) ask(ctx context.Context, r webcall.Request) (*webcall.Answer, error) {
	refused := ""
	for {
		token, err := a.tokens.get(ctx, refused)
		if err != nil {
			return nil, err
		}
		r.Header = http.Header{"Authorization": {"Bearer " + token}}
		answer, err := a.client.Do(ctx, r)
		if err != nil || answer.Status != http.StatusUnauthorized || refused != "" {
			return answer, err
		}
		refused = token
	}
}

// refused says what a refusal means to Google's interface.
func (a *Adapter) refused(answer *webcall.Answer) error {
	e := a.client.Refused(answer)
	switch answer.Status {
	case http.StatusBadRequest:
		e.Reason = "Google RCS refused the request (400): is the agent's id right?"
		if a.cfg.Mode == Batch {
			e.Reason = "Google RCS refused the request (400): is the agent's id right, and are the numbers of its region? Mode single takes any"
			e.Err = errBatch
		}
	case http.StatusUnauthorized:
		e.Reason = "Google RCS refused a fresh token (401): may the service account use this agent?"
	case http.StatusForbidden:
		e.Reason = "Google RCS denied permission (403): is the agent launched, and of the service account's project?"
	case http.StatusNotFound:
		e.Reason = "Google RCS answered 404 without saying NOT_FOUND: is the address right?"
	}
	return e
}

// googleStatus is the canonical code in an error body of a Google interface; "": it has none.
func googleStatus(answer *webcall.Answer) string {
	var body struct {
		Error struct {
			Status string `json:"status"`
		} `json:"error"`
	}
	if json.Unmarshal(answer.Body, &body) != nil {
		return ""
	}
	return body.Error.Status
}
