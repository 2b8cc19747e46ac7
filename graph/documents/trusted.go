package documents

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph/guard"
)

// Bounds of a file of trusted documents.
const (
	maxFileBytes = 32 << 20
	maxTrusted   = 20_000
)

// Trusted is a list of documents that may be named by id. It does not change.
type Trusted struct {
	byID  map[string]string
	texts map[string]struct{}
}

// Read reads a JSON object of ids and documents, as relay-compiler and graphql-codegen write it. Nothing in it may be
// there twice.
func Read(r io.Reader) (map[string]string, error) {
	limited := &io.LimitedReader{R: r, N: maxFileBytes + 1}
	documents, err := readObject(json.NewDecoder(limited))
	if limited.N <= 0 {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFileBytes)
	}
	return documents, err
}

func readObject(dec *json.Decoder) (map[string]string, error) {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New(`it is not a JSON object of ids and documents, such as {"id": "query { … }"}`)
	}
	documents := map[string]string{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		id, _ := t.(string) // the name of a member is one
		if !isID.MatchString(id) {
			return nil, fmt.Errorf("the id %.140q is not %s", id, idForm)
		}
		var text *string
		if err := dec.Decode(&text); err != nil || text == nil {
			return nil, fmt.Errorf("document %q is not a text", id)
		}
		if _, twice := documents[id]; twice {
			return nil, fmt.Errorf("document %q is there twice", id)
		}
		if documents[id] = *text; len(documents) > maxTrusted {
			return nil, fmt.Errorf("it holds more than %d documents", maxTrusted)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return documents, nil
}

// Trust makes a list of documents that fit the schema and the limits. Errors name the document that does not. Each
// document can be named by the hash of its text too.
func Trust(schema *ast.Schema, limits guard.Limits, lists ...map[string]string) (*Trusted, error) {
	t := &Trusted{byID: map[string]string{}, texts: map[string]struct{}{}}
	g := guard.New(schema, limits)
	for _, documents := range lists {
		for _, id := range slices.Sorted(maps.Keys(documents)) {
			if err := t.add(g, id, documents[id]); err != nil {
				return nil, fmt.Errorf("document %q: %w", id, err)
			}
		}
	}
	for text := range t.texts {
		hash := hashOf(text)
		for _, id := range []string{hash, sha256Prefix + hash} {
			if _, taken := t.byID[id]; !taken {
				t.byID[id] = text
			}
		}
	}
	return t, nil
}

func (t *Trusted) add(g *guard.Guard, id, text string) error {
	if other, ok := t.byID[id]; ok && other != text {
		return errors.New("there is another document with this id")
	}
	if hash, ok := strings.CutPrefix(id, sha256Prefix); ok && hash != hashOf(text) {
		return errors.New("the id is not the SHA-256 of the document")
	}
	doc, _, errs := g.Read(text)
	if len(errs) > 0 {
		return errs
	}
	for _, operation := range doc.Operations {
		if _, err := g.Cost(operation, nil); err != nil {
			return err
		}
	}
	t.byID[id] = text
	t.texts[text] = struct{}{}
	return nil
}

// Len is how many different documents are trusted.
func (t *Trusted) Len() int { return len(t.texts) }

func (t *Trusted) text(id string) (string, bool) {
	text, ok := t.byID[id]
	return text, ok
}

func (t *Trusted) has(text string) bool {
	_, ok := t.texts[text]
	return ok
}
