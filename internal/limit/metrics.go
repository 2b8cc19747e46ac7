package limit

import "github.com/prometheus/client_golang/prometheus"

// register makes the metrics. No label names a token: there may be any number of them.
func (l *Limiter) register(r prometheus.Registerer) error {
	l.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "limit_refusals_total",
		Help: "What was refused for a limit, by the limit and by whether it is of the token alone or of the whole server.",
	}, []string{"policy", "of"})
	if r == nil {
		return nil
	}
	collectors := []prometheus.Collector{l.refused}
	for name, read := range map[string]func(InUse) int{
		PolicyConnections:   func(u InUse) int { return u.Connections },
		PolicySubscriptions: func(u InUse) int { return u.Subscriptions },
		PolicyOperations:    func(u InUse) int { return u.Operations },
		PolicyPending:       func(u InUse) int { return u.Pending },
		PolicyReceiving:     func(u InUse) int { return u.Receiving },
		"tokens":            func(u InUse) int { return u.Tokens },
	} {
		collectors = append(collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "limit_in_use", Help: "What clients hold at the moment, by its limit; tokens: of which the use of rates is known.",
			ConstLabels: prometheus.Labels{"policy": name},
		}, func() float64 { return float64(read(l.InUse())) }))
	}
	for _, c := range collectors {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}
