package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// request sends one HTTP request with the server's token and returns status, headers and body.
func (p *process) request(method, path, contentType string, body io.Reader, headers ...string) (*http.Response, []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res, b
}

// query runs an operation and decodes its data into out; errors fail the test.
func (p *process) query(out any, operation string, variables map[string]any) {
	p.t.Helper()
	body, err := json.Marshal(map[string]any{"query": operation, "variables": variables})
	if err != nil {
		p.t.Fatal(err)
	}
	res, b := p.request(http.MethodPost, "/graphql", "application/json", bytes.NewReader(body))
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		p.t.Fatalf("status %d: %v: %s", res.StatusCode, err, b)
	}
	if len(answer.Errors) > 0 {
		p.t.Fatalf("errors: %s", b)
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		p.t.Fatalf("%v: %s", err, answer.Data)
	}
}

// importState is what the tests look at of an import.
type importState struct {
	ID              string
	Status          string
	AlreadyImported bool
	RowsRead        int64
	RowsAccepted    int64
	RowsRejected    int64
	PhonesCreated   int64
	ContactsCreated int64
	Rejections      []struct {
		Reason string
		Count  int64
	}
}

// upload sends a file and waits until it has been read to its end.
func (p *process) upload(file io.Reader, parameters url.Values) importState {
	p.t.Helper()
	res, b := p.request(http.MethodPost, "/v1/imports?"+parameters.Encode(), "text/csv", file)
	if res.StatusCode != http.StatusAccepted && res.StatusCode != http.StatusOK {
		p.t.Fatalf("upload: status %d: %s", res.StatusCode, b)
	}
	var received importState
	if err := json.Unmarshal(b, &received); err != nil {
		p.t.Fatal(err)
	}
	var last importState
	p.subscribe(`subscription($id: ID!) { importProgress(id: $id) { sequence status import {
		id status rowsRead rowsAccepted rowsRejected phonesCreated contactsCreated rejections { reason count } } } }`,
		map[string]any{"id": received.ID}, func(data json.RawMessage) bool {
			var d struct{ ImportProgress struct{ Import importState } }
			if err := json.Unmarshal(data, &d); err != nil {
				p.t.Fatal(err)
			}
			last = d.ImportProgress.Import
			return true
		})
	last.AlreadyImported = received.AlreadyImported
	return last
}

// subscribe opens a subscription over graphql-transport-ws and hands each event to next, until the server completes it
// or next returns false.
func (p *process) subscribe(operation string, variables map[string]any, next func(json.RawMessage) bool) {
	p.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: patience}
	conn, res, err := dialer.DialContext(p.t.Context(), strings.Replace(p.url, "http", "ws", 1)+"/graphql", nil)
	if err != nil {
		p.t.Fatalf("websocket: %v", err)
	}
	defer func() { _ = conn.Close() }()
	_ = res.Body.Close()
	send := func(m map[string]any) {
		if err := conn.WriteJSON(m); err != nil {
			p.t.Fatal(err)
		}
	}
	send(map[string]any{"type": "connection_init", "payload": map[string]any{"Authorization": "Bearer " + p.token}})
	for {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if err := conn.ReadJSON(&m); err != nil {
			p.t.Fatalf("websocket: %v", err)
		}
		switch m.Type {
		case "connection_ack":
			send(map[string]any{"id": "1", "type": "subscribe", "payload": map[string]any{"query": operation, "variables": variables}})
		case "ping":
			send(map[string]any{"type": "pong"})
		case "next":
			if !next(eventData(p.t, m.Payload)) {
				return
			}
		case "complete":
			return
		case "error":
			p.t.Fatalf("subscription: %s", m.Payload)
		}
	}
}

// stream opens a subscription over server-sent events and hands each event to next, until the server completes it or
// next returns false.
func (p *process) stream(operation string, variables map[string]any, next func(json.RawMessage) bool) {
	p.t.Helper()
	body, err := json.Marshal(map[string]any{"query": operation, "variables": variables})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if ct := res.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/event-stream") {
		p.t.Fatalf("status %d, content type %q", res.StatusCode, ct)
	}
	event := ""
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case key == "event" && value == "complete":
			return
		case key == "event":
			event = value
		case key == "data" && event == "next":
			if !next(eventData(p.t, json.RawMessage(value))) {
				return
			}
		}
	}
	p.t.Fatalf("the stream ended without complete: %v", lines.Err())
}

func eventData(t *testing.T, payload json.RawMessage) json.RawMessage {
	t.Helper()
	var m struct {
		Data   json.RawMessage
		Errors json.RawMessage
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Errors) > 0 && string(m.Errors) != "null" {
		t.Fatalf("event with errors: %s", m.Errors)
	}
	return m.Data
}

// jobState is what the tests look at of a job.
type jobState struct {
	ID        string
	Status    string
	IsPlanned bool
	Total     int64
	Processed int64
	Succeeded int64
	Failed    int64
}

// startJob starts a job and fails the test on user errors.
func (p *process) startJob(input map[string]any) jobState {
	p.t.Helper()
	var d struct {
		StartValidationJob struct {
			Job        *jobState
			UserErrors []struct{ Code, Message string }
		}
	}
	p.query(&d, `mutation($input: StartValidationJobInput!) { startValidationJob(input: $input) {
		job { id status isPlanned total processed succeeded failed } userErrors { code message } } }`, map[string]any{"input": input})
	if d.StartValidationJob.Job == nil {
		p.t.Fatalf("job not started: %+v", d.StartValidationJob.UserErrors)
	}
	return *d.StartValidationJob.Job
}

// sampleCSV writes synthetic contacts.
func sampleCSV(t *testing.T, rows int, seed uint64) []byte {
	t.Helper()
	out, errs, code := command(t, "sample", "--rows", fmt.Sprint(rows), "--seed", fmt.Sprint(seed))
	if code != 0 {
		t.Fatalf("sample: %s", errs)
	}
	return []byte(out)
}
