package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// kills ends servers and workers with -9: the beat of every run.
func kills(gap [2]time.Duration) track {
	var faults []fault
	for range 5 {
		faults = append(faults, fault{name: "kill -9 of a worker", do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			return w.kill("worker", w.workers, rng)
		}})
	}
	for range 2 {
		faults = append(faults, fault{name: "kill -9 of a server", do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			return w.kill("server", w.servers, rng)
		}})
	}
	faults = append(faults, fault{name: "kill -9 of all workers", do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
		n := 0
		for _, u := range w.victims(w.workers) {
			if u.kill(between(rng, [2]time.Duration{0, time.Second})) {
				n++
			}
		}
		w.tally.killed("worker", n)
		return fmt.Sprint(n), nil
	}})
	return track{name: "kill", gap: gap, faults: faults}
}

// victims are the units of a kind that may be killed: all of them but, at the end of a run, the first one, of which is
// seen how it comes through.
func (w *world) victims(units []*unit) []*unit {
	if w.spared.Load() {
		return units[1:]
	}
	return units
}

func (w *world) kill(kind string, units []*unit, rng *rand.Rand) (string, func(context.Context)) {
	victims := w.victims(units)
	u := victims[rng.IntN(len(victims))]
	if !u.kill(between(rng, [2]time.Duration{0, 600 * time.Millisecond})) {
		return "", nil
	}
	w.tally.killed(kind, 1)
	return u.name, nil
}

// freezes stops processes for a while, so that they come back with a wrong idea of the time and of what is theirs.
func freezes() track {
	freeze := func(name string, units func(*world) []*unit) fault {
		return fault{name: name, lasts: [2]time.Duration{time.Second, 7 * time.Second},
			do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
				victims := w.victims(units(w))
				p := victims[rng.IntN(len(victims))].current()
				if p == nil {
					return "", nil
				}
				p.Signal(syscall.SIGSTOP)
				return p.Name, func(context.Context) { p.Signal(syscall.SIGCONT) }
			}}
	}
	return track{name: "freeze", gap: [2]time.Duration{2 * time.Second, 6 * time.Second}, faults: []fault{
		freeze("SIGSTOP of a worker", func(w *world) []*unit { return w.workers }),
		freeze("SIGSTOP of a server", func(w *world) []*unit { return w.servers }),
	}}
}

// rolling replaces one process after the other, as an update does.
func rolling(gap [2]time.Duration) track {
	return track{name: "rolling", gap: gap, faults: []fault{{
		name: "SIGTERM rolling restart", do: func(ctx context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
			return "servers and workers", func(ctx context.Context) { w.roll(ctx, w.spared.Load()) }
		},
	}}}
}

// roll restarts servers and workers one after the other. It returns those that did not end in good order by themselves.
func (w *world) roll(ctx context.Context, spare bool) []error {
	var errs []error
	for _, units := range [][]*unit{w.servers, w.workers} {
		for i, u := range units {
			if spare && i == 0 {
				continue
			}
			p := u.current()
			if p == nil {
				continue
			}
			stopping, cancel := context.WithTimeout(ctx, 40*time.Second)
			if err := p.Stop(stopping); err != nil && p.ExitCode() >= 0 { // else it was killed meanwhile
				errs = append(errs, err)
			}
			cancel()
			ready, cancel := context.WithTimeout(ctx, 10*time.Second)
			_ = u.awaitReady(ready) // something else may keep it down
			cancel()
		}
	}
	return errs
}

// links breaks the network between the processes.
func links(gap [2]time.Duration) track {
	tr := track{name: "network", gap: gap}
	lasts := [2]time.Duration{time.Second, 6 * time.Second}
	for state, what := range map[linkState]string{
		linkCut: "cut off", linkStalled: "stalled", linkDeafUp: "one-way silence (up)", linkDeafDown: "one-way silence (down)",
		linkHalfOpen: "half open", linkSlow: "slow",
	} {
		tr.faults = append(tr.faults,
			fault{name: "worker ↔ NATS " + what, lasts: lasts, do: breakNATS(state, func(w *world) []*unit { return w.workers })},
			fault{name: "server ↔ NATS " + what, lasts: lasts, do: breakNATS(state, func(w *world) []*unit { return w.servers })},
			fault{name: "server ↔ PostgreSQL " + what, lasts: lasts, do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
				i := rng.IntN(len(w.toDB))
				return w.servers[i].name, breakLinks(w.toDB[i:i+1], state, rng)
			}},
		)
	}
	sortFaults(tr.faults)
	return tr
}

func breakNATS(state linkState, units func(*world) []*unit) func(context.Context, *world, *rand.Rand) (string, func(context.Context)) {
	return func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
		u := units(w)[rng.IntN(len(units(w)))]
		return u.name, breakLinks(w.links[u.name], state, rng)
	}
}

// breakLinks sets the state of links and returns how to mend them. Of connections that were half open, half are closed
// then, as by a peer that was restarted; the others stay lost until somebody notices.
func breakLinks(links []*proxy, state linkState, rng *rand.Rand) func(context.Context) {
	for _, p := range links {
		p.set(state)
	}
	noticed := rng.IntN(2) == 0
	return func(context.Context) {
		for _, p := range links {
			p.set(linkFine)
			if noticed {
				p.forget()
			}
		}
	}
}

// moods lets the platforms misbehave.
func moods(gap [2]time.Duration) track {
	tr := track{name: "platform", gap: gap}
	for _, m := range badMoods() {
		tr.faults = append(tr.faults, fault{
			name: "platform: " + string(m), lasts: [2]time.Duration{500 * time.Millisecond, 3 * time.Second},
			do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
				all := platforms()
				chosen := rng.Perm(len(all))[:1+rng.IntN(len(all))]
				for _, i := range chosen {
					w.platform.set(all[i], m)
				}
				return fmt.Sprintf("%d of %d platforms", len(chosen), len(all)), func(context.Context) { w.platform.calm() }
			},
		})
	}
	return tr
}
