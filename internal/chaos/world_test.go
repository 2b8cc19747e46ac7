package chaos

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"phoneregistry/internal/localcluster"
	"phoneregistry/registry/scoring"
)

const (
	natsNodes   = 3
	serverCount = 2
	workerCount = 3
	chaosToken  = "prk_token_of_the_fault_tests_0123456789"
	startWithin = 3 * time.Minute
)

// world is the cluster under test and everything that is needed to break it.
type world struct {
	t        *testing.T
	seed     uint64
	dir      string
	programs localcluster.Programs
	platform *platform
	database *database
	nodes    []localcluster.NATSNode
	nats     []*unit
	servers  []*unit
	workers  []*unit
	listen   []string            // addresses of the servers
	admin    []string            // addresses of their metrics
	links    map[string][]*proxy // name of a unit → its links to the NATS nodes, in their order
	toDB     []*proxy            // links of the servers to PostgreSQL
	client   *api
	conn     *nats.Conn // of the harness, past all proxies

	load   *load
	heard  overheard
	tally  *tally
	spared atomic.Bool // the first server and the first worker are not killed any more
	// restoredAt is when the last restored database came into use, as nanoseconds; 0: none was.
	restoredAt atomic.Int64

	mounts  []string
	keeping context.CancelFunc
	kept    sync.WaitGroup
	started time.Time
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, seed: seed, links: map[string][]*proxy{}, tally: newTally(), started: time.Now()}
	dir, err := os.MkdirTemp("", "phoneregistry-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	w.dir = dir
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs of all processes are kept in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL may run as another user
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	keeping, stop := context.WithCancel(context.Background())
	w.keeping = stop
	t.Cleanup(w.close)
	for _, step := range []func(ctx, keeping context.Context) error{
		w.build, w.startPlatform, w.startDatabase, w.startNATS, w.startServers, w.startWorkers, w.connect, w.addHook,
	} {
		if err := step(ctx, keeping); err != nil {
			t.Fatal(err)
		}
	}
	w.say("the cluster is up: %s", w.dir)
	return w
}

// say prints a step with the time since the start.
func (w *world) say(format string, args ...any) {
	w.t.Logf("%8.2fs  %s", time.Since(w.started).Seconds(), fmt.Sprintf(format, args...))
}

func (w *world) build(ctx, _ context.Context) (err error) {
	w.programs, err = localcluster.Build(ctx, w.dir)
	return err
}

func (w *world) startPlatform(context.Context, context.Context) (err error) {
	w.platform, err = newPlatform(answers{w.seed})
	return err
}

func (w *world) startDatabase(ctx, keeping context.Context) (err error) {
	if w.database, err = startDatabase(ctx, w); err == nil {
		w.kept.Go(func() { w.database.keep(keeping) })
	}
	return err
}

func (w *world) keep(keeping context.Context, u *unit) {
	w.kept.Go(func() { u.keep(keeping) })
}

func (w *world) startNATS(ctx, keeping context.Context) (err error) {
	if w.nodes, err = localcluster.NATSCluster(ctx, filepath.Join(w.dir, "nats"), natsNodes); err != nil {
		return err
	}
	for i := range w.nodes {
		w.nodes[i].MaxStore = 4 << 30 // the streams reserve 2 GiB on each node
		if err := os.MkdirAll(w.nodes[i].StoreDir(), 0o700); err != nil {
			return err
		}
		w.mount(w.nodes[i].StoreDir(), 400)
		args, err := w.nodes[i].Prepare(w.nodes)
		if err != nil {
			return err
		}
		name := "nats-" + w.nodes[i].Name
		u, err := newUnit(name, w.logOf(name), func() localcluster.Spec {
			return localcluster.Spec{Name: name, Path: w.programs.NATS, Args: args}
		}, w.nodes[i].HealthURL())
		if err != nil {
			return err
		}
		w.nats = append(w.nats, u)
		w.keep(keeping, u)
	}
	return w.awaitAll(ctx, w.nats)
}

func (w *world) logOf(name string) string { return filepath.Join(w.dir, name+".log") }

func (w *world) awaitAll(ctx context.Context, units []*unit) error {
	for _, u := range units {
		if err := u.awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// natsURL makes the links of a unit to all nodes and returns their addresses.
func (w *world) natsURL(name string) (string, error) {
	var urls []string
	for _, n := range w.nodes {
		p, err := newProxy(func() (net.Conn, error) {
			return net.DialTimeout("tcp", localcluster.Loopback(n.Client), 2*time.Second)
		})
		if err != nil {
			return "", err
		}
		w.links[name] = append(w.links[name], p)
		urls = append(urls, "nats://"+p.address())
	}
	return strings.Join(urls, ","), nil
}

func (w *world) startServers(ctx, keeping context.Context) error {
	ports, err := localcluster.FreePorts(ctx, 2*serverCount)
	if err != nil {
		return err
	}
	for i := range serverCount {
		name := fmt.Sprintf("server-%d", i+1)
		natsURL, err := w.natsURL(name)
		if err != nil {
			return err
		}
		link, databaseURL, err := w.database.link()
		if err != nil {
			return err
		}
		w.toDB = append(w.toDB, link)
		listen, admin := localcluster.Loopback(ports[2*i]), localcluster.Loopback(ports[2*i+1])
		w.listen, w.admin = append(w.listen, "http://"+listen), append(w.admin, "http://"+admin)
		spec := localcluster.Spec{
			Name: name, Path: w.programs.Phoneregistry,
			Args: []string{
				"serve", "--data-dir", filepath.Join(w.dir, name), "--nats-url", natsURL, "--nats-replicas", fmt.Sprint(natsNodes),
				"--nats-ack-wait", "4s", "--chunk-lease", "10s", "--workers", "none", "--listen", listen, "--admin-listen", admin,
				"--webhook-allow-private", "--log-level", "info",
				"--rate-reads", "1000000", "--rate-writes", "100000", // one token asks for everybody
			},
			Env: []string{"PHONEREGISTRY_ADMIN_TOKEN=" + chaosToken, "PHONEREGISTRY_DATABASE_URL=" + databaseURL},
		}
		u, err := newUnit(name, w.logOf(name), func() localcluster.Spec { return spec }, "http://"+listen+"/readyz")
		if err != nil {
			return err
		}
		w.servers = append(w.servers, u)
		w.keep(keeping, u) // both at once: they must take turns to migrate the database
	}
	w.client = newAPI(w.listen, chaosToken)
	return w.awaitAll(ctx, w.servers)
}

func (w *world) startWorkers(ctx, keeping context.Context) error {
	ports, err := localcluster.FreePorts(ctx, workerCount)
	if err != nil {
		return err
	}
	var names, services []string
	for _, p := range scoring.Platforms() {
		names = append(names, string(p))
		services = append(services, "--webservice", string(p)+"="+w.platform.url)
	}
	for i := range workerCount {
		name := fmt.Sprintf("worker-%d", i+1)
		natsURL, err := w.natsURL(name)
		if err != nil {
			return err
		}
		admin := localcluster.Loopback(ports[i])
		spec := localcluster.Spec{Name: name, Path: w.programs.Phoneregistry, Args: append([]string{
			"worker", "--nats-url", natsURL, "--platform", strings.Join(names, ","), "--name", name, "--admin-listen", admin,
		}, services...)}
		u, err := newUnit(name, w.logOf(name), func() localcluster.Spec { return spec }, "http://"+admin+"/metrics")
		if err != nil {
			return err
		}
		w.workers = append(w.workers, u)
		w.keep(keeping, u)
	}
	return w.awaitAll(ctx, w.workers)
}

// connect connects the harness itself, past the links that are broken later.
func (w *world) connect(context.Context, context.Context) (err error) {
	w.conn, err = nats.Connect(localcluster.URLs(w.nodes), nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond),
		nats.Name("chaos"), nats.PingInterval(5*time.Second))
	return err
}

// addHook asks the servers to tell the end of jobs to a receiver.
func (w *world) addHook(ctx, _ context.Context) error {
	var d struct {
		CreateWebhook struct{ UserErrors []refusal }
	}
	err := w.client.until(ctx, `mutation($url: String!) { createWebhook(input: {url: $url, events: [JOB_FINISHED]}) {
		userErrors { code message } } }`, map[string]any{"url": w.platform.url + hookPath}, &d)
	if err == nil && len(d.CreateWebhook.UserErrors) > 0 {
		return &d.CreateWebhook.UserErrors[0]
	}
	return err
}

// units are all processes of the program.
func (w *world) units() []*unit { return append(append([]*unit{}, w.servers...), w.workers...) }

func (w *world) close() {
	if w.conn != nil {
		w.conn.Close()
	}
	for _, u := range append(w.units(), w.nats...) { // one that is stopped would not die
		u.signal(syscall.SIGCONT)
	}
	w.keeping()
	w.kept.Wait()
	for _, links := range w.links {
		for _, p := range links {
			p.close()
		}
	}
	for _, p := range w.toDB {
		p.close()
	}
	if w.client != nil {
		w.client.close()
	}
	if w.database != nil {
		if err := w.database.stop(); err != nil {
			w.t.Errorf("stop PostgreSQL: %v", err)
		}
	}
	if w.platform != nil {
		w.platform.close()
	}
	for _, u := range append(w.units(), w.nats...) {
		_ = u.log.Close()
	}
	for _, dir := range w.mounts {
		if err := unmount(dir); err != nil {
			w.t.Errorf("unmount %s: %v", dir, err)
		}
	}
}

// mount gives a folder a small disk of its own, where that is possible; see small.
func (w *world) mount(dir string, megabytes int) {
	if err := mountSmall(dir, megabytes); err == nil {
		w.mounts = append(w.mounts, dir)
	}
}
