package rcs

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

// errBatch marks the refusal of a whole batch, which may be the fault of a few of its numbers.
var errBatch = errors.New("the batch was refused")

// batch asks about all numbers at once. Google refuses a batch that holds numbers of several regions, and does not tell
// which countries are of which: such a batch is asked again country by country, so that the others get their answer.
func (a *Adapter) batch(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	outcomes, refused := a.batchGet(ctx, numbers)
	countries := byCallingCode(numbers)
	if !errors.Is(refused, errBatch) || len(countries) < 2 {
		return outcomes, refused
	}
	answered := 0
	outcomes = make([]workers.Outcome, 0, len(numbers))
	for _, country := range countries {
		some, err := a.batchGet(ctx, country)
		switch {
		case err == nil:
			answered++
		case errors.Is(err, errBatch):
			some = ofAnotherRegion(country)
		default:
			return nil, err
		}
		outcomes = append(outcomes, some...)
	}
	if answered == 0 { // then it was not for the regions
		return nil, refused
	}
	return outcomes, nil
}

// byCallingCode splits numbers in ascending order into runs of one calling code.
func byCallingCode(numbers []numbering.Number) [][]numbering.Number {
	var runs [][]numbering.Number
	for start := 0; start < len(numbers); {
		code := numbers[start].CallingCode()
		end := slices.IndexFunc(numbers[start:], func(n numbering.Number) bool { return n.CallingCode() != code })
		if end < 0 {
			end = len(numbers) - start
		}
		runs = append(runs, numbers[start:start+end])
		start += end
	}
	return runs
}

func ofAnotherRegion(numbers []numbering.Number) []workers.Outcome {
	outcomes := make([]workers.Outcome, len(numbers))
	for i, n := range numbers {
		outcomes[i] = workers.Outcome{
			Number: n, Status: scoring.Failed, Permanent: true,
			Reason: "Google RCS refused this country's numbers (400): they are of another region than the endpoint",
		}
	}
	return outcomes
}

// batchGet makes one query.
func (a *Adapter) batchGet(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	if err := a.queries.Wait(ctx); err != nil {
		return nil, &workers.CallError{Reason: "the quota of queries left no room in time", RateLimited: true, Err: err}
	}
	body := struct {
		Users   []string `json:"users"`
		AgentID string   `json:"agentId"`
	}{make([]string, len(numbers)), a.cfg.Agent}
	for i, n := range numbers {
		body.Users[i] = n.String()
	}
	answer, err := a.ask(ctx, webcall.Request{Method: http.MethodPost, URL: a.base + "/v1/users:batchGet", Body: body})
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, a.refused(answer)
	}
	var got reachability
	if err := a.client.Decode(answer, &got); err != nil {
		return nil, err
	}
	reachable := got.numbers()
	outcomes := make([]workers.Outcome, len(numbers))
	for i, n := range numbers {
		if outcomes[i] = a.absent(n); reachable[n] {
			outcomes[i] = workers.Outcome{Number: n, Status: scoring.Active, Strength: 1, TTL: a.cfg.TTL}
		}
	}
	return outcomes, nil
}
