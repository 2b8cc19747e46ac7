package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// api asks the servers, one after the other until one answers, as a client behind a load balancer would.
type api struct {
	urls   []string
	token  string
	client *http.Client
	next   atomic.Int64
}

func newAPI(urls []string, token string) *api {
	return &api{urls: urls, token: token, client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

func (a *api) close() { a.client.CloseIdleConnections() }

// job is what the harness looks at of a job.
type job struct {
	ID, Status                          string
	Total, Processed, Succeeded, Failed int64
}

// refusal is a user error: the server has understood and said no.
type refusal struct{ Code, Message string }

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

// ask sends one operation to one server. An error may mean that it was carried out nevertheless.
func (a *api) ask(ctx context.Context, url, query string, variables map[string]any, out any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("status %d: %w", response.StatusCode, err)
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("status %d: %s", response.StatusCode, answer.Errors[0].Message)
	}
	return json.Unmarshal(answer.Data, out)
}

// until asks one server after the other until one gives an answer, be it a refusal.
func (a *api) until(ctx context.Context, query string, variables map[string]any, out any) error {
	last := errors.New("not asked")
	for ctx.Err() == nil {
		url := a.urls[int(a.next.Add(1))%len(a.urls)]
		if last = a.ask(ctx, url, query, variables, out); last == nil {
			return nil
		}
		pause(ctx, 100*time.Millisecond)
	}
	return fmt.Errorf("%w: %w", ctx.Err(), last)
}

const jobFields = `id status total processed succeeded failed`

// startJob starts a job. The key makes sure that asking twice, after an answer that was lost, starts it once.
func (a *api) startJob(ctx context.Context, input map[string]any) (job, error) {
	var d struct{ StartValidationJob jobPayload }
	err := a.until(ctx, `mutation($input: StartValidationJobInput!) { startValidationJob(input: $input) {
		job { `+jobFields+` } userErrors { code message } } }`, map[string]any{"input": input}, &d)
	return d.StartValidationJob.result(err)
}

type jobPayload struct {
	Job        *job
	UserErrors []refusal
}

func (p jobPayload) result(err error) (job, error) {
	switch {
	case err != nil:
		return job{}, err
	case len(p.UserErrors) > 0:
		return job{}, &p.UserErrors[0]
	case p.Job == nil:
		return job{}, errors.New("no job in the answer")
	}
	return *p.Job, nil
}

// steer pauses, resumes, cancels or retries a job.
func (a *api) steer(ctx context.Context, verb, id string) (job, error) {
	var d struct{ Steered jobPayload }
	err := a.until(ctx, `mutation($id: ID!) { steered: `+verb+`ValidationJob(input: {id: $id}) {
		job { `+jobFields+` } userErrors { code message } } }`, map[string]any{"id": id}, &d)
	return d.Steered.result(err)
}

const watchJob = `subscription($id: ID!) { validationJobProgress(id: $id) { sequence job { ` + jobFields + ` } } }`

type progress struct {
	Sequence int64
	Job      job
}

// dial opens a WebSocket to one server and subscribes to a job.
func (a *api) dial(ctx context.Context, url, id string, buffer int) (*websocket.Conn, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: 5 * time.Second, ReadBufferSize: buffer}
	conn, response, err := dialer.DialContext(ctx, strings.Replace(url, "http", "ws", 1)+"/graphql", nil)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	err = conn.WriteJSON(map[string]any{"type": "connection_init", "payload": map[string]any{"Authorization": "Bearer " + a.token}})
	if err == nil {
		err = conn.WriteJSON(map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{
			"query": watchJob, "variables": map[string]any{"id": id},
		}})
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

var errBroken = errors.New("the connection broke")

// watch hands the states of a job to next until the server completes the subscription: then it returns nil.
func (a *api) watch(ctx context.Context, url, id string, next func(progress)) error {
	conn, err := a.dial(ctx, url, id, 0)
	if err != nil {
		return errBroken
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		_ = conn.SetReadDeadline(time.Now().Add(40 * time.Second)) // the server pings every twenty
		if err := conn.ReadJSON(&m); err != nil {
			return errBroken
		}
		switch m.Type {
		case "ping":
			_ = conn.WriteJSON(map[string]any{"type": "pong"})
		case "next":
			var p struct {
				Data   struct{ ValidationJobProgress *progress }
				Errors json.RawMessage
			}
			if err := json.Unmarshal(m.Payload, &p); err != nil || p.Data.ValidationJobProgress == nil {
				return errBroken
			}
			next(*p.Data.ValidationJobProgress)
		case "complete":
			return nil
		case "error":
			return errBroken
		}
	}
}
