package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"phoneregistry/internal/config"
)

var flagIn = regexp.MustCompile(`(?:^|[^A-Za-z0-9-])--([a-z][a-z0-9-]+)`)

// ofOthers are flags in the documents that belong to other programs: curl, pg_dump, psql, nats, nginx, npm.
func ofOthers() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields("ack count data-binary data-urlencode defaults deliver filter max-time no-owner pull reference validate") {
		all[name] = true
	}
	return all
}

// pages are the texts of all documents, by their path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	read := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = string(text)
	}
	read("../../README.md")
	err := filepath.WalkDir("../../docs", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".md") && !strings.Contains(path, "conformance.md") {
			read(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDocumentsAndFlags: what the documents name is there, and what is there is named by a document.
func TestDocumentsAndFlags(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("phoneregistry"), kong.DefaultEnvars(config.EnvPrefix))
	if err != nil {
		t.Fatal(err)
	}
	flags, variables := map[string]bool{"help": true}, map[string]bool{config.TokenEnv: true}
	for _, node := range append(parser.Model.Leaves(false), parser.Model.Node) {
		for _, f := range node.Flags {
			if f.Hidden {
				continue
			}
			flags[f.Name] = flags[f.Name] || f.Name == "help"
			for _, name := range f.Envs {
				variables[name] = true
			}
		}
	}
	if len(flags) < 100 || len(variables) < 100 {
		t.Fatalf("only %d flags and %d variables are found", len(flags), len(variables))
	}
	others, variable := ofOthers(), regexp.MustCompile(config.EnvPrefix+`_[A-Z_]*[A-Z]`)
	for path, text := range pages(t) {
		for _, m := range flagIn.FindAllStringSubmatch(text, -1) {
			name := strings.TrimPrefix(m[1], "no-")
			if _, is := flags[m[1]]; is {
				name = m[1]
			}
			switch _, is := flags[name]; {
			case is:
				flags[name] = true
			case !others[m[1]]:
				t.Errorf("%s names --%s, which no command has", path, m[1])
			}
		}
		for _, name := range variable.FindAllString(text, -1) {
			if !variables[name] {
				t.Errorf("%s names %s, which no command reads", path, name)
			}
		}
	}
	for name, named := range flags {
		if !named {
			t.Errorf("no document names --%s", name)
		}
	}
}
