package webservice_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/webservice"
)

// at walks down a decoded document.
func at(t *testing.T, node any, path ...string) any {
	t.Helper()
	for i, key := range path {
		object, ok := node.(map[string]any)
		if !ok {
			t.Fatalf("%s is not an object", strings.Join(path[:i], "."))
		}
		if node, ok = object[key]; !ok {
			t.Fatalf("%s is missing", strings.Join(path[:i+1], "."))
		}
	}
	return node
}

func document(t *testing.T) any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "validator-openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.UnmarshalWithOptions(data, &doc, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestDocumentFits holds docs/validator-openapi.yaml to the types that are sent and read.
func TestDocumentFits(t *testing.T) {
	doc := document(t)
	if got := at(t, doc, "openapi"); got != "3.1.0" {
		t.Errorf("openapi is %v", got)
	}
	schemas := at(t, doc, "components", "schemas")
	for name, value := range map[string]any{"Request": webservice.Request{}, "Response": webservice.Response{}, "Result": webservice.Result{}} {
		var fields, required []string
		for f := range reflect.TypeOf(value).Fields() {
			field, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields = append(fields, field)
			if options != "omitempty" {
				required = append(required, field)
			}
		}
		if diff := cmp.Diff(sorted(fields), sorted(keys(at(t, schemas, name, "properties")))); diff != "" {
			t.Errorf("%s: properties (-type +document):\n%s", name, diff)
		}
		if diff := cmp.Diff(sorted(required), sorted(texts(at(t, schemas, name, "required")))); diff != "" {
			t.Errorf("%s: required (-type +document):\n%s", name, diff)
		}
	}
	for _, name := range []string{"Request", "Response"} {
		if got := at(t, schemas, name, "properties", "version", "const"); !equalNumber(got, webservice.Version) {
			t.Errorf("%s: version is %v", name, got)
		}
	}
	for _, p := range scoring.Checkable() {
		if !slices.Contains(texts(at(t, schemas, "Platform", "enum")), string(p)) {
			t.Errorf("platform %s is missing", p)
		}
	}
	if got := len(texts(at(t, schemas, "Platform", "enum"))); got != len(scoring.Checkable()) {
		t.Errorf("%d platforms", got)
	}
	for _, s := range texts(at(t, schemas, "Status", "enum")) {
		if !scoring.Status(s).Valid() {
			t.Errorf("status %s does not exist", s)
		}
	}
	if got := len(texts(at(t, schemas, "Status", "enum"))); got != 7 {
		t.Errorf("%d statuses", got)
	}
	checkReferences(t, doc, doc)
}

func checkReferences(t *testing.T, doc, node any) {
	t.Helper()
	switch v := node.(type) {
	case map[string]any:
		for key, value := range v {
			if key == "$ref" {
				at(t, doc, strings.Split(strings.TrimPrefix(value.(string), "#/"), "/")...)
			}
			checkReferences(t, doc, value)
		}
	case []any:
		for _, value := range v {
			checkReferences(t, doc, value)
		}
	}
}

// TestExamplesFit reads the examples of the document with the types.
func TestExamplesFit(t *testing.T) {
	post := at(t, document(t), "paths", "/check", "post")
	var request webservice.Request
	strictly(t, at(t, post, "requestBody", "content", "application/json", "examples", "batch", "value"), &request)
	if request.Version != webservice.Version || !scoring.Platform(request.Platform).Valid() {
		t.Errorf("request of version %d for %q", request.Version, request.Platform)
	}
	for _, n := range request.Numbers {
		if _, err := numbering.ParseE164(n); err != nil {
			t.Error(err)
		}
	}
	examples := at(t, post, "responses", "200", "content", "application/json", "examples")
	for _, name := range keys(examples) {
		var response webservice.Response
		strictly(t, at(t, examples, name, "value"), &response)
		var numbers []string
		for _, r := range response.Results {
			numbers = append(numbers, r.Number)
			if !scoring.Status(r.Status).Valid() || r.Strength != nil && (*r.Strength < 0 || *r.Strength > 1) {
				t.Errorf("%s: status %q, strength %v", name, r.Status, r.Strength)
			}
		}
		if diff := cmp.Diff(request.Numbers, numbers); diff != "" {
			t.Errorf("%s answers other numbers than the example asks (-asked +answered):\n%s", name, diff)
		}
	}
}

func strictly(t *testing.T, example, into any) {
	t.Helper()
	data, err := json.Marshal(example)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		t.Errorf("%s: %v", data, err)
	}
}

func equalNumber(v any, want int) bool {
	data, err := json.Marshal(v)
	return err == nil && string(data) == string(rune('0'+want))
}

func keys(node any) []string {
	var names []string
	for name := range node.(map[string]any) {
		names = append(names, name)
	}
	return sorted(names)
}

func texts(node any) []string {
	var values []string
	for _, v := range node.([]any) {
		values = append(values, v.(string))
	}
	return values
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}
