package postgres_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/testkit"
)

// statement is a constant of this package that holds SQL.
type statement struct {
	constant string
	name     string // as its comment says
	after    string // the constant with the statement that must have run before, for temporary tables; "": none
	text     string
}

var (
	nameComment  = regexp.MustCompile(`(?m)^-- name: ([a-z0-9_]+)$`)
	afterComment = regexp.MustCompile(`(?m)^-- after: (\w+)$`)
	verb         = regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|CREATE|TRUNCATE|LOCK|COPY|VALUES)\s`)
)

// statements reads all constants with SQL from the files of this package.
func statements(t *testing.T) map[string]statement {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	expressions, comments := map[string]ast.Expr{}, map[string]string{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			collectConstants(decl, expressions, comments)
		}
	}
	found := map[string]statement{}
	for constant, expression := range expressions {
		text, ok := evaluate(expression, expressions)
		if !ok || !verb.MatchString(strings.TrimSpace(text)) {
			continue
		}
		s := statement{constant: constant, text: text}
		if m := nameComment.FindStringSubmatch(comments[constant]); m != nil {
			s.name = m[1]
		}
		if m := afterComment.FindStringSubmatch(comments[constant]); m != nil {
			s.after = m[1]
		}
		found[constant] = s
	}
	return found
}

func collectConstants(decl ast.Decl, expressions map[string]ast.Expr, comments map[string]string) {
	group, ok := decl.(*ast.GenDecl)
	if !ok || group.Tok != token.CONST {
		return
	}
	for _, spec := range group.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		doc := value.Doc
		if doc == nil && !group.Lparen.IsValid() {
			doc = group.Doc
		}
		for i, name := range value.Names {
			if i < len(value.Values) {
				expressions[name.Name] = value.Values[i]
				if doc != nil {
					comments[name.Name] = doc.Text()
				}
			}
		}
	}
}

// evaluate returns the value of a constant expression of strings.
func evaluate(e ast.Expr, constants map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.Ident:
		of, ok := constants[e.Name]
		if !ok {
			return "", false
		}
		return evaluate(of, constants)
	case *ast.BinaryExpr:
		left, okLeft := evaluate(e.X, constants)
		right, okRight := evaluate(e.Y, constants)
		return left + right, okLeft && okRight && e.Op == token.ADD
	}
	return "", false
}

// Every statement has a name of its own, and PostgreSQL understands it.
func TestStatementsArePrepared(t *testing.T) {
	all := statements(t)
	if len(all) < 20 {
		t.Fatalf("only %d statements were found", len(all))
	}
	ctx := testkit.Context(t)
	pool := testkit.Pool(t)
	byName := map[string]string{}
	for _, constant := range slices.Sorted(maps.Keys(all)) {
		s := all[constant]
		if s.name == "" {
			t.Errorf("%s has no comment \"-- name: …\"", constant)
			continue
		}
		if other, taken := byName[s.name]; taken {
			t.Errorf("%s and %s are both named %s", constant, other, s.name)
		}
		byName[s.name] = constant
		tx, err := pool.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s.after != "" {
			if _, err := tx.Exec(ctx, all[s.after].text); err != nil {
				t.Errorf("%s, which %s needs: %v", s.after, constant, err)
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
func understood(ctx context.Context, tx pgx.Tx, s statement) error {
	if !strings.HasPrefix(strings.TrimSpace(s.text), "COPY") {
		_, err := tx.Prepare(ctx, s.name, s.text)
		return wrap("prepare", err)
	}
	empty := "PGCOPY\n\xff\r\n\x00" + strings.Repeat("\x00", 8) + "\xff\xff"
	_, err := tx.Conn().PgConn().CopyFrom(ctx, strings.NewReader(empty), s.text)
	return wrap("copy", err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
