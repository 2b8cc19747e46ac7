package pgembed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
)

type setting struct{ name, value string }

// settings are chosen for a registry that takes in millions of rows in batches and is read by key. Each departs from
// PostgreSQL's default for the reason given; what is not named keeps its default.
func settings(memory int64, socketDir string) []setting {
	list := []setting{
		// Reachable through one private socket only.
		{"listen_addresses", ""},
		{"port", socketPort},
		{"unix_socket_directories", socketDir},
		{"unix_socket_permissions", "0700"},
		{"password_encryption", "scram-sha-256"},
		{"max_connections", "100"},

		// Memory: a fifth for the buffers leaves room for the server and the system's cache beside it.
		{"shared_buffers", inMiB(clamp(memory/5, 128*mib, 8*gib))},
		{"effective_cache_size", inMiB(clamp(memory/2, 256*mib, 64*gib))},
		{"maintenance_work_mem", inMiB(clamp(memory/32, 64*mib, 1*gib))},
		{"work_mem", inMiB(clamp(memory/512, 8*mib, 64*mib))},

		// Bulk writes: few, spread checkpoints; synchronous_commit stays on, since the ledger relies on it.
		{"wal_buffers", "16MB"},
		{"max_wal_size", inMiB(clamp(memory/4, 1*gib, 8*gib))},
		{"min_wal_size", "256MB"},
		{"checkpoint_timeout", "15min"},
		{"checkpoint_completion_target", "0.9"},

		// Tables here change in bursts of many rows: vacuum and analyse sooner, and without long pauses.
		{"autovacuum_naptime", "20s"},
		{"autovacuum_vacuum_scale_factor", "0.05"},
		{"autovacuum_vacuum_insert_scale_factor", "0.1"},
		{"autovacuum_analyze_scale_factor", "0.03"},
		{"autovacuum_vacuum_cost_limit", "2000"},

		// Solid-state disks, short statements.
		{"random_page_cost", "1.1"},
		{"jit", "off"},

		// Statements and values must not reach the log: it may hold no phone number. Errors go to the client instead.
		{"log_min_messages", "log"},
		{"log_min_error_statement", "panic"},
		{"log_error_verbosity", "terse"},
		{"log_checkpoints", "off"},
		{"log_autovacuum_min_duration", "-1"},
		{"log_timezone", "UTC"},
		{"timezone", "UTC"},
		{"lc_messages", "C"},
	}
	if runtime.GOOS == "linux" { // elsewhere the system lacks the call, and PostgreSQL refuses to start with it
		list = append(list, setting{"effective_io_concurrency", "200"})
	}
	if smallSharedMemory() {
		list = append(list, setting{"dynamic_shared_memory_type", "sysv"})
	}
	return list
}

// fastSettings give up most memory, and durability against a crash of the machine; a killed PostgreSQL still keeps
// what was committed. For tests that throw their data away.
func fastSettings() []setting {
	return []setting{
		{"fsync", "off"},
		{"full_page_writes", "off"},
		{"shared_buffers", "128MB"},
		{"max_wal_size", "1GB"},
		{"maintenance_work_mem", "64MB"},
		{"max_connections", "200"},
	}
}

const localOnly = "# Written at each start. Nobody but the holder of the password gets in, through the socket only.\n" +
	"local all all scram-sha-256\n" +
	"local replication all scram-sha-256\n"

// writeSettings writes postgresql.conf and pg_hba.conf. An operator's own lines belong in postgres.conf of the data
// directory, which is read last.
func (s *Server) writeSettings(ctx context.Context, socketDir string) error {
	list := settings(availableMemory(), socketDir)
	if s.config.Fast {
		list = append(list, fastSettings()...) // of two lines with one name the later counts
	}
	list = append(list, s.compression(ctx)...)
	var conf strings.Builder
	conf.WriteString("# Written at each start; put your own settings into " + s.layout.overrides() + ".\n")
	for _, one := range list {
		fmt.Fprintf(&conf, "%s = %s\n", one.name, quote(one.value))
	}
	if _, err := os.Stat(s.layout.overrides()); err == nil {
		fmt.Fprintf(&conf, "include = %s\n", quote(s.layout.overrides()))
		if err := s.account.own(s.layout.overrides(), false); err != nil {
			return fmt.Errorf("make %s readable for PostgreSQL: %w", s.layout.overrides(), err)
		}
	}
	for name, content := range map[string]string{"postgresql.conf": conf.String(), "pg_hba.conf": localOnly} {
		path := filepath.Join(s.layout.cluster(), name)
		if err := writeFile(path, []byte(content), 0o600); err != nil {
			return err
		}
		if err := s.account.own(path, false); err != nil {
			return fmt.Errorf("hand over %s: %w", path, err)
		}
	}
	return nil
}

// compression picks lz4 where this build of PostgreSQL has it: pglz costs more time than the smaller log saves.
func (s *Server) compression(ctx context.Context) []setting {
	err := s.run(ctx, "", "postgres", "-D", s.layout.cluster(), "-C", "wal_compression", "-c", "wal_compression=lz4")
	if err != nil {
		return []setting{{"wal_compression", "on"}}
	}
	return []setting{{"wal_compression", "lz4"}, {"default_toast_compression", "lz4"}}
}

func clamp(value, low, high int64) int64 { return max(low, min(value, high)) }

func inMiB(bytes int64) string { return fmt.Sprintf("%dMB", bytes/mib) }

func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }
