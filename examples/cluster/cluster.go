package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"phoneregistry/internal/localcluster"
	"phoneregistry/internal/pgembed"
)

const (
	natsServers = 3
	servers     = 2
	workers     = 3
	startWithin = 2 * time.Minute
	stopWithin  = 30 * time.Second
)

// cluster is what runs.
type cluster struct {
	dir   string
	out   io.Writer
	token string

	programs localcluster.Programs
	postgres *pgembed.Server
	nodes    []localcluster.NATSNode
	urls     []string // of the servers

	mu        sync.Mutex
	processes []*localcluster.Process // in the order in which they were started
	logs      []*os.File
}

func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	c.token = "prk_" + rand.Text()
	fmt.Fprintln(c.out, "building")
	var err error
	if c.programs, err = localcluster.Build(ctx, c.dir); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{c.startPostgres, c.startNATS, c.startServers, c.startWorkers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) startPostgres(ctx context.Context) (err error) {
	fmt.Fprintln(c.out, "starting PostgreSQL")
	c.postgres, err = pgembed.Start(ctx, pgembed.Config{DataDir: filepath.Join(c.dir, "postgresql"), DieWithParent: true})
	return err
}

// startNATS starts all nodes before it waits: none is healthy alone.
func (c *cluster) startNATS(ctx context.Context) (err error) {
	fmt.Fprintf(c.out, "starting %d nats-servers\n", natsServers)
	if c.nodes, err = localcluster.NATSCluster(ctx, filepath.Join(c.dir, "nats"), natsServers); err != nil {
		return err
	}
	started := make([]*localcluster.Process, len(c.nodes))
	for i := range c.nodes {
		c.nodes[i].SyncAlways = true
		args, err := c.nodes[i].Prepare(c.nodes)
		if err != nil {
			return err
		}
		if started[i], err = c.run("nats-"+c.nodes[i].Name, c.programs.NATS, nil, args...); err != nil {
			return err
		}
	}
	for i, n := range c.nodes {
		if err := started[i].WaitReady(ctx, n.HealthURL()); err != nil {
			return err
		}
	}
	return nil
}

// startServers starts both at once, as an orchestrator of containers would: they take turns to migrate the database.
func (c *cluster) startServers(ctx context.Context) error {
	fmt.Fprintf(c.out, "starting %d phoneregistry servers\n", servers)
	ports, err := localcluster.FreePorts(ctx, 2*servers)
	if err != nil {
		return err
	}
	var started []*localcluster.Process
	for i := range servers {
		name := fmt.Sprintf("server-%d", i+1)
		listen := localcluster.Loopback(ports[2*i])
		env := []string{
			"PHONEREGISTRY_ADMIN_TOKEN=" + c.token, // the same for both
			"PHONEREGISTRY_DATABASE_URL=" + c.postgres.URL(),
		}
		p, err := c.run(name, c.programs.Phoneregistry, env, "serve", "--data-dir", filepath.Join(c.dir, name),
			"--nats-url", localcluster.URLs(c.nodes), "--nats-replicas", fmt.Sprint(natsServers), "--nats-ack-wait", "10s", "--workers", "none",
			"--listen", listen, "--admin-listen", localcluster.Loopback(ports[2*i+1]))
		if err != nil {
			return err
		}
		started, c.urls = append(started, p), append(c.urls, "http://"+listen)
	}
	for i, p := range started {
		if err := p.WaitReady(ctx, c.urls[i]+"/readyz"); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) startWorkers(context.Context) error {
	fmt.Fprintf(c.out, "starting %d workers\n", workers)
	for i := range workers {
		name := fmt.Sprintf("worker-%d", i+1)
		_, err := c.run(name, c.programs.Phoneregistry, nil, "worker", "--nats-url", localcluster.URLs(c.nodes),
			"--nats-replicas", fmt.Sprint(natsServers),
			"--platform", "WHATSAPP,INSTAGRAM,FACEBOOK,GOOGLE,APPLE", "--name", name,
			"--simulator", "latency=300ms,jitter=200ms,errors=0.01")
		if err != nil {
			return err
		}
	}
	return nil
}

// run starts a process that logs into a file of its own.
func (c *cluster) run(name, path string, env []string, args ...string) (*localcluster.Process, error) {
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p, err := localcluster.Start(localcluster.Spec{Name: name, Path: path, Args: args, Env: env, Output: log})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logs = append(c.logs, log)
	if err != nil {
		return nil, err
	}
	c.processes = append(c.processes, p)
	go func() {
		<-p.Done()
		if !p.Ordered() {
			fmt.Fprintf(c.out, "%s has ended; its log is %s\n", name, log.Name())
		}
	}()
	return p, nil
}

// process returns the process of this name.
func (c *cluster) process(name string) *localcluster.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.processes {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (c *cluster) describe() {
	var b strings.Builder
	fmt.Fprintf(&b, "\nphoneregistry on %d servers, %d nats-servers and %d workers is ready\n\n", servers, natsServers, workers)
	for i, url := range c.urls {
		fmt.Fprintf(&b, "  Server %d   %s/#token=%s\n             %s/graphql   (Authorization: Bearer %s)\n", i+1, url, c.token, url, c.token)
	}
	fmt.Fprintf(&b, "  NATS       %s\n  Logs       %s/*.log\n  Processes ", localcluster.URLs(c.nodes), c.dir)
	c.mu.Lock()
	for _, p := range c.processes {
		fmt.Fprintf(&b, " %s=%d", p.Name, p.PID())
	}
	c.mu.Unlock()
	b.WriteString("\n\n  Kill what you like; jobs go on. Ctrl-C ends everything.\n\n")
	fmt.Fprint(c.out, b.String())
}

// stop ends everything, the last one started first.
func (c *cluster) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	c.mu.Lock()
	processes, logs := c.processes, c.logs
	c.mu.Unlock()
	for i := len(processes) - 1; i >= 0; i-- {
		select {
		case <-processes[i].Done():
		default:
			if err := processes[i].Stop(ctx); err != nil {
				fmt.Fprintln(c.out, err)
			}
		}
	}
	if c.postgres != nil {
		if err := c.postgres.Stop(ctx); err != nil {
			fmt.Fprintln(c.out, err)
		}
	}
	for _, log := range logs {
		_ = log.Close()
	}
}
