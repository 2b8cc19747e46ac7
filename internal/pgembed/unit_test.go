package pgembed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"
)

func TestParseVersion(t *testing.T) {
	for out, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 19beta1\n":                        19,
		"postgres (PostgreSQL) 17":                               17,
		"postgres (PostgreSQL) 9.6.24\n":                         9,
		"postgres (PostgreSQL) devel\n":                          0,
		"mysqld  Ver 8.0\n":                                      0,
		"":                                                       0,
	} {
		major, _, ok := parseVersion(out)
		if ok != (want != 0) || major != want {
			t.Errorf("parseVersion(%q) = %d, %t, want %d", out, major, ok, want)
		}
	}
}

// fakeInstall makes a folder whose postgres reports a version: what FindBinaries looks at.
func fakeInstall(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil { // a program
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindAllPrefersPathThenTheNewest(t *testing.T) {
	v14, v15, v17 := fakeInstall(t, "14.9"), fakeInstall(t, "15.2"), fakeInstall(t, "17.1")
	empty := t.TempDir()
	tests := []struct {
		name              string
		preferred, others []string
		want              int // 0: none fits
	}{
		{"newest of the known places", nil, []string{empty, v15, v17, v14}, 17},
		{"PATH first", []string{v15, v15}, []string{v17, v15}, 15},
		{"too old on PATH", []string{v14}, []string{v15, v17}, 17},
		{"only too old", []string{v14}, nil, 0},
		{"none", []string{empty}, []string{"/does/not/exist"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			best, err := newest(findAll(tt.preferred, tt.others))
			if tt.want == 0 {
				if !errors.Is(err, ErrNoBinaries) || !strings.Contains(err.Error(), "install") {
					t.Errorf("error %v, want ErrNoBinaries with the command that installs one", err)
				}
				return
			}
			if err != nil || best.Major != tt.want {
				t.Errorf("found %+v, %v, want version %d", best, err, tt.want)
			}
		})
	}
	found := findAll([]string{v17}, []string{v15})
	if b, err := binariesFor(15, found, "/data"); err != nil || b.Major != 15 {
		t.Errorf("for data of 15: %+v, %v", b, err)
	}
}

func TestThisMachineHasBinaries(t *testing.T) {
	found, err := FindBinaries()
	if err != nil {
		t.Fatal(err)
	}
	if found.Major < MinMajor || !strings.HasPrefix(found.Version, fmt.Sprint(found.Major)) {
		t.Errorf("found %+v", found)
	}
}

func TestLastLines(t *testing.T) {
	log := "2026-01-01 00:00:00.000 UTC [7] LOG:  starting PostgreSQL 15.18\n" +
		"2026-01-01 00:00:00.000 UTC [7] LOG:  unrecognized configuration parameter \"x\" in file \"/y\" line 1\n" +
		"2026-01-01 00:00:00.000 UTC [7] FATAL:  configuration file \"/z\" contains errors\n" +
		"2026-01-01 00:00:00.000 UTC [7] LOG:  database system is shut down\n\n"
	want := `unrecognized configuration parameter "x" in file "/y" line 1; configuration file "/z" contains errors`
	if got := lastLines(log, 3); got != want {
		t.Errorf("lastLines = %q, want %q", got, want)
	}
	if got := lastLines(log, 1); got != `configuration file "/z" contains errors` {
		t.Errorf("the last line = %q", got)
	}
	if got := lastLines("\n", 3); got == "" {
		t.Error("nothing said about a silent program")
	}
}

func TestTrimLogKeepsTheEndAndTheOpenFile(t *testing.T) {
	l := layout{t.TempDir()}
	writer, err := l.openLog()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	write := func(text string) {
		if _, err := writer.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write("0123456789")
	if err := l.trimLog(10); err != nil {
		t.Fatal(err)
	}
	write("abc")
	if err := l.trimLog(10); err != nil {
		t.Fatal(err)
	}
	write("new")
	for path, want := range map[string]string{l.log(): "new", l.log() + ".1": "3456789abc"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", path, got, err, want)
		}
	}
}

func TestSettingsFitAnyMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := rapid.Int64Range(64*mib, 4096*gib).Draw(t, "memory")
		values := map[string]int64{}
		for _, one := range settings(memory, "/run") {
			var n int64
			if _, err := fmt.Sscanf(one.value, "%dMB", &n); err == nil {
				values[one.name] = n * mib
			}
			if _, twice := values[one.name+" seen"]; twice {
				t.Errorf("%s is set twice", one.name)
			}
			values[one.name+" seen"] = 1
		}
		if got := values["shared_buffers"]; got < 128*mib || got > max(memory/4, 128*mib) {
			t.Errorf("shared_buffers = %d of %d", got, memory)
		}
		if values["min_wal_size"] >= values["max_wal_size"] {
			t.Errorf("min_wal_size %d, max_wal_size %d", values["min_wal_size"], values["max_wal_size"])
		}
	})
	if got := availableMemory(); got < 64*mib {
		t.Errorf("this machine has %d bytes of memory", got)
	}
}

func TestConnectURLSurvivesAnyFolderName(t *testing.T) {
	dir := "/tmp/a b&c=d%2Fé'?#/run"
	config, err := pgx.ParseConfig(connectURL("role", "p:w@/?", dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != dir || config.User != "role" || config.Password != "p:w@/?" || config.Database != "db" || config.Port != 5432 {
		t.Errorf("parsed as host %q user %q database %q port %d", config.Host, config.User, config.Database, config.Port)
	}
}

func TestStartWithoutAFolder(t *testing.T) {
	if _, err := Start(t.Context(), Config{}); err == nil {
		t.Error("Start without DataDir succeeded")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{DataDir: filepath.Join(file, "data")}); err == nil {
		t.Error("Start below a file succeeded")
	}
}

func TestFolderNamesThatNeedQuoting(t *testing.T) {
	mustExec(t, connect(t, mustStart(t, testConfig(t, filepath.Join(tempData(t), "it's a path"))).URL()), "SELECT 1")
}
