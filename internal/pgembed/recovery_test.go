package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestTakesOverWhatAKilledServerLeft(t *testing.T) {
	config := testConfig(t, newData(t))
	server, postgres := otherServer(t, config.DataDir)
	killServer(t, server)
	if !isPostmasterOf(postgres, layout{config.DataDir}.cluster()) {
		t.Fatal("PostgreSQL did not outlive its server")
	}

	s := mustStart(t, config)
	if s.PID() != postgres {
		t.Errorf("runs as %d, want %d of the earlier server", s.PID(), postgres)
	}
	if got := queryText(t, connect(t, s.URL()), "SELECT 'taken over'"); got != "taken over" {
		t.Error(got)
	}
	mustStop(t, s)
	if isPostmasterOf(postgres, s.layout.cluster()) {
		t.Error("Stop left it running")
	}
}

func TestTakenOverAndKilledIsRestarted(t *testing.T) {
	config := testConfig(t, newData(t))
	server, postgres := otherServer(t, config.DataDir)
	killServer(t, server)
	s := mustStart(t, config)
	killPostmaster(t, s)
	eventually(t, "PostgreSQL restarted", func() bool { return s.PID() != postgres })
	if got := queryText(t, connect(t, s.URL()), "SELECT 'again'"); got != "again" {
		t.Error(got)
	}
}

func TestRecoversAfterEverythingWasKilled(t *testing.T) {
	for _, where := range []string{"", strings.Repeat("long", 30)} { // socket inside and outside the data directory
		t.Run("path+"+fmt.Sprint(len(where)), func(t *testing.T) {
			dir := tempData(t)
			config := testConfig(t, filepath.Join(dir, where))
			server, postgres := otherServer(t, config.DataDir)
			url, err := RunningURL(config.DataDir)
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, connect(t, url), "CREATE TABLE kept AS SELECT 42 AS answer")
			socket, err := readPIDFile(layout{config.DataDir}.pidFile())
			if err != nil {
				t.Fatal(err)
			}
			killServer(t, server)
			if err := syscall.Kill(postgres, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}

			s := mustStart(t, config) // at once: backends of the killed one may still be around
			if s.PID() == postgres {
				t.Error("took over a killed process")
			}
			if got := queryText(t, connect(t, s.URL()), "SELECT answer::text FROM kept"); got != "42" {
				t.Errorf("the table holds %q", got)
			}
			if where == "" {
				return
			}
			if _, err := os.Stat(socket.socketDir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the killed server's socket folder is left: %v", err)
			}
		})
	}
}

func killPostmaster(t *testing.T, s *Server) {
	t.Helper()
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestRestartsAPostgresThatDies(t *testing.T) {
	s := mustStart(t, testConfig(t, newData(t)))
	url := s.URL()
	mustExec(t, connect(t, url), "CREATE TABLE kept AS SELECT 42 AS answer")
	signals := map[string]syscall.Signal{"killed": syscall.SIGKILL, "immediate": syscall.SIGQUIT, "stopped": syscall.SIGINT}
	for name, signal := range signals {
		pid := s.PID()
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+": PostgreSQL restarted", func() bool { return s.PID() != pid })
		if got := queryText(t, connect(t, url), "SELECT answer::text FROM kept"); got != "42" {
			t.Errorf("%s: the table holds %q", name, got)
		}
	}
}

func TestASessionAtWorkDoesNotHinderTheRestart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells which processes belong to a PostgreSQL that is dead")
	}
	s := mustStart(t, testConfig(t, newData(t)))
	busy, watcher := connect(t, s.URL()), connect(t, s.URL())
	ended := make(chan error, 1)
	go func() { // never looks up from its work, and so does not notice that PostgreSQL has died
		_, err := busy.Exec(context.WithoutCancel(t.Context()), "DO $$ BEGIN LOOP END LOOP; END $$")
		ended <- err
	}()
	eventually(t, "the session at work", func() bool {
		return queryText(t, watcher, "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'") == "1"
	})
	pid := s.PID()
	killPostmaster(t, s)
	eventually(t, "PostgreSQL restarted", func() bool { return s.PID() != pid })
	if err := <-ended; err == nil {
		t.Error("the endless statement came to an end")
	}
	mustExec(t, connect(t, s.URL()), "SELECT 1")
}

func TestGivesUpOnAPostgresThatCannotBeRestarted(t *testing.T) {
	config := testConfig(t, newData(t))
	config.restartDelays = []time.Duration{0, time.Millisecond}
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.layout.cluster(), "global", "pg_control")); err != nil {
		t.Fatal(err)
	}
	killPostmaster(t, s)
	<-s.Done()
	if err := s.Err(); !errors.Is(err, ErrStart) {
		t.Errorf("Err: %v, want ErrStart", err)
	}
	if err := s.Stop(t.Context()); !errors.Is(err, ErrStart) {
		t.Errorf("Stop: %v, want the same", err)
	}
	mustNotStart(t, config, ErrStart, "pg_control")
}

func TestStopDuringARestart(t *testing.T) {
	config := testConfig(t, newData(t))
	config.restartDelays = []time.Duration{time.Hour}
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	killPostmaster(t, s)
	<-s.current.Load().gone
	mustStop(t, s)
	mustStart(t, config)
}

func TestStalePIDFileOfALivingProcess(t *testing.T) {
	config := testConfig(t, newData(t))
	s := mustStart(t, config)
	mustStop(t, s)
	// After a restart of a container the number of the dead PostgreSQL often belongs to another process.
	stale := fmt.Sprintf("%d\n%s\n1700000000\n5432\n%s\n\n  1234567  99999999\nready   \n",
		os.Getpid(), s.layout.cluster(), s.socketDir)
	for name, content := range map[string]string{"other process": stale, "empty": "", "garbage": "\x00\xff\n"} {
		if err := os.WriteFile(s.layout.pidFile(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.account.own(s.layout.pidFile(), false); err != nil {
			t.Fatal(err)
		}
		again, err := Start(t.Context(), config)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mustStop(t, again)
	}
}

func TestUnfinishedDataIsMadeAnew(t *testing.T) {
	config := testConfig(t, tempData(t))
	l := layout{config.DataDir}
	unfinished := filepath.Join(l.root, l.newPrefix()+"123", "base")
	for _, dir := range []string{unfinished, l.cluster()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := mustStart(t, config)
	if _, err := os.Stat(filepath.Dir(unfinished)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished folder is left: %v", err)
	}
	mustStop(t, s)
}

func TestDataMovedToAnotherDisk(t *testing.T) {
	config := testConfig(t, newData(t))
	elsewhere := filepath.Join(tempData(t), "disk")
	cluster := layout{config.DataDir}.cluster()
	if err := errors.Join(os.Rename(cluster, elsewhere), os.Symlink(elsewhere, cluster)); err != nil {
		t.Fatal(err)
	}
	server, postgres := otherServer(t, config.DataDir)
	killServer(t, server)
	s := mustStart(t, config)
	if s.PID() != postgres {
		t.Errorf("runs as %d, want %d of the earlier server", s.PID(), postgres)
	}
	killPostmaster(t, s)
	eventually(t, "PostgreSQL restarted", func() bool { return s.PID() != postgres })
	mustStop(t, s)

	empty := filepath.Join(tempData(t), "empty")
	if err := errors.Join(os.Mkdir(empty, 0o700), os.Remove(cluster), os.Symlink(empty, cluster)); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, config, ErrNotACluster, cluster, "link")
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	config := testConfig(t, tempData(t))
	precious := filepath.Join(config.DataDir, "postgres", "thesis.txt")
	if err := os.Mkdir(filepath.Dir(precious), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(precious, []byte("…"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, config, ErrNotACluster, filepath.Dir(precious))
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestDataOfAnotherVersion(t *testing.T) {
	config := testConfig(t, newData(t))
	s := mustStart(t, config)
	mustStop(t, s)
	path := filepath.Join(s.layout.cluster(), "PG_VERSION")
	for _, version := range []string{"99", "9"} {
		if err := os.WriteFile(path, []byte(version+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		mustNotStart(t, config, ErrVersion, "PostgreSQL "+version, s.layout.cluster(), fmt.Sprint(s.binaries.Major))
	}
}

func TestLostOrReplacedPassword(t *testing.T) {
	config := testConfig(t, newData(t))
	s := mustStart(t, config)
	mustStop(t, s)
	path := s.layout.password()
	steps := []struct {
		name   string
		change func() error
	}{
		{"lost", func() error { return os.Remove(path) }},
		{"replaced", func() error { return os.WriteFile(path, []byte("another\n"), 0o600) }},
		{"emptied", func() error { return os.WriteFile(path, nil, 0o600) }},
	}
	for _, step := range steps {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		again, err := Start(t.Context(), config)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		mustExec(t, connect(t, again.URL()), "SELECT 1")
		mustExec(t, connect(t, again.AdminURL()), "SELECT 1")
		mustStop(t, again)
	}

	server, postgres := otherServer(t, config.DataDir)
	killServer(t, server)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	again := mustStart(t, config)
	if again.PID() == postgres {
		t.Error("took over a PostgreSQL whose password is lost, without a restart")
	}
	mustExec(t, connect(t, again.URL()), "SELECT 1")
}

func TestDieWithParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with its parent")
	}
	config := testConfig(t, newData(t))
	server, postgres := otherServer(t, config.DataDir, dieEnv+"=1")
	killServer(t, server)
	eventually(t, "PostgreSQL ended with its server", func() bool {
		return !isPostmasterOf(postgres, layout{config.DataDir}.cluster())
	})
}

func TestRootHandsPostgresToAnotherUser(t *testing.T) {
	needRoot(t)
	dir := tempData(t)
	config := testConfig(t, filepath.Join(dir, "data"))
	if err := os.Mkdir(config.DataDir, 0o700); err != nil { // as other parts of the server make it
		t.Fatal(err)
	}
	s := mustStart(t, config)
	info, err := os.Stat(fmt.Sprintf("/proc/%d", s.PID()))
	if err != nil {
		t.Skip("no /proc here to see whom a process runs as")
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid == 0 || int(uid) != s.account.uid {
		t.Errorf("PostgreSQL runs as user %d, want %d", uid, s.account.uid)
	}
	mustStop(t, s)

	// A backup put back by root belongs to root.
	if err := (account{switched: true}).own(s.layout.cluster(), true); err != nil {
		t.Fatal(err)
	}
	mustStop(t, mustStart(t, config))

	// Data made as nobody, before a user postgres existed, stays with nobody.
	nobody, err := accountOf(65534)
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.own(s.layout.cluster(), true); err != nil {
		t.Fatal(err)
	}
	as := mustStart(t, config)
	if as.account.uid != nobody.uid {
		t.Errorf("runs as %d, want the owner of the data %d", as.account.uid, nobody.uid)
	}
	mustStop(t, as)

	// Data of a user who runs phoneregistry himself is not root's to run.
	if err := nobody.own(config.DataDir, false); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, config, ErrForeignOwner, config.DataDir, nobody.name)
}

func TestRootsPrivateFolderIsOutOfReach(t *testing.T) {
	needRoot(t)
	dir := tempData(t)
	private := filepath.Join(dir, "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	config := testConfig(t, filepath.Join(private, "some", "data"))
	mustNotStart(t, config, ErrNotEnterable, private+";", "chmod o+x "+private)
	if left, err := os.ReadDir(private); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.MkdirAll(config.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, config, ErrNotEnterable, private+";")
}

func TestConnectionsComeBackAfterARestart(t *testing.T) {
	s := mustStart(t, testConfig(t, newData(t)))
	old := connect(t, s.URL())
	pid := s.PID()
	killPostmaster(t, s)
	eventually(t, "the old session ended", func() bool {
		_, err := old.Exec(t.Context(), "SELECT 1")
		return err != nil
	})
	eventually(t, "PostgreSQL restarted", func() bool { return s.PID() != pid })
	conn, err := pgx.Connect(context.Background(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(context.Background())
}

func TestNotReadyInTime(t *testing.T) {
	config := testConfig(t, newData(t))
	mustStop(t, mustStart(t, config))
	config.StartTimeout = time.Nanosecond
	mustNotStart(t, config, ErrStart, "not ready after 1ns")
}
