package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Versions of the peer.
const (
	postgraphileVersion = "5.1.5"
	nodeVersion         = "24.21.0"
	nodeNeeded          = 22 // least major version that PostGraphile runs on
)

// noPeerError says why PostGraphile cannot be measured here.
type noPeerError struct{ why string }

func (e *noPeerError) Error() string { return e.why }

//go:embed postgraphile.mjs
var postgraphileConfig []byte

// installPostgraphile installs PostGraphile, and a Node.js where that of the system is too old for it, into the folder
// of the peers, and returns the path of node.
func (b *bench) installPostgraphile(ctx context.Context) (node string, err error) {
	if _, err := exec.LookPath("npm"); err != nil {
		return "", &noPeerError{"npm is not installed"}
	}
	if err := os.MkdirAll(b.peers, 0o750); err != nil {
		return "", err
	}
	packages := []string{"postgraphile@" + postgraphileVersion}
	if node = systemNode(ctx); node == "" {
		local := nodePackage()
		packages = append(packages, local+"@"+nodeVersion)
		if node, err = filepath.Abs(filepath.Join(b.peers, "node_modules", local, "bin", "node")); err != nil {
			return "", err
		}
	}
	stamp := filepath.Join(b.peers, ".installed")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == strings.Join(packages, " ") {
		return node, nil
	}
	b.say("installing %s into %s", strings.Join(packages, " and "), b.peers)
	install := exec.CommandContext(ctx, "npm", append([]string{"install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", b.peers}, packages...)...)
	if out, err := install.CombinedOutput(); err != nil {
		return "", &noPeerError{fmt.Sprintf("npm could not install it: %.500s", out)}
	}
	return node, os.WriteFile(stamp, []byte(strings.Join(packages, " ")), 0o600)
}

// systemNode returns the Node.js of the system if it is new enough, else "".
func systemNode(ctx context.Context) string {
	path, err := exec.LookPath("node")
	if err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return ""
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < nodeNeeded {
		return ""
	}
	return path
}

// nodePackage is the package of the registry of npm that holds Node.js for this system.
func nodePackage() string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return "node-" + runtime.GOOS + "-" + arch
}

// postgraphile is a running PostGraphile.
type postgraphile struct {
	command *exec.Cmd
	at      endpoint
	exited  chan error
}

// startPostgraphile serves a database with PostGraphile on a free port of the loopback. *noPeerError where it is not to be
// had.
func (b *bench) startPostgraphile(ctx context.Context, db *registryDatabase) (*postgraphile, error) {
	node, err := b.installPostgraphile(ctx)
	if err != nil {
		return nil, err
	}
	// Beside its node_modules, from which it imports.
	config, err := filepath.Abs(filepath.Join(b.peers, "bench.config.mjs"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, postgraphileConfig, 0o600); err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(b.dir, "postgraphile.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()                                                                                                      //nolint:errcheck // the process has it
	command := exec.Command(node, filepath.Join("node_modules", "postgraphile", "dist", "cli-run.js"), "--config", config) //nolint:noctx // stopped by stop
	command.Dir = b.peers
	command.Env = append(os.Environ(), "NODE_ENV=production", "GRAPHILE_ENV=production", "BENCH_DATABASE_URL="+db.url,
		"BENCH_PORT="+strconv.Itoa(port), "BENCH_CONNECTIONS="+strconv.Itoa(connections))
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, &noPeerError{fmt.Sprintf("Node.js %s does not start: %v", nodeVersion, err)}
	}
	p := &postgraphile{command: command, exited: make(chan error, 1), at: endpoint{url: fmt.Sprintf("http://127.0.0.1:%d/graphql", port)}}
	go func() { p.exited <- command.Wait() }()
	if err := p.ready(ctx); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("start PostGraphile: %w\n%s", err, text), p.stop())
	}
	return p, nil
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // the address of a TCP listener
	return port, l.Close()
}

// ready waits until it answers.
func (p *postgraphile) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var answer struct{ Typename string }
		err := p.at.ask(ctx, "{ typename: __typename }", nil, &answer)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case ended := <-p.exited:
			p.exited <- ended
			return errors.Join(errors.New("it ended"), ended)
		case <-ctx.Done():
			return err
		}
	}
}

func (p *postgraphile) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited: //nolint:errcheck // how it ends after a signal is its own affair
	case <-time.After(10 * time.Second):
		return p.command.Process.Kill()
	}
	return nil
}
