package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"phoneregistry/internal/pgembed"
)

// storage breaks PostgreSQL.
func storage(gap [2]time.Duration, whole bool) track {
	faults := []fault{
		{name: "PostgreSQL: kill -9 of the postmaster", do: killDatabase(syscall.SIGKILL)},
		{name: "PostgreSQL: immediate shutdown", do: killDatabase(syscall.SIGQUIT)},
		{name: "PostgreSQL: sessions terminated", do: terminate},
		{name: "PostgreSQL: sessions terminated", do: terminate},
		{name: "PostgreSQL: sessions terminated", do: terminate},
	}
	if whole {
		faults = append(faults,
			fault{name: "PostgreSQL: one backend killed with -9", do: killBackend},
			fault{name: "PostgreSQL: disk full", lasts: [2]time.Duration{time.Second, 4 * time.Second}, do: fillDatabase},
		)
	}
	return track{name: "postgres", gap: gap, first: gap[0], faults: faults}
}

func killDatabase(s syscall.Signal) func(context.Context, *world, *rand.Rand) (string, func(context.Context)) {
	return func(_ context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
		if w.database.kill(s) != nil {
			return "", nil
		}
		w.tally.killed("postgres", 1)
		return s.String(), w.awaitDatabase
	}
}

// awaitDatabase waits until PostgreSQL takes connections.
func (w *world) awaitDatabase(ctx context.Context) {
	for ctx.Err() == nil {
		ping, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := w.database.pool.Ping(ping)
		cancel()
		if err == nil {
			return
		}
		pause(ctx, usualDelay)
	}
}

const ours = `application_name LIKE 'phoneregistry%'`

// terminate ends sessions of the servers, most likely in the middle of a transaction.
func terminate(ctx context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
	var n int
	err := w.database.pool.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM
		(SELECT pid FROM pg_stat_activity WHERE `+ours+` ORDER BY (state = 'active') DESC, random() LIMIT $1) s`, 1+rng.IntN(12)).Scan(&n)
	if err != nil || n == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d", n), nil
}

// killBackend kills one session's process: PostgreSQL then restarts all of them.
func killBackend(ctx context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
	var pid int
	err := w.database.pool.QueryRow(ctx, `SELECT pid FROM pg_stat_activity WHERE `+ours+` ORDER BY (state = 'active') DESC LIMIT 1`).Scan(&pid)
	if err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil {
		return "", nil
	}
	w.tally.killed("postgres", 1)
	return fmt.Sprint(pid), w.awaitDatabase
}

func fillDatabase(_ context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
	if !small(w.database.dir) {
		w.tally.skip("PostgreSQL: disk full", errNoMount.Error())
		return "", nil
	}
	give, err := fill(w.database.dir)
	if err != nil {
		give()
		return "", nil
	}
	return "no byte left", func(ctx context.Context) {
		give()
		w.awaitDatabase(ctx)
	}
}

// restores backs the database up, goes on, throws it away and restores the backup, while NATS still holds what came
// later. Servers are stopped for it, as the runbook says; workers are not.
func restores(first time.Duration) track {
	return track{name: "restore", first: first, gap: [2]time.Duration{time.Minute, 2 * time.Minute}, faults: []fault{{
		name: "backup, wipe and restore of PostgreSQL", lasts: [2]time.Duration{10 * time.Second, 20 * time.Second},
		do: func(ctx context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
			backup, err := w.backUp(ctx)
			if err != nil {
				return "", nil // PostgreSQL is down at this moment
			}
			return "backup taken", func(ctx context.Context) {
				if err := w.restore(ctx, backup); err != nil {
					w.t.Errorf("restore: %v", err)
				}
			}
		},
	}}}
}

func (w *world) backUp(ctx context.Context) (string, error) {
	binaries, err := pgembed.FindBinaries()
	if err != nil {
		return "", err
	}
	password, err := os.ReadFile(filepath.Join(w.database.dir, "postgres.password"))
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(w.dir, "backup-")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(binaries.Dir, "pg_basebackup"), "-D", dir, "-c", "fast", "-X", "stream",
		"-U", "postgres", "-h", filepath.Dir(w.database.socket), "-p", strings.TrimPrefix(filepath.Ext(w.database.socket), "."))
	cmd.Env = append(os.Environ(), "PGPASSWORD="+strings.TrimSpace(string(password)))
	if out, err := cmd.CombinedOutput(); err != nil {
		w.say("%-9s no backup: %v: %s", "restore", err, strings.TrimSpace(string(out)))
		return "", err
	}
	return dir, nil
}

func (w *world) restore(ctx context.Context, backup string) error {
	for _, u := range w.servers {
		u.hold()
	}
	defer func() {
		for _, u := range w.servers {
			u.release()
		}
	}()
	w.tally.killed("server", len(w.servers))
	w.database.using.Lock()
	defer w.database.using.Unlock()
	_ = w.database.current().Stop(ctx) // it may have given up already
	cluster := filepath.Join(w.database.dir, "postgres")
	commands := [][]string{{"rm", "-rf", cluster}, {"cp", "-a", backup, cluster}, {"rm", "-rf", backup}}
	if os.Geteuid() == 0 { // PostgreSQL runs as another user
		commands = append([][]string{{"chown", "-R", "--reference=" + cluster, backup}}, commands...)
	}
	for _, command := range commands {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command[0], err, out)
		}
	}
	if err := w.database.start(ctx); err != nil {
		return err
	}
	w.database.pool.Reset()
	w.restoredAt.Store(time.Now().UnixNano())
	return nil
}
