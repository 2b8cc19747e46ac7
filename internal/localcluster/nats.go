package localcluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// NATSNode is a server of a NATS cluster with JetStream, on the loopback address.
type NATSNode struct {
	Name                   string
	Client, Route, Monitor int    // ports
	Dir                    string // its configuration, and its store below it
	MaxStore               int64  // bytes of JetStream; 0: 4 GiB
	SyncAlways             bool   // sync each write to disk
}

// defaultMaxStore is more than the streams reserve on each node: each 256 MiB, be there messages or not.
const defaultMaxStore = 4 << 30

// NATSCluster makes the nodes of a cluster, each with a folder of its own below dir.
func NATSCluster(ctx context.Context, dir string, size int) ([]NATSNode, error) {
	ports, err := FreePorts(ctx, 3*size)
	if err != nil {
		return nil, err
	}
	nodes := make([]NATSNode, size)
	for i := range nodes {
		name := fmt.Sprintf("n%d", i+1)
		nodes[i] = NATSNode{
			Name: name, Client: ports[3*i], Route: ports[3*i+1], Monitor: ports[3*i+2], Dir: filepath.Join(dir, name),
		}
	}
	return nodes, nil
}

// URL is where clients reach the node.
func (n NATSNode) URL() string { return "nats://" + Loopback(n.Client) }

// StoreDir is the folder of JetStream.
func (n NATSNode) StoreDir() string { return filepath.Join(n.Dir, "store") }

// HealthURL answers with 200 when the node serves and its copies of the streams are current.
func (n NATSNode) HealthURL() string { return "http://" + Loopback(n.Monitor) + "/healthz" }

// Prepare writes the configuration of a node of the cluster and returns the arguments of its nats-server.
func (n NATSNode) Prepare(cluster []NATSNode) ([]string, error) {
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(n.Dir, "nats.conf")
	return []string{"-c", path}, os.WriteFile(path, []byte(n.config(cluster)), 0o600)
}

func (n NATSNode) config(cluster []NATSNode) string {
	var routes []string
	for _, other := range cluster {
		if other.Name != n.Name {
			routes = append(routes, "nats-route://"+Loopback(other.Route))
		}
	}
	most := n.MaxStore
	if most == 0 {
		most = defaultMaxStore
	}
	sync := "2m"
	if n.SyncAlways {
		sync = "always"
	}
	// Clients are told no other addresses than those that they were given: they may have to go through a proxy.
	return fmt.Sprintf(`server_name: %s
listen: "%s"
http: "%s"
max_payload: 1MB
jetstream { store_dir: %q, max_file_store: %d, max_memory_store: 67108864, sync_interval: %s }
cluster { name: phoneregistry, listen: "%s", no_advertise: true, routes: [%s] }
`, n.Name, Loopback(n.Client), Loopback(n.Monitor), n.StoreDir(), most, sync, Loopback(n.Route), strings.Join(routes, ", "))
}

// URLs are the addresses of all nodes, as --nats-url takes them.
func URLs(nodes []NATSNode) string {
	urls := make([]string, len(nodes))
	for i, n := range nodes {
		urls[i] = n.URL()
	}
	return strings.Join(urls, ",")
}
