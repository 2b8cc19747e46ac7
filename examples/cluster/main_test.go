package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds a hang and measures nothing.
const patience = 5 * time.Minute

// TestClusterSurvivesOneOfEach starts the example, runs a job, kills one process of each kind in the middle of it and
// sees the job end on the server that is left.
func TestClusterSurvivesOneOfEach(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	up, ended := make(chan *cluster, 1), make(chan error, 1)
	go func() { ended <- run(ctx, "", t.Output(), func(c *cluster) { up <- c }) }()
	var c *cluster
	select {
	case c = <-up:
	case err := <-ended:
		t.Fatalf("the cluster did not start: %v", err)
	}
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	id := startJob(t, client, c)
	waitFor(t, ctx, client, c, c.urls[1], id, func(j job) bool { return j.Processed > 0 })
	for _, name := range []string{"nats-n2", "server-1", "worker-1"} {
		c.process(name).Kill()
	}
	j := waitFor(t, ctx, client, c, c.urls[1], id, func(j job) bool { return j.Status == "COMPLETED" })
	if j.Processed != j.Total || j.Total != 5*numbers || j.Succeeded+j.Failed != j.Total {
		t.Errorf("the job ended as %+v, want %d checks", j, 5*numbers)
	}
}

const numbers = 400

type job struct {
	ID, Status                          string
	Total, Processed, Succeeded, Failed int64
}

func startJob(t *testing.T, client *http.Client, c *cluster) string {
	t.Helper()
	list := make([]string, numbers)
	for i := range list {
		list[i] = fmt.Sprintf("+57300123%04d", i)
	}
	var d struct {
		StartValidationJob struct {
			Job        *job
			UserErrors []struct{ Code, Message string }
		}
	}
	err := ask(t.Context(), client, c.urls[0], c.token, `mutation($input: StartValidationJobInput!) { startValidationJob(input: $input) {
		job { id status total } userErrors { code message } } }`, map[string]any{"input": map[string]any{
		"name": "cluster", "platforms": []string{"WHATSAPP", "INSTAGRAM", "FACEBOOK", "GOOGLE", "APPLE"}, "batchSize": 10,
		"maxConcurrent": 20, "target": map[string]any{"numbers": list},
	}}, &d)
	if err != nil || d.StartValidationJob.Job == nil {
		t.Fatalf("start a job: %v, %+v", err, d.StartValidationJob.UserErrors)
	}
	return d.StartValidationJob.Job.ID
}

// waitFor asks a server for the job until it is as wanted.
func waitFor(t *testing.T, ctx context.Context, client *http.Client, c *cluster, url, id string, wanted func(job) bool) job {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var d struct{ ValidationJob job }
	for {
		err := ask(ctx, client, url, c.token, `query($id: ID!) { validationJob(id: $id) {
			id status total processed succeeded failed } }`, map[string]any{"id": id}, &d)
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		if wanted(d.ValidationJob) {
			return d.ValidationJob
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the job is still %+v", d.ValidationJob)
		}
	}
}

func ask(ctx context.Context, client *http.Client, url, token, query string, variables map[string]any, out any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("%s", answer.Errors[0].Message)
	}
	return json.Unmarshal(answer.Data, out)
}
