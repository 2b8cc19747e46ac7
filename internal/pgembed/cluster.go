package pgembed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// clusterMajor returns the major version that wrote the cluster folder, or 0 when there is no cluster yet. An empty
// folder counts as none and is removed; one with foreign files is ErrNotACluster, and so is an empty one that cannot
// be replaced by a rename because it is a link or a mount.
func clusterMajor(dir string) (int, error) {
	content, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err == nil {
		major, err := strconv.Atoi(strings.TrimSpace(string(content)))
		if err != nil {
			return 0, fmt.Errorf("%w: %s/PG_VERSION is damaged", ErrNotACluster, dir)
		}
		return major, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("read version of %s: %w", dir, err)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("read %s: %w", dir, err)
	case len(entries) > 0:
		return 0, fmt.Errorf("%w: %s holds other files; move them away or use another data directory", ErrNotACluster, dir)
	}
	if resolved, err := filepath.EvalSymlinks(dir); err != nil || resolved != dir || os.Remove(dir) != nil {
		return 0, fmt.Errorf("%w: %s is an empty link or mount; link or mount the folder above it instead", ErrNotACluster, dir)
	}
	return 0, nil
}

// removeUnfinished clears away clusters that a crash left under construction.
func (l layout) removeUnfinished() error {
	entries, err := os.ReadDir(l.root)
	if err != nil {
		return fmt.Errorf("read data directory: %w", err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), l.newPrefix()) {
			if err := os.RemoveAll(filepath.Join(l.root, entry.Name())); err != nil {
				return fmt.Errorf("remove unfinished data: %w", err)
			}
		}
	}
	return nil
}

// createCluster makes the cluster, its role and its database in a folder beside the final one and then renames it, so
// that the final folder is either whole or absent.
func (s *Server) createCluster(ctx context.Context) error {
	dir, err := os.MkdirTemp(s.layout.root, s.layout.newPrefix())
	if err != nil {
		return fmt.Errorf("make folder for PostgreSQL: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // gone after the rename
	if err := s.account.own(dir, false); err != nil {
		return fmt.Errorf("make folder for PostgreSQL: %w", err)
	}
	if err := s.initdb(ctx, dir); err != nil {
		return err
	}
	statements := []string{
		"ALTER ROLE " + superuser + " PASSWORD '" + s.password + "'",
		"CREATE ROLE " + role + " LOGIN CREATEDB PASSWORD '" + s.password + "'",
		"GRANT pg_monitor, pg_checkpoint TO " + role,
		"CREATE DATABASE " + database + " OWNER " + role,
		"REVOKE ALL ON DATABASE " + database + " FROM PUBLIC",
	}
	if err := s.singleUser(ctx, dir, statements, "-c", "fsync=off"); err != nil { // synced as a whole below
		return err
	}
	if !s.config.Fast {
		if err := s.run(ctx, "", "initdb", "--sync-only", "-D", dir); err != nil {
			return err
		}
	}
	if err := os.Rename(dir, s.layout.cluster()); err != nil {
		return fmt.Errorf("put new PostgreSQL data in place: %w", err)
	}
	return syncDir(s.layout.root)
}

// initdb makes an empty cluster that nobody can log into. Text compares by bytes (C): indexes then survive updates of
// the system's collation tables. Upper and lower case follow Unicode where the system has C.UTF-8.
func (s *Server) initdb(ctx context.Context, dir string) error {
	args := []string{
		"-D", dir, "-U", superuser, "--auth=reject", "--encoding=UTF8", "--locale=C", "--data-checksums",
		"--no-sync", "--no-instructions",
	}
	if runtime.GOOS == "linux" {
		if err := s.run(ctx, "", "initdb", append(args, "--lc-ctype=C.UTF-8")...); err == nil {
			return nil
		}
	}
	return s.run(ctx, "", "initdb", args...)
}

// resetPassword gives both roles the password of the password file. Needed when that file was lost or replaced.
func (s *Server) resetPassword(ctx context.Context) error {
	s.log.Info("postgres password is set anew", "data_dir", s.layout.root)
	return s.singleUser(ctx, s.layout.cluster(), []string{
		"ALTER ROLE " + superuser + " PASSWORD '" + s.password + "'",
		"ALTER ROLE " + role + " PASSWORD '" + s.password + "'",
	})
}

// singleUser runs statements on a stopped cluster. The stand-alone server asks for no password, and takes one
// statement a line.
func (s *Server) singleUser(ctx context.Context, dir string, statements []string, options ...string) error {
	args := []string{"--single", "-D", dir, "-c", "exit_on_error=on", "-c", "log_min_messages=fatal"}
	return s.run(ctx, strings.Join(statements, "\n")+"\n", "postgres", append(append(args, options...), "postgres")...)
}

// run runs one of PostgreSQL's programs to its end. What it printed is told only when it failed.
func (s *Server) run(ctx context.Context, stdin, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, s.binaries.path(program), args...)
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.SysProcAttr = s.account.attributes()
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %s: %w: %s", ErrStart, program, err, lastLines(out.String(), 3))
	}
	return nil
}
