package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/testkit"
)

// Every statement has a name of its own, and PostgreSQL understands it.
func TestStatementsArePrepared(t *testing.T) {
	all := testkit.Statements(t, ".")
	if len(all) < 20 {
		t.Fatalf("only %d statements were found", len(all))
	}
	ctx := testkit.Context(t)
	pool := testkit.Pool(t)
	byName := map[string]string{}
	for _, constant := range slices.Sorted(maps.Keys(all)) {
		s := all[constant]
		if s.Name == "" {
			t.Errorf("%s has no comment \"-- name: …\"", constant)
			continue
		}
		if other, taken := byName[s.Name]; taken {
			t.Errorf("%s and %s are both named %s", constant, other, s.Name)
		}
		byName[s.Name] = constant
		tx, err := pool.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s.After != "" {
			if _, err := tx.Exec(ctx, all[s.After].Text); err != nil {
				t.Errorf("%s, which %s needs: %v", s.After, constant, err)
			}
		}
		if err := understood(ctx, tx, s); err != nil {
			t.Errorf("%s: %v", constant, err)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := pool.Exec(ctx, "DEALLOCATE ALL"); err != nil {
			t.Fatal(err)
		}
	}
}

// understood prepares a statement; a COPY, which cannot be prepared, is run without rows.
func understood(ctx context.Context, tx pgx.Tx, s testkit.Statement) error {
	if !strings.HasPrefix(strings.TrimSpace(s.Text), "COPY") {
		_, err := tx.Prepare(ctx, s.Name, s.Text)
		return wrap("prepare", err)
	}
	empty := "PGCOPY\n\xff\r\n\x00" + strings.Repeat("\x00", 8) + "\xff\xff"
	_, err := tx.Conn().PgConn().CopyFrom(ctx, strings.NewReader(empty), s.Text)
	return wrap("copy", err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
