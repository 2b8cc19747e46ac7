package pgembed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MinMajor is the oldest major version of PostgreSQL that the schema and the settings work with.
const MinMajor = 15

// Binaries is one installed PostgreSQL server.
type Binaries struct {
	Dir     string // folder with postgres and initdb
	Major   int    // 15, 16, …
	Version string // as it reports itself, such as "15.18 (Debian 15.18-0+deb12u1)"
}

func (b Binaries) path(program string) string { return filepath.Join(b.Dir, program) }

// binaryGlobs are the places outside PATH where package managers put server programs.
func binaryGlobs() []string {
	return []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // PGDG on Fedora, RHEL
		"/usr/libexec/postgresql*",  // Alpine
		"/usr/lib64/pgsql/bin",
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/local/pgsql/bin", // built from source
	}
}

// FindBinaries returns the server that a new data directory would be made with: the one on PATH when it is version
// MinMajor or newer, else the newest elsewhere. The error is one line with the command that installs one.
func FindBinaries() (Binaries, error) {
	return newest(findAll(pathDirs(), knownDirs()))
}

func newest(found []Binaries) (Binaries, error) {
	for _, b := range found {
		if b.Major >= MinMajor {
			return b, nil
		}
	}
	if len(found) > 0 {
		return Binaries{}, fmt.Errorf("%w: %s holds version %d and %d or newer is needed; type: %s",
			ErrNoBinaries, found[0].Dir, found[0].Major, MinMajor, installCommand())
	}
	return Binaries{}, fmt.Errorf("%w (%d or newer is needed); type: %s", ErrNoBinaries, MinMajor, installCommand())
}

// binariesFor returns the server that can open data of the given major version.
func binariesFor(major int, found []Binaries, dataDir string) (Binaries, error) {
	for _, b := range found {
		if b.Major == major {
			return b, nil
		}
	}
	best, err := newest(found)
	if err != nil {
		return Binaries{}, err
	}
	advice := "move the data over with pg_upgrade"
	if major > best.Major {
		advice = "or use another data directory"
	}
	return Binaries{}, fmt.Errorf("%w: %s was written by PostgreSQL %d and the server here is %d; install PostgreSQL %d, %s",
		ErrVersion, dataDir, major, best.Major, major, advice)
}

// pathDirs lists the folders of the server programs on PATH.
func pathDirs() []string {
	var dirs []string
	for _, program := range []string{"postgres", "pg_ctl"} {
		if path, err := exec.LookPath(program); err == nil {
			if resolved, err := filepath.EvalSymlinks(path); err == nil {
				dirs = append(dirs, filepath.Dir(resolved))
			}
		}
	}
	return dirs
}

// knownDirs lists the folders that match binaryGlobs.
func knownDirs() []string {
	var dirs []string
	for _, pattern := range binaryGlobs() {
		matches, _ := filepath.Glob(pattern) // the patterns are constant and well-formed
		dirs = append(dirs, matches...)
	}
	return dirs
}

// findAll asks each folder for its version: the preferred ones first, in their order, then the others, newest first,
// whatever their folders are called.
func findAll(preferred, others []string) []Binaries {
	first := inspectAll(preferred)
	rest := inspectAll(others)
	slices.SortStableFunc(rest, func(a, b Binaries) int { return b.Major - a.Major })
	for _, b := range rest {
		if !slices.ContainsFunc(first, func(f Binaries) bool { return f.Dir == b.Dir }) {
			first = append(first, b)
		}
	}
	return first
}

func inspectAll(dirs []string) []Binaries {
	var found []Binaries
	for _, dir := range dirs {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			dir = resolved
		}
		if slices.ContainsFunc(found, func(b Binaries) bool { return b.Dir == dir }) {
			continue
		}
		if b, ok := inspect(dir); ok {
			found = append(found, b)
		}
	}
	return found
}

func inspect(dir string) (Binaries, bool) {
	if info, err := os.Stat(filepath.Join(dir, "initdb")); err != nil || info.IsDir() {
		return Binaries{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, false
	}
	major, version, ok := parseVersion(string(out))
	return Binaries{Dir: dir, Major: major, Version: version}, ok
}

// parseVersion reads the output of postgres --version: "postgres (PostgreSQL) 15.18 (Debian …)", "… 19beta1".
func parseVersion(out string) (major int, version string, ok bool) {
	_, version, ok = strings.Cut(strings.TrimSpace(out), "(PostgreSQL) ")
	if !ok {
		return 0, "", false
	}
	digits := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(version)
	}
	major, err := strconv.Atoi(version[:digits])
	return major, version, err == nil
}

func installCommand() string {
	managers := []struct{ program, command string }{
		{"apt-get", "sudo apt-get install postgresql"},
		{"dnf", "sudo dnf install postgresql-server"},
		{"apk", "sudo apk add postgresql"},
		{"brew", "brew install postgresql@17"},
	}
	for _, m := range managers {
		if _, err := exec.LookPath(m.program); err == nil {
			if os.Geteuid() == 0 {
				return strings.TrimPrefix(m.command, "sudo ")
			}
			return m.command
		}
	}
	if runtime.GOOS == "darwin" {
		return managers[3].command
	}
	return managers[0].command
}
