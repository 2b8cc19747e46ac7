package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// The cookbook's pages are run from top to bottom against a server of their own. What a page shows is what is sent, and
// the answer it shows is what has to come back. docs/api/cookbook/README.md says how to read a page, which is also how
// this reads it: `…` stands for anything, and an id or token that ends with `…` for the one that was seen last.

// block is a fenced block of a page.
type block struct {
	kind  string // graphql, json or sh
	about string // the rest of the line: who asks, what a json is
	text  string
	line  int
}

var fences = regexp.MustCompile("(?ms)^```([a-z]+) ?([^\n]*)\n(.*?)^```$")

func blocksOf(page string) []block {
	var all []block
	for _, at := range fences.FindAllStringSubmatchIndex(page, -1) {
		all = append(all, block{
			kind: page[at[2]:at[3]], about: page[at[4]:at[5]], text: page[at[6]:at[7]], line: 1 + strings.Count(page[:at[0]], "\n"),
		})
	}
	return all
}

// recipe is an operation or command with what it needs and what it has to answer.
type recipe struct {
	block
	variables, answer string
}

func recipesOf(t *testing.T, page string) []recipe {
	t.Helper()
	var all []recipe
	for _, b := range blocksOf(page) {
		switch {
		case b.kind == "graphql" || b.kind == "sh":
			all = append(all, recipe{block: b})
		case b.kind != "json":
		case len(all) > 0 && b.about == "variables":
			all[len(all)-1].variables = b.text
		case len(all) > 0 && b.about == "answer":
			all[len(all)-1].answer = b.text
		default:
			t.Errorf("line %d: a json block says whether it is variables or answer", b.line)
		}
	}
	return all
}

// kitchen is a server on which a page is run, and what was seen so far.
type kitchen struct {
	*process
	tokens map[string]string // by role
	seen   map[string]string // ids and tokens by their prefix, other values by their name
}

func newKitchen(t *testing.T) *kitchen {
	k := &kitchen{
		process: serve(t, dataDir(t), "--simulator", "latency=1ms"),
		tokens:  map[string]string{"ADMIN": testToken}, seen: map[string]string{},
	}
	for _, role := range []string{"VIEWER", "ANALYST", "STEWARD", "OPERATOR"} {
		var d struct{ CreateAPIKey struct{ Token string } }
		k.query(&d, `mutation($name: String!, $role: Role!) { createApiKey(input: {name: $name, role: $role}) { token } }`,
			map[string]any{"name": strings.ToLower(role), "role": role})
		k.tokens[role] = d.CreateAPIKey.Token
	}
	return k
}

var (
	role    = regexp.MustCompile(`^as ([A-Z]+)`)
	purpose = regexp.MustCompile(`for "([^"]+)"`)
	known   = regexp.MustCompile(`\b([a-z]{3})_…`)
	named   = regexp.MustCompile(`<(\w+)>`)
	ids     = regexp.MustCompile(`^([a-z]{3})_[A-Za-z0-9_-]{8,}$`)
)

// fill puts what was seen where a page leaves it out.
func (k *kitchen) fill(text string) string {
	text = known.ReplaceAllStringFunc(text, func(s string) string {
		if value := k.seen[s[:3]]; value != "" {
			return value
		}
		return s
	})
	return named.ReplaceAllStringFunc(text, func(s string) string {
		if value := k.seen[s]; value != "" {
			return value
		}
		return s
	})
}

// remember keeps the ids, tokens and cursors of an answer.
func (k *kitchen) remember(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			k.remember(name, v[name])
		}
	case []any:
		for _, entry := range v {
			k.remember(name, entry)
		}
	case string:
		if id := ids.FindStringSubmatch(v); id != nil {
			k.seen[id[1]] = v
		}
		k.seen["<"+name+">"] = v
	}
}

// run runs a recipe and returns what came back.
func (k *kitchen) run(r recipe) (any, error) {
	if r.kind == "sh" {
		return k.shell(r)
	}
	body := map[string]any{"query": k.fill(r.text)}
	if r.variables != "" {
		var variables any
		if err := json.Unmarshal([]byte(k.fill(r.variables)), &variables); err != nil {
			return nil, fmt.Errorf("variables: %w", err)
		}
		body["variables"] = variables
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	who := role.FindStringSubmatch(r.about)
	if who == nil {
		return nil, fmt.Errorf("the first line says who asks, as in `graphql as VIEWER`")
	}
	headers := []string{"Authorization", "Bearer " + k.tokens[who[1]]}
	if told := purpose.FindStringSubmatch(r.about); told != nil {
		headers = append(headers, "X-Purpose", told[1])
	}
	if strings.HasPrefix(r.text, "subscription") {
		headers = append(headers, "Accept", "text/event-stream")
	}
	res, answer := k.request(http.MethodPost, "/graphql", "application/json", bytes.NewReader(text), headers...)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		answer = lastEvent(answer)
	}
	return decoded(answer)
}

// lastEvent is the data of the last event that holds some.
func lastEvent(stream []byte) []byte {
	var last []byte
	for line := range bytes.Lines(stream) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok && len(bytes.TrimSpace(data)) > 0 {
			last = bytes.TrimSpace(data)
		}
	}
	return last
}

func decoded(text []byte) (any, error) {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("%w in %s", err, text)
	}
	return v, nil
}

// shell runs a command as a reader would, with the address and an administrator's token.
func (k *kitchen) shell(r recipe) (any, error) {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", k.fill(r.text))
	path, err := program()
	if err != nil {
		return nil, err
	}
	cmd.Dir = k.t.TempDir()
	cmd.Env = append(os.Environ(), "URL="+k.url, "TOKEN="+k.token, "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, errs.String())
	}
	if r.answer == "" {
		return string(out), nil
	}
	return decoded(out)
}

// differs tells where an answer is not what a page shows; "" when it is.
func differs(at string, want, got any) string {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		if w == "…" && got != nil || ok && fits(w, g) {
			return ""
		}
	case []any:
		g, ok := got.([]any)
		if !ok {
			break
		}
		more := len(w) > 0 && w[len(w)-1] == "…"
		if more {
			w = w[:len(w)-1]
		}
		if len(g) < len(w) || !more && len(g) > len(w) {
			return fmt.Sprintf("%s has %d entries, not %d", at, len(g), len(w))
		}
		for i := range w {
			if d := differs(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); d != "" {
				return d
			}
		}
		return ""
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if name == "…" {
				continue
			}
			if d := differs(at+"."+name, w[name], g[name]); d != "" {
				return d
			}
		}
		for name := range g {
			if _, shown := w[name]; !shown && w["…"] == nil {
				return fmt.Sprintf("%s.%s is not shown", at, name)
			}
		}
		return ""
	default:
		if want == got {
			return ""
		}
	}
	return fmt.Sprintf("%s is %v, not %v", at, got, want)
}

// fits compares a text with one in which … stands for anything.
func fits(pattern, text string) bool {
	parts := strings.Split(pattern, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$").MatchString(text)
}

const cookbook = "../../docs/api/cookbook"

func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(cookbook + "/*.md")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(text)
	}
	return texts
}

func TestCookbook(t *testing.T) {
	for name, page := range pages(t) {
		t.Run(name, func(t *testing.T) {
			recipes := recipesOf(t, page)
			if len(recipes) == 0 {
				t.Fatal("nothing to run")
			}
			k := newKitchen(t)
			for _, r := range recipes {
				got, err := k.run(r)
				if err != nil {
					t.Errorf("line %d: %v", r.line, err)
					continue
				}
				k.remember("", got)
				if r.answer == "" {
					if r.kind == "graphql" {
						t.Errorf("line %d: the page does not show the answer, which is %v", r.line, got)
					}
					continue
				}
				want, err := decoded([]byte(k.fill(r.answer)))
				if err != nil {
					t.Errorf("line %d: the answer: %v", r.line, err)
				} else if d := differs("answer", want, got); d != "" {
					t.Errorf("line %d: %s, in %v", r.line, d, got)
				}
			}
		})
	}
}

// TestCookbookIsComplete: whatever can be asked, changed or watched is shown somewhere.
func TestCookbookIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for name, page := range pages(t) {
		for _, r := range recipesOf(t, page) {
			if r.kind != "graphql" {
				continue
			}
			doc, err := parser.ParseQuery(&ast.Source{Input: r.text})
			if err != nil {
				t.Errorf("%s, line %d: %v", name, r.line, err)
				continue
			}
			for _, s := range doc.Operations[0].SelectionSet {
				if f, ok := s.(*ast.Field); ok {
					shown[f.Name] = true
				}
			}
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range root.Fields {
			if !strings.HasPrefix(f.Name, "__") && !shown[f.Name] {
				t.Errorf("no page shows %s.%s", root.Name, f.Name)
			}
		}
	}
}

// TestCookbookNotices: the comparison finds what differs.
func TestCookbookNotices(t *testing.T) {
	for _, c := range []struct {
		want, got string
		differs   bool
	}{
		{`{"a": 1, "b": "…"}`, `{"a": 1, "b": "x"}`, false},
		{`{"a": 1, "b": "…"}`, `{"a": 1, "b": null}`, true},
		{`{"a": 1}`, `{"a": 1, "b": 2}`, true},
		{`{"a": 1, "…": "…"}`, `{"a": 1, "b": 2}`, false},
		{`{"a": "+57…"}`, `{"a": "+573"}`, false},
		{`{"a": "+57…"}`, `{"a": "57"}`, true},
		{`["…"]`, `[]`, false},
		{`[1, "…"]`, `[]`, true},
		{`[1]`, `[1, 2]`, true},
		{`[1, 2]`, `[2, 1]`, true},
		{`null`, `0`, true},
	} {
		want, err := decoded([]byte(c.want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := decoded([]byte(c.got))
		if err != nil {
			t.Fatal(err)
		}
		if d := differs("answer", want, got); (d != "") != c.differs {
			t.Errorf("%s and %s: %q", c.want, c.got, d)
		}
	}
}
