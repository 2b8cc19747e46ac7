package testkit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Statement is a constant of a package that holds SQL.
type Statement struct {
	Constant string
	Name     string // as its comment says: -- name: …
	After    string // the constant with the statement that must have run before, for temporary tables; "": none
	Text     string
}

var (
	nameComment  = regexp.MustCompile(`(?m)^-- name: ([a-z0-9_]+)$`)
	afterComment = regexp.MustCompile(`(?m)^-- after: (\w+)$`)
	verb         = regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|CREATE|TRUNCATE|LOCK|COPY|VALUES)\s`)
)

// Statements reads all constants with SQL from the files of the package in a folder, by the names of the constants.
func Statements(t testing.TB, dir string) map[string]Statement {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	expressions, comments := map[string]ast.Expr{}, map[string]string{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			collectConstants(decl, expressions, comments)
		}
	}
	found := map[string]Statement{}
	for constant, expression := range expressions {
		text, ok := evaluate(expression, expressions)
		if !ok || !verb.MatchString(strings.TrimSpace(text)) {
			continue
		}
		s := Statement{Constant: constant, Text: text}
		if m := nameComment.FindStringSubmatch(comments[constant]); m != nil {
			s.Name = m[1]
		}
		if m := afterComment.FindStringSubmatch(comments[constant]); m != nil {
			s.After = m[1]
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
