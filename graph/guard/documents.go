package guard

import (
	"container/list"
	"context"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Bounds of the documents that are kept. A parsed document takes many times the memory of its text.
const (
	maxDocuments     = 4000
	maxDocumentBytes = 16 << 20 // of all, as they are in memory
	maxKeptBytes     = 1 << 20  // of one
)

// Documents keeps the documents used last, parsed, checked and validated, and stands as an extension of the executor in
// front of everything else that looks at them. Nothing that was refused is kept. Safe for concurrent use.
type Documents struct {
	guard   *Guard
	compile Compiler

	mu     sync.Mutex
	recent *list.List // of *document, the one used last in front
	byText map[string]*list.Element
	bytes  int
}

type document struct {
	text     string
	doc      *ast.QueryDocument
	size     Size
	compiled any
	more     int // bytes that compiled takes
}

// bytes is what the document takes in memory. A long text takes a little more than its length.
func (d *document) bytes() int {
	return len(d.text) + len(d.text)/8 + d.size.memory + d.more + sizeOfEntry
}

// Compiler makes of a document whatever helps to run it, and tells about how many bytes that takes. It must not change the
// document, and not call the guard.
type Compiler func(doc *ast.QueryDocument) (compiled any, bytes int)

const statCompiled = "guard.compiled"

// CompiledOf is what was made of the document of an operation; nil: nothing.
func CompiledOf(operation *graphql.OperationContext) any {
	return operation.Stats.GetExtension(statCompiled)
}

var (
	_ graphql.Cache[*ast.QueryDocument] = (*Documents)(nil)
	_ graphql.HandlerExtension          = (*Documents)(nil)
	_ graphql.OperationParameterMutator = (*Documents)(nil)
	_ graphql.OperationContextMutator   = (*Documents)(nil)
	_ graphql.ResponseInterceptor       = (*Documents)(nil)
)

// NewDocuments makes an empty cache that lets no document beyond the limits in. What is compiled of a document is kept and
// forgotten with it; nil: nothing is.
func NewDocuments(schema *ast.Schema, l Limits, compile Compiler) *Documents {
	if compile == nil {
		compile = func(*ast.QueryDocument) (any, int) { return nil, 0 }
	}
	return &Documents{guard: New(schema, l), compile: compile, recent: list.New(), byText: map[string]*list.Element{}}
}

// ExtensionName names the extension.
func (d *Documents) ExtensionName() string { return "Guard" }

// Validate accepts any schema.
func (d *Documents) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters refuses an operation that is beyond the limits. What is kept has been checked. It hands the
// document to the executor, which neither parses nor validates it again.
func (d *Documents) MutateOperationParameters(ctx context.Context, request *graphql.RawParams) *gqlerror.Error {
	if n := len(request.OperationName); n > maxName { // it is told when there is no such operation
		return exceeded(limitName, n, maxName)
	}
	if n := entriesUpTo(d.guard.limits.Entries, request.Variables); n > d.guard.limits.Entries {
		return exceeded(limitEntries, n, d.guard.limits.Entries)
	}
	if n := len(request.Query); n > d.guard.limits.Bytes { // none of these is kept: it need not be looked for
		return exceeded(limitBytes, n, d.guard.limits.Bytes)
	}
	operation := graphql.GetOperationContext(ctx)
	known := d.get(request.Query)
	if known == nil {
		text := strings.Clone(request.Query) // what was read from a request may be a part of something larger
		doc, size, errs := d.guard.Read(text)
		if len(errs) == 1 {
			return errs[0]
		}
		if len(errs) > 1 { // the executor finds these again, and can tell all of them
			return nil
		}
		known = &document{text: text, doc: doc, size: size}
		known.compiled, known.more = d.compile(doc)
		d.add(known)
	}
	operation.Doc = known.doc
	if known.doc.Operations.ForName(request.OperationName) == nil {
		return noSuchOperation(request.OperationName)
	}
	if known.compiled != nil {
		operation.Stats.SetExtension(statCompiled, known.compiled)
	}
	if wantsCost(request) {
		operation.Stats.SetExtension(statSize, known.size)
	}
	return nil
}

// noSuchOperation tells why it is not clear which operation of a document is wanted.
func noSuchOperation(name string) *gqlerror.Error {
	message := "there is no operation of this name in the document"
	if name == "" {
		message = "the document holds several operations: tell by operationName which of them to run"
	}
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": errcode.ValidationFailed}}
}

// Get returns the document that was let in with this operation.
func (d *Documents) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc := graphql.GetOperationContext(ctx).Doc
	return doc, doc != nil
}

// Add does nothing: what comes through here was not checked.
func (d *Documents) Add(context.Context, string, *ast.QueryDocument) {}

// get returns a document that was used lately, or nil.
func (d *Documents) get(text string) *document {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.byText[text]
	if e == nil {
		return nil
	}
	d.recent.MoveToFront(e)
	return e.Value.(*document)
}

// add keeps a document, in place of those that were not used for longest. Very large ones are not kept.
func (d *Documents) add(added *document) {
	if added.bytes() > maxKeptBytes {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byText[added.text] != nil {
		return
	}
	d.byText[added.text] = d.recent.PushFront(added)
	d.bytes += added.bytes()
	for d.bytes > maxDocumentBytes || len(d.byText) > maxDocuments {
		oldest := d.recent.Remove(d.recent.Back()).(*document)
		delete(d.byText, oldest.text)
		d.bytes -= oldest.bytes()
	}
}
