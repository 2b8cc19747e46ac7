// Command access checks that a schema says of each field who may ask for it, and writes for people what it says.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph/access"
)

func main() {
	schema := flag.String("schema", "schema.graphqls", "the schema")
	out := flag.String("o", "", "file to write; none: only check")
	flag.Parse()
	if err := run(*schema, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(file, out string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: file, Input: string(text)})
	if err != nil {
		return err
	}
	var problems []error
	for _, problem := range access.Problems(schema) {
		problems = append(problems, errors.New(file+": "+problem))
	}
	if len(problems) > 0 || out == "" {
		return errors.Join(problems...)
	}
	return os.WriteFile(out, []byte(access.Table(schema)), 0o644) //nolint:gosec // documentation, for everybody to read
}
