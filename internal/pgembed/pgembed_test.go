package pgembed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"phoneregistry/internal/dirlock"
)

func TestStartStopAndStartAgain(t *testing.T) {
	dir := tempData(t)
	config := testConfig(t, filepath.Join(dir, "not", "there", "yet"))
	if err := os.MkdirAll(filepath.Dir(config.DataDir), 0o755); err != nil { // PostgreSQL's user must pass
		t.Fatal(err)
	}
	first := mustStart(t, config)
	conn := connect(t, first.URL())
	for sql, want := range map[string]string{
		"SELECT current_user::text":                                        "phoneregistry",
		"SELECT current_database()::text":                                  "phoneregistry",
		"SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user": "false",
		"SHOW listen_addresses":                                            "",
		"SHOW server_encoding":                                             "UTF8",
		"SHOW jit":                                                         "off",
		"SHOW data_checksums":                                              "on",
	} {
		if got := queryText(t, conn, sql); got != want {
			t.Errorf("%s = %q, want %q", sql, got, want)
		}
	}
	own, err := unix.Getsid(0)
	other, otherErr := unix.Getsid(first.PID())
	if err := errors.Join(err, otherErr); err != nil || own == other {
		t.Errorf("PostgreSQL runs in session %d, this process in %d: %v; Ctrl-C would reach both", other, own, err)
	}
	mustExec(t, conn, "CREATE TABLE kept AS SELECT 42 AS answer")
	url, pid := first.URL(), first.PID()
	mustStop(t, first)
	mustStop(t, first) // again: harmless
	if err := first.Err(); err != nil {
		t.Errorf("Err after Stop: %v", err)
	}

	second := mustStart(t, config)
	if second.URL() != url {
		t.Error("the URL changed from one start to the next")
	}
	if second.PID() == pid {
		t.Error("the second start has the process of the first")
	}
	if got := queryText(t, connect(t, second.URL()), "SELECT answer::text FROM kept"); got != "42" {
		t.Errorf("after the restart the table holds %q", got)
	}
	mustExec(t, connect(t, second.AdminURL()), "CHECKPOINT")
}

func TestSafeByDefault(t *testing.T) {
	config := testConfig(t, newData(t))
	config.Fast = false
	conn := connect(t, mustStart(t, config).URL())
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit", "autovacuum"} {
		if got := queryText(t, conn, "SHOW "+name); got != "on" {
			t.Errorf("%s is %s", name, got)
		}
	}
}

func TestPasswordIsNeededAndKeptPrivate(t *testing.T) {
	config := testConfig(t, tempData(t))
	s := mustStart(t, config)
	for path, want := range map[string]os.FileMode{s.layout.password(): 0o600, s.socketDir: 0o700, s.layout.cluster(): 0o700, s.layout.log(): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	for _, user := range []string{role, superuser} {
		conn, err := pgx.Connect(t.Context(), connectURL(user, "wrong", s.socketDir, database))
		if !isAuthFailure(err) {
			t.Errorf("%s with a wrong password: %v, want a refusal", user, err)
		}
		if err == nil {
			_ = conn.Close(t.Context())
		}
	}
}

func TestNoValueReachesTheLog(t *testing.T) {
	s := mustStart(t, testConfig(t, newData(t)))
	conn := connect(t, s.URL())
	mustExec(t, conn, "CREATE TABLE numbers (number bigint PRIMARY KEY)")
	mustExec(t, conn, "INSERT INTO numbers VALUES (573001234567)")
	for _, sql := range []string{
		"INSERT INTO numbers VALUES (573001234567)",
		"SELECT '573001234567x'::bigint",
		"SELECT 573001234567 FROM",
		"DO $$ BEGIN RAISE WARNING '573001234567'; END $$",
	} {
		_, _ = conn.Exec(t.Context(), sql) // the failure is the point
	}
	mustStop(t, s)
	log, err := os.ReadFile(s.layout.log())
	if err != nil {
		t.Fatal(err)
	}
	if len(log) == 0 || strings.Contains(string(log), "573001234567") {
		t.Errorf("log is empty or holds a number:\n%s", log)
	}
}

func TestDirectoryInUse(t *testing.T) {
	config := testConfig(t, newData(t))
	s := mustStart(t, config)
	mustNotStart(t, config, ErrInUse, s.layout.lock())
	_, err := Start(t.Context(), config)
	var held *dirlock.HeldError
	if !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("Start: %v, want a HeldError with pid %d", err, os.Getpid())
	}
	if got := queryText(t, connect(t, s.URL()), "SELECT 'served'"); got != "served" {
		t.Error("the first server was disturbed")
	}
}

func TestRunningURL(t *testing.T) {
	config := testConfig(t, tempData(t))
	if _, err := RunningURL(config.DataDir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before the first start: %v, want ErrNotRunning", err)
	}
	s := mustStart(t, config)
	if url, err := RunningURL(config.DataDir); err != nil || url != s.URL() {
		t.Errorf("RunningURL differs from URL: %v", err)
	}
	mustStop(t, s)
	if _, err := RunningURL(config.DataDir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Stop: %v, want ErrNotRunning", err)
	}
}

func TestLongPathGetsAShortSocketFolder(t *testing.T) {
	dir := filepath.Join(tempData(t), strings.Repeat("long", 30))
	config := testConfig(t, dir)
	s := mustStart(t, config)
	short := s.socketDir
	if filepath.Dir(short) == dir || !socketFits(short) {
		t.Errorf("socket lies in %s", short)
	}
	info, err := os.Stat(short)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder: %v, %v, want mode 0700", info, err)
	}
	conn := connect(t, s.URL())
	if got := queryText(t, conn, "SELECT 'reached'"); got != "reached" {
		t.Error(got)
	}
	mustStop(t, s)
	if _, err := os.Stat(short); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("socket folder is left behind: %v", err)
	}
}

func TestOperatorSettingsAreReadLast(t *testing.T) {
	config := testConfig(t, newData(t))
	overrides := layout{config.DataDir}.overrides()
	if err := os.WriteFile(overrides, []byte("work_mem = '33MB'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustStart(t, config)
	if got := queryText(t, connect(t, s.URL()), "SHOW work_mem"); got != "33MB" {
		t.Errorf("work_mem is %s", got)
	}
	mustStop(t, s)
	if err := os.WriteFile(overrides, []byte("no_such_setting = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, config, ErrStart, "no_such_setting", layout{config.DataDir}.log())
}

func TestStopGivenNoTimeLosesNothing(t *testing.T) {
	config := testConfig(t, newData(t))
	s := mustStart(t, config)
	conn := connect(t, s.URL())
	mustExec(t, conn, "CREATE TABLE kept AS SELECT 42 AS answer")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ended); err != nil {
		t.Fatal(err)
	}
	if isPostmasterOf(s.PID(), s.layout.cluster()) {
		t.Fatal("still running")
	}
	if got := queryText(t, connect(t, mustStart(t, config).URL()), "SELECT answer::text FROM kept"); got != "42" {
		t.Errorf("the table holds %q", got)
	}
}

func TestStartGivenUpByTheCaller(t *testing.T) {
	config := testConfig(t, tempData(t))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ended, config); !errors.Is(err, context.Canceled) {
		t.Fatalf("Start: %v, want context.Canceled", err)
	}
	left, err := filepath.Glob(filepath.Join(config.DataDir, layout{}.newPrefix()+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	mustStart(t, config)
}

func TestAsAnOrdinaryUser(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	config := testConfig(t, t.TempDir())
	s := mustStart(t, config)
	if owner, err := ownerOf(s.layout.cluster()); err != nil || owner != os.Geteuid() {
		t.Errorf("the cluster belongs to %d: %v", owner, err)
	}
	mustNotStart(t, config, ErrInUse)
	mustStop(t, s)
	mustStart(t, config)
	mustNotStart(t, testConfig(t, "/"), ErrForeignOwner, "root")
	mustNotStart(t, testConfig(t, "/not-mine/data"), ErrForeignOwner, "/not-mine")
}
