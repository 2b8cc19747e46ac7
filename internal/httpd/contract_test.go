package httpd_test

import (
	"os"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"phoneregistry/internal/httpd"
)

// TestTheContractIsKept: whatever is added, what programs of others were written for stays as it is: names, types, what may
// be null, and what need not be told.
func TestTheContractIsKept(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.graphql")
	must(t, err)
	contract, err := parser.ParseSchema(&ast.Source{Name: "contract.graphql", Input: string(text)})
	must(t, err)
	served := httpd.Schema()
	for _, promised := range contract.Definitions {
		def := served.Types[promised.Name]
		if def == nil || def.Kind != promised.Kind {
			t.Errorf("%s is gone, or something else", promised.Name)
			continue
		}
		if promised.Directives.ForName("oneOf") != nil && def.Directives.ForName("oneOf") == nil {
			t.Errorf("%s is no @oneOf any more", promised.Name)
		}
		for _, name := range promised.Interfaces {
			if !implements(def, name) {
				t.Errorf("%s does not implement %s any more", def.Name, name)
			}
		}
		for _, value := range promised.EnumValues {
			if def.EnumValues.ForName(value.Name) == nil {
				t.Errorf("%s.%s is gone", def.Name, value.Name)
			}
		}
		keepsFields(t, def, promised)
	}
}

func implements(def *ast.Definition, name string) bool {
	for _, i := range def.Interfaces {
		if i == name {
			return true
		}
	}
	return false
}

// keepsFields compares fields, and of inputs and arguments that none is needed that was not.
func keepsFields(t *testing.T, def, promised *ast.Definition) {
	t.Helper()
	for _, want := range promised.Fields {
		f := def.Fields.ForName(want.Name)
		if f == nil || f.Type.String() != want.Type.String() {
			t.Errorf("%s.%s is gone, or no %s any more", def.Name, want.Name, want.Type)
			continue
		}
		for _, a := range want.Arguments {
			if got := f.Arguments.ForName(a.Name); got == nil || got.Type.String() != a.Type.String() {
				t.Errorf("%s.%s(%s:) is gone, or no %s any more", def.Name, f.Name, a.Name, a.Type)
			}
		}
		for _, a := range f.Arguments {
			if want.Arguments.ForName(a.Name) == nil && a.Type.NonNull && a.DefaultValue == nil {
				t.Errorf("%s.%s(%s:) is needed, which was not", def.Name, f.Name, a.Name)
			}
		}
	}
	if def.Kind != ast.InputObject {
		return
	}
	for _, f := range def.Fields {
		if promised.Fields.ForName(f.Name) == nil && f.Type.NonNull && f.DefaultValue == nil {
			t.Errorf("%s.%s is needed, which was not", def.Name, f.Name)
		}
	}
}

// TestEverythingIsDescribed: each type, field, argument and value says what it is, and what goes says what to use.
func TestEverythingIsDescribed(t *testing.T) {
	need := func(where, description string) {
		if description == "" {
			t.Errorf("%s is not described", where)
		}
	}
	for _, def := range httpd.Schema().Types {
		if def.BuiltIn {
			continue
		}
		need(def.Name, def.Description)
		for _, v := range def.EnumValues {
			need(def.Name+"."+v.Name, v.Description)
		}
		for _, f := range def.Fields {
			if len(f.Name) > 2 && f.Name[:2] == "__" {
				continue
			}
			need(def.Name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				need(def.Name+"."+f.Name+"("+a.Name+":)", a.Description)
			}
		}
	}
}
