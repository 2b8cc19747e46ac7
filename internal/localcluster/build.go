// Package localcluster runs the processes of a cluster on this machine: NATS servers, phoneregistry servers and workers.
// The example of a cluster and the fault tests use it; the program itself does not.
package localcluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Programs are the paths of what a cluster is made of.
type Programs struct {
	Phoneregistry, NATS string
}

// Build builds the programs into dir. The working directory must lie in this module; its go.mod names the version of
// nats-server.
func Build(ctx context.Context, dir string) (Programs, error) {
	p := Programs{Phoneregistry: filepath.Join(dir, "phoneregistry"), NATS: filepath.Join(dir, "nats-server")}
	for out, pkg := range map[string]string{
		p.Phoneregistry: "phoneregistry/cmd/phoneregistry", p.NATS: "github.com/nats-io/nats-server/v2",
	} {
		text, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", out, pkg).CombinedOutput()
		if err != nil {
			return Programs{}, fmt.Errorf("build %s: %w: %s", pkg, err, text)
		}
	}
	return p, nil
}

// Ports that nobody is given by chance: below those that systems hand out by themselves, so that a process that was
// killed finds its port free when it comes again.
const (
	firstPort = 15000
	lastPort  = 31999
)

// FreePorts returns n ports of the loopback address on which nothing listens at this moment.
func FreePorts(ctx context.Context, n int) ([]int, error) {
	ports, listeners := make([]int, 0, n), make([]net.Listener, 0, n)
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	var lc net.ListenConfig
	for range 100 * n {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort+1) //nolint:gosec // any port will do
		l, err := lc.Listen(ctx, "tcp", Loopback(port))
		if err != nil {
			continue
		}
		ports, listeners = append(ports, port), append(listeners, l)
	}
	return nil, errors.New("no free ports found")
}

// Loopback is the address of a port of this machine.
func Loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
