package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// program is the registry, running as a process of its own, as it is used.
type program struct {
	command *exec.Cmd
	graphql endpoint
	admin   string // address of metrics and profiles
	exited  chan error
}

// endpoint is an address that answers GraphQL.
type endpoint struct {
	url, token string
}

// build returns the program to measure, made from this tree unless one was given.
func (b *bench) build(ctx context.Context) (string, error) {
	if b.program != "" {
		return filepath.Abs(b.program)
	}
	path := filepath.Join(b.dir, "phoneregistry")
	b.say("building the program")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, "./cmd/phoneregistry")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	b.program = path
	return path, nil
}

// startProgram starts the server on a database, with some more flags, and returns when it answers.
func (b *bench) startProgram(ctx context.Context, db *registryDatabase, flags ...string) (*program, error) {
	path, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, "data-"+db.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(dir + ".log")
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has it
	token := "bench-" + db.name + "-0123456789"
	p := &program{exited: make(chan error, 1), graphql: endpoint{token: token}}
	flags = append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir, "--log-level", "warn"},
		append(ample(), flags...)...)
	p.command = exec.Command(path, flags...) //nolint:noctx // stopped by stop
	p.command.Env = append(os.Environ(), "PHONEREGISTRY_ADMIN_TOKEN="+token, "PHONEREGISTRY_DATABASE_URL="+db.url)
	p.command.Stderr = log
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	if err := p.readAddresses(out); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("start the program: %w\n%s", err, text), p.stop())
	}
	return p, nil
}

// ample has the program count like any other, up to what one token with thousands of clients never reaches: what counting
// costs is measured too.
func ample() []string {
	return []string{
		"--rate-reads", "10000000", "--rate-writes", "10000000", "--token-sockets", "50000", "--token-subscriptions", "50000",
		"--all-sockets", "200000",
	}
}

// readAddresses reads what the program prints once it answers, and then waits for its end in the background.
func (p *program) readAddresses(out io.Reader) error {
	lines := bufio.NewScanner(out)
	for lines.Scan() && (p.graphql.url == "" || p.admin == "") {
		switch fields := strings.Fields(lines.Text()); {
		case len(fields) < 2:
		case fields[0] == "GraphQL":
			p.graphql.url = fields[1]
		case fields[0] == "Metrics":
			p.admin = strings.TrimSuffix(fields[1], "/metrics")
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, out) // what it prints further is of no interest
		p.exited <- p.command.Wait()
	}()
	if p.graphql.url == "" || p.admin == "" {
		return errors.New("it did not print its addresses")
	}
	return nil
}

// stop ends the program and waits for it.
func (p *program) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-p.exited:
		return err
	case <-time.After(time.Minute):
		return errors.Join(errors.New("the program did not end in a minute"), p.command.Process.Kill())
	}
}

// ask runs one operation and reads its data.
func (e endpoint) ask(ctx context.Context, query string, variables map[string]any, into any) error {
	body, err := e.send(ctx, operation(query, variables))
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	return json.Unmarshal(answer.Data, into)
}

func operation(query string, variables map[string]any) []byte {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		panic(err) // texts and numbers
	}
	return body
}

func (e endpoint) sign(request *http.Request) {
	request.Header.Set("Content-Type", "application/json")
	if e.token != "" {
		request.Header.Set("Authorization", "Bearer "+e.token)
	}
}

func (e endpoint) send(ctx context.Context, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	e.sign(request)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", response.Status, answer)
	}
	return answer, err
}
