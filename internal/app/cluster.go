package app

import (
	"phoneregistry/internal/bus"
	"phoneregistry/internal/config"
)

// streamOptions are the settings of the streams that the configuration names.
func streamOptions(d config.Delivery) bus.Options {
	return bus.Options{Replicas: d.NATSReplicas, AckWait: d.AckWait}
}
