package accesslog_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"phoneregistry/internal/accesslog"
	"phoneregistry/registry"
)

// childDir names the environment variable that makes this program a process that is to be killed.
const childDir = "ACCESSLOG_TEST_DIR"

// nowhere is a store that cannot be reached.
type nowhere struct{ registry.AccessStore }

func (nowhere) AddAccessEntries(context.Context, []registry.AccessEntry) error {
	return errors.New("no store")
}

// TestChild records without end, and tells each entry that was taken. It does nothing unless TestKilled runs it.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return // not the child
	}
	l, err := accesslog.Open(accesslog.Config{Dir: dir, Store: nowhere{}})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		if err := l.Record(registry.Actor{Name: "child", Role: registry.RoleAdmin}, registry.Shown{Operation: fmt.Sprint("op", i), Values: 1}); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("took op%d\n", i)
	}
}

// TestKilled kills a process while it records. Whatever it was told to be taken is there afterwards, in PostgreSQL, once.
func TestKilled(t *testing.T) {
	dir, store := t.TempDir(), newStore(t)
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestChild$")
	command.Env = append(os.Environ(), childDir+"="+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var taken []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if operation, ok := strings.CutPrefix(lines.Text(), "took "); ok {
			taken = append(taken, operation)
		}
		if len(taken) == 500 {
			if err := command.Process.Kill(); err != nil { // SIGKILL; what it has written until it dies is still read
				t.Fatal(err)
			}
		}
	}
	if err := command.Wait(); err == nil {
		t.Fatal("it was not killed")
	}
	if len(taken) > 0 && !strings.HasPrefix(taken[len(taken)-1], "op") || len(taken) < 500 {
		t.Fatalf("%d entries were taken", len(taken))
	}
	for range 2 { // the second one finds nothing to do
		l, err := accesslog.Open(accesslog.Config{Dir: dir, Store: store})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		run(t, l)
	}
	var loaded []string
	for _, e := range all(t, store, registry.AccessFilter{}) {
		loaded = append(loaded, e.Operation)
	}
	slices.Reverse(loaded)
	if len(loaded) > len(taken)+1 || !slices.Equal(loaded[:len(taken)], taken) { // the last may have died before it could tell
		t.Errorf("%d were taken, %d are loaded", len(taken), len(loaded))
	}
}
