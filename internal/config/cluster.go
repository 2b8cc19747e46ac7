package config

import (
	"fmt"
	"slices"
	"time"
)

// Delivery says how work travels over NATS, and how soon it is missed.
type Delivery struct {
	NATSReplicas int           `name:"nats-replicas" help:"Copies of each stream: 1, 3 or 5, no more than there are NATS servers. Left out: 1 for new streams, and those that exist stay as they are." placeholder:"N"`
	ChunkLease   time.Duration `help:"How long a chunk may be out before it is looked for in its stream and, when it is not there, published again." default:"1m"`
	AckWait      time.Duration `name:"nats-ack-wait" help:"After how long without a sign of life NATS hands a message to another worker or server. Left out: 10s for chunks and 30s for results of new streams, and those that exist stay as they are." placeholder:"DURATION"`
}

const (
	minLease, maxLease     = 5 * time.Second, time.Hour
	minAckWait, maxAckWait = time.Second, 10 * time.Minute
)

// check says what is wrong; external tells whether NATS is a server of its own.
func (d *Delivery) check(external bool) error {
	replicas := fmt.Sprint(d.NATSReplicas)
	if !slices.Contains([]int{0, 1, 3, 5}, d.NATSReplicas) {
		return &Error{"--nats-replicas", replicas, "must be 1, 3 or 5"}
	}
	if d.NATSReplicas > 1 && !external {
		return &Error{"--nats-replicas", replicas, "goes with --nats-url: the embedded NATS is alone"}
	}
	if d.ChunkLease != 0 && (d.ChunkLease < minLease || d.ChunkLease > maxLease) {
		return &Error{"--chunk-lease", d.ChunkLease.String(), fmt.Sprintf("must be %s to %s", minLease, maxLease)}
	}
	if d.AckWait != 0 && (d.AckWait < minAckWait || d.AckWait > maxAckWait) {
		return &Error{"--nats-ack-wait", d.AckWait.String(), fmt.Sprintf("must be %s to %s", minAckWait, maxAckWait)}
	}
	return nil
}
