package guard

import (
	"strconv"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"
)

// Size is how much a document holds, with every fragment spread.
type Size struct {
	Depth, Aliases, Directives, RootFields, Fields int

	Work   int // steps that validation takes
	memory int // bytes of the parsed document, without its text
}

// Parse parses a document of bounded size.
func (l Limits) Parse(text string) (*ast.QueryDocument, *gqlerror.Error) {
	if len(text) > l.Bytes {
		return nil, exceeded(limitBytes, len(text), l.Bytes)
	}
	// What seems to be too much is counted first: that is a third of the work of parsing, and leaves nothing behind.
	if seemsBeyond(l.Tokens, text) {
		if n := countTokens(text); n > l.Tokens {
			return nil, exceeded(limitTokens, n, l.Tokens)
		}
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, l.Tokens)
	if err == nil {
		return doc, nil
	}
	if n := countTokens(text); n > l.Tokens {
		return nil, exceeded(limitTokens, n, l.Tokens)
	}
	gqlErr := gqlerror.WrapIfUnwrapped(err)
	errcode.Set(gqlErr, errcode.ParseFailed)
	return nil, gqlErr
}

// seemsBeyond guesses whether a text has more tokens than this, from where words and signs begin.
func seemsBeyond(tokens int, text string) bool {
	if len(text) <= tokens {
		return false
	}
	n, inWord := 0, false
	for i := 0; i < len(text) && n <= tokens; i++ {
		c := text[i]
		word := 'a' <= c|' ' && c|' ' <= 'z' || '0' <= c && c <= '9' || c == '_'
		if word && !inWord || !word && c > ' ' && c != ',' {
			n++
		}
		inWord = word
	}
	return n > tokens
}

// countTokens counts the tokens of the readable part of a document.
func countTokens(text string) (n int) {
	for lex := lexer.New(&ast.Source{Input: text}); ; n++ {
		if token, err := lex.ReadToken(); err != nil || token.Kind == lexer.EOF {
			return n
		}
	}
}

// Check refuses a document that is beyond the limits. It takes documents that have not been validated: fragments that are
// not there are left to the validator, fragments that spread themselves are refused. Fragments that nothing spreads count
// too, as they are validated too.
func (l Limits) Check(doc *ast.QueryDocument) (Size, *gqlerror.Error) {
	w := newWalker(l, doc)
	size := w.document(doc)
	if w.err != nil {
		return size, w.err
	}
	for _, c := range []struct {
		limit          string
		value, maximum int
	}{
		{limitDepth, size.Depth, l.Depth},
		{limitRootFields, size.RootFields, l.RootFields},
		{limitAliases, size.Aliases, l.Aliases},
		{limitDirectives, size.Directives, l.Directives},
		{limitFields, size.Fields, l.Fields},
		{limitWork, size.Work, l.Work},
	} {
		if c.value > c.maximum {
			return size, exceeded(c.limit, c.value, c.maximum)
		}
	}
	return size, nil
}

// measure is what is known of a selection set. All but own count with every fragment spread.
type measure struct {
	depth, width, fields, aliases, directives int
	own                                       int        // steps to look at what is written in it
	done                                      bool       // false while a fragment is being measured
	spreads                                   []*measure // fragments that are spread in it, wherever
	start                                     int        // from where work has reached it
}

// walker measures each selection set of a document once.
type walker struct {
	limits      Limits
	definitions map[string]*ast.FragmentDefinition
	fragments   map[*ast.FragmentDefinition]*measure
	inside      *measure // the operation or fragment that is being looked at
	variables   int      // of the operation that has most of them
	visited     int      // what was looked at: the work done
	memory      int
	err         *gqlerror.Error
}

func newWalker(l Limits, doc *ast.QueryDocument) *walker {
	w := &walker{limits: l}
	if n := len(doc.Fragments); n > 0 {
		w.definitions = make(map[string]*ast.FragmentDefinition, n)
		w.fragments = make(map[*ast.FragmentDefinition]*measure, n)
	}
	for _, f := range doc.Fragments {
		if w.definitions[f.Name] == nil { // of two with the same name the validator takes the first
			w.definitions[f.Name] = f
		}
	}
	for _, op := range doc.Operations {
		w.variables = max(w.variables, len(op.VariableDefinitions))
	}
	return w
}

func (w *walker) document(doc *ast.QueryDocument) (size Size) {
	all := make([]*measure, 0, len(doc.Operations)+len(doc.Fragments))
	take := func(m *measure) {
		size.Depth = max(size.Depth, m.depth)
		size.Aliases = add(size.Aliases, m.aliases)
		size.Directives = add(size.Directives, m.directives)
		size.Fields = add(size.Fields, m.fields)
	}
	for _, op := range doc.Operations {
		m := w.operation(op)
		take(m)
		size.RootFields = max(size.RootFields, m.width)
		all = append(all, m)
	}
	for _, f := range doc.Fragments {
		if w.fragments[f] == nil {
			take(w.fragment(f))
		}
	}
	if w.err != nil {
		return size
	}
	for _, f := range doc.Fragments {
		all = append(all, w.fragments[f])
	}
	size.Work, size.memory = work(all, w.limits.Work), w.memory
	return size
}

func (w *walker) operation(op *ast.OperationDefinition) *measure {
	m := &measure{}
	w.inside = m
	w.name(op.Name)
	w.memory += sizeOfOperation + sizeOfComments(op.Comment)
	directives := w.directives(op.Directives)
	for _, v := range op.VariableDefinitions {
		w.name(v.Variable)
		w.typeName(v.Type)
		w.memory += sizeOfVariable + sizeOfComments(v.Comment)
		m.own++
		directives += w.directives(v.Directives)
		if v.DefaultValue != nil {
			w.value(v.DefaultValue)
		}
	}
	found := w.selections(op.SelectionSet)
	m.depth, m.width, m.fields, m.aliases = found.depth, found.width, found.fields, found.aliases
	m.directives = add(found.directives, directives)
	return m
}

// fragment measures a fragment once.
func (w *walker) fragment(f *ast.FragmentDefinition) *measure {
	m := w.fragments[f]
	if m != nil {
		if !m.done && w.err == nil {
			w.err = gqlerror.Errorf("a fragment spreads itself")
			errcode.Set(w.err, errcode.ValidationFailed)
		}
		return m
	}
	m = &measure{}
	w.fragments[f] = m
	outer := w.inside
	w.inside = m
	defer func() { w.inside = outer }()
	w.name(f.Name)
	w.name(f.TypeCondition)
	w.memory += sizeOfFragment + sizeOfComments(f.Comment)
	directives := w.directives(f.Directives)
	found := w.selections(f.SelectionSet)
	m.depth, m.width, m.fields, m.aliases = found.depth, found.width, found.fields, found.aliases
	m.directives = add(found.directives, directives)
	m.done = true
	return m
}

func (w *walker) selections(set ast.SelectionSet) (m measure) {
	for _, s := range set {
		if w.err != nil {
			return m
		}
		w.step()
		var part measure
		switch s := s.(type) {
		case *ast.Field:
			part = w.field(s)
		case *ast.InlineFragment:
			w.name(s.TypeCondition)
			w.memory += sizeOfInline + sizeOfComments(s.Comment)
			part = w.selections(s.SelectionSet)
			part.directives = add(part.directives, w.directives(s.Directives))
		case *ast.FragmentSpread:
			part = w.spread(s)
		}
		m.depth = max(m.depth, part.depth)
		m.width = add(m.width, part.width)
		m.fields = add(m.fields, part.fields)
		m.aliases = add(m.aliases, part.aliases)
		m.directives = add(m.directives, part.directives)
	}
	return m
}

func (w *walker) field(f *ast.Field) measure {
	w.name(f.Alias)
	w.name(f.Name)
	w.memory += sizeOfField + sizeOfComments(f.Comment)
	if f.Name == "__typename" {
		w.memory += sizeOfTypename
	}
	w.arguments(f.Arguments)
	w.checkFirst(f.Arguments)
	m := w.selections(f.SelectionSet)
	m.depth = add(m.depth, 1)
	m.fields = add(m.fields, 1)
	m.width = 1
	if f.Alias != f.Name {
		m.aliases = add(m.aliases, 1)
	}
	m.directives = add(m.directives, w.directives(f.Directives))
	return m
}

func (w *walker) spread(s *ast.FragmentSpread) measure {
	w.name(s.Name)
	w.memory += sizeOfSpread + sizeOfComments(s.Comment)
	directives := w.directives(s.Directives)
	def := w.definitions[s.Name]
	if def == nil {
		return measure{directives: directives} // the validator tells
	}
	found := w.fragment(def)
	w.inside.spreads = append(w.inside.spreads, found)
	m := *found
	m.directives = add(m.directives, directives)
	return m
}

func (w *walker) directives(list ast.DirectiveList) int {
	for _, d := range list {
		w.step()
		w.name(d.Name)
		w.memory += sizeOfDirective
		w.arguments(d.Arguments)
	}
	return len(list)
}

func (w *walker) arguments(list ast.ArgumentList) {
	for _, a := range list {
		w.step()
		w.name(a.Name)
		w.memory += sizeOfArgument + sizeOfComments(a.Comment)
		w.value(a.Value)
	}
}

// value looks at a value that is written out. The parser bounds how deep it is.
func (w *walker) value(v *ast.Value) {
	if v == nil || w.err != nil {
		return
	}
	w.step()
	w.memory += sizeOfValue + sizeOfComments(v.Comment)
	switch v.Kind {
	case ast.Variable: // each is looked for among those of the operation
		w.name(v.Raw)
		w.inside.own += w.variables / 8
	case ast.EnumValue:
		w.name(v.Raw)
	}
	for _, c := range v.Children {
		w.name(c.Name)
		w.value(c.Value)
	}
}

func (w *walker) typeName(t *ast.Type) {
	for ; t != nil; t = t.Elem {
		w.memory += sizeOfType
		w.name(t.NamedType)
	}
}

func (w *walker) step() {
	w.visited++
	w.inside.own++
}

func (w *walker) name(s string) {
	if len(s) > maxName && w.err == nil {
		w.err = exceeded(limitName, len(s), maxName)
	}
}

// checkFirst refuses a page size that is written out. One in a variable is known when the cost is counted.
func (w *walker) checkFirst(arguments ast.ArgumentList) {
	for _, a := range arguments {
		if a.Name != "first" || a.Value == nil || a.Value.Kind != ast.IntValue || a.Value.Raw[0] == '-' || w.err != nil {
			continue
		}
		n, err := strconv.Atoi(a.Value.Raw)
		if err != nil {
			n = saturated
		}
		if n > w.limits.First {
			w.err = exceeded(limitFirst, n, w.limits.First)
		}
	}
}
