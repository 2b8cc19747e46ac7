package guard

import (
	"container/list"
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Bounds of the kept documents. A parsed document takes many times the memory of its text.
const (
	maxDocuments     = 1000
	maxDocumentBytes = 2 << 20 // of all texts
	maxTextBytes     = 32 << 10
)

// Documents keeps the documents used last, parsed, checked and validated, and stands as an extension of the executor
// in front of everything else: what is too large is refused before it is validated. Safe for concurrent use.
type Documents struct {
	limits Limits

	mu     sync.Mutex
	recent *list.List // of *document, the one used last in front
	byText map[string]*list.Element
	bytes  int
}

type document struct {
	text string
	doc  *ast.QueryDocument
}

var (
	_ graphql.Cache[*ast.QueryDocument] = (*Documents)(nil)
	_ graphql.HandlerExtension          = (*Documents)(nil)
	_ graphql.OperationParameterMutator = (*Documents)(nil)
)

// NewDocuments makes an empty cache that lets no document beyond the limits in.
func NewDocuments(l Limits) *Documents {
	return &Documents{limits: l.WithDefaults(), recent: list.New(), byText: map[string]*list.Element{}}
}

// ExtensionName names the extension.
func (d *Documents) ExtensionName() string { return "Guard" }

// Validate accepts any schema.
func (d *Documents) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters refuses an operation that is beyond the limits. What is kept has been checked.
func (d *Documents) MutateOperationParameters(ctx context.Context, request *graphql.RawParams) *gqlerror.Error {
	if _, ok := d.Get(ctx, request.Query); ok {
		return nil
	}
	doc, err := d.limits.Parse(request.Query)
	if err != nil {
		return err
	}
	return d.limits.Check(doc)
}

// Get returns a document that was used lately.
func (d *Documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.byText[text]
	if e == nil {
		return nil, false
	}
	d.recent.MoveToFront(e)
	return e.Value.(*document).doc, true
}

// Add keeps a document, in place of those that were not used for longest. Very long ones are not kept.
func (d *Documents) Add(_ context.Context, text string, doc *ast.QueryDocument) {
	if len(text) > maxTextBytes {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byText[text] != nil {
		return
	}
	d.byText[text] = d.recent.PushFront(&document{text, doc})
	d.bytes += len(text)
	for d.bytes > maxDocumentBytes || len(d.byText) > maxDocuments {
		oldest := d.recent.Remove(d.recent.Back()).(*document)
		delete(d.byText, oldest.text)
		d.bytes -= len(oldest.text)
	}
}
