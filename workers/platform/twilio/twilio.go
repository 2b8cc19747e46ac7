// Package twilio is an adapter that asks Twilio Lookup v2 about the line itself (platform LINE): what kind of line it
// is, and whether it is in service. docs/adapters/twilio.md tells what it needs and costs.
//
// The details of its evidence are what the registry reads line types and confidence from. They are one JSON object:
//
//	{"lineType":"MOBILE","lineStatus":"active","carrier":"Claro"}
//
// lineType is the name of a LineType of the API; lineStatus one of active, reachable, unreachable, inactive, unknown;
// carrier the current carrier's name, at most 64 bytes. Each key is left out when Twilio did not tell.
package twilio

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"phoneregistry/registry/numbering"
	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

// Method is the method of the evidence.
const Method = "twilio_lookup_v2"

// name is that of the adapter.
const name = "twilio"

// Adapter asks Twilio Lookup.
type Adapter struct {
	cfg        Config
	base       string
	credential string // names the key to the runtime
	auth       string // the Authorization header
	client     *webcall.Client
}

// New checks cfg and makes an Adapter. It does not ask Twilio yet.
func New(cfg Config) (*Adapter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	sid, secret, err := cfg.login()
	if err != nil {
		return nil, err
	}
	cfg.Credentials = "" // the header holds what is needed
	return &Adapter{
		cfg: cfg, base: cfg.base(), credential: sid[:2] + "-" + sid[max(2, len(sid)-6):], auth: "Basic " + base64.StdEncoding.EncodeToString([]byte(sid+":"+secret)),
		client: webcall.New(webcall.Config{
			Service: "Twilio", Credential: "the API key", Timeout: cfg.Timeout, MaxBytes: 64<<10 + 4<<10*int64(cfg.MaxBatch), Now: cfg.Now,
		}),
	}, nil
}

// Info describes the adapter.
func (a *Adapter) Info() workers.Info {
	batch := 1
	if a.cfg.Mode == Batch {
		batch = a.cfg.MaxBatch
	}
	return workers.Info{Name: name, Method: Method, MaxBatch: batch, Rate: a.cfg.Rate, Credential: a.credential}
}

// Close closes connections that are idle. Calls that are under way go on.
func (a *Adapter) Close() { a.client.Close() }

// Check asks Twilio about the numbers, of which mode Single takes one. What an answer leaves out is left out of the
// outcomes: the runtime takes it for an ERROR. A failed request is a *workers.CallError.
func (a *Adapter) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	if a.cfg.Mode == Batch {
		return a.batch(ctx, numbers)
	}
	return webcall.OneByOne(ctx, numbers, a.single)
}

func (a *Adapter) single(ctx context.Context, n numbering.Number) (workers.Outcome, error) {
	address := a.base + "/v2/PhoneNumbers/" + url.PathEscape(n.String()) + "?Fields=" + strings.Join(a.fields(), ",")
	var got lookup
	if err := a.ask(ctx, webcall.Request{Method: http.MethodGet, URL: address}, &got); err != nil {
		return workers.Outcome{}, err
	}
	if !got.told() {
		return workers.Outcome{}, a.client.Malformed()
	}
	return a.outcome(n, got), nil
}

// question is one number of a batch. The correlation id is its place in the request: it tells nothing of the number.
type question struct {
	CorrelationID string   `json:"correlation_id"`
	PhoneNumber   string   `json:"phone_number"`
	Fields        []string `json:"fields"`
}

func (a *Adapter) batch(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	body := struct {
		PhoneNumbers []question `json:"phone_numbers"`
	}{make([]question, len(numbers))}
	for i, n := range numbers {
		body.PhoneNumbers[i] = question{CorrelationID: strconv.Itoa(i), PhoneNumber: n.String(), Fields: a.fields()}
	}
	var got lookups
	if err := a.ask(ctx, webcall.Request{Method: http.MethodPost, URL: a.base + "/v2/batch/query", Body: body}, &got); err != nil {
		return nil, err
	}
	if got.PhoneNumbers == nil {
		return nil, a.client.Malformed()
	}
	outcomes := make([]workers.Outcome, 0, len(numbers))
	for _, answer := range got.read() {
		if i, err := strconv.Atoi(answer.CorrelationID); err == nil && i >= 0 && i < len(numbers) {
			outcomes = append(outcomes, a.outcome(numbers[i], answer))
		}
	}
	return outcomes, nil
}

// ask sends a request and reads the answer into value.
func (a *Adapter) ask(ctx context.Context, r webcall.Request, value any) error {
	r.Header = http.Header{"Authorization": {a.auth}}
	answer, err := a.client.Do(ctx, r)
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return a.refused(answer)
	}
	return a.client.Decode(answer, value)
}

func (a *Adapter) fields() []string {
	fields := make([]string, len(a.cfg.Fields))
	for i, f := range a.cfg.Fields {
		fields[i] = string(f)
	}
	return fields
}
