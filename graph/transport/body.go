package transport

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/documents"
)

// Sizes of the buffers that bodies are read into.
const (
	firstRoom  = 4 << 10  // nearly all fit into it
	roomFactor = 16       // by which one grows that is full: nobody is given much room for what was only announced
	largeRoom  = 64 << 10 // beyond it there are few, some of which are kept
	largeKept  = 4
	largestOne = 2 << 20 // that is kept
)

// Lengths of texts.
const (
	// sharedCopy is how long a body is, at the most, that is copied as a whole, for all its texts to be parts of the copy.
	// Who keeps one of them keeps all of it.
	sharedCopy = 2 << 10
	// What is refused for its length alone need not be made, where it has at least so many bytes or entries.
	leastBlank   = 4 << 10
	leastEntries = 1 << 10
)

// bodies reads bodies. Nothing that it returns is a part of a buffer that is used again.
type bodies struct {
	max    int64     // bytes of one
	small  sync.Pool // of *[]byte, of firstRoom
	middle sync.Pool // of *[]byte, of up to largeRoom
	large  chan []byte

	// 0, or how long a document may be, and how many entries variables may have. What is longer is not made.
	maxText, maxEntries int
	blankText           atomic.Pointer[string]
	blankList           atomic.Pointer[[]any]
}

func newBodies(c Config) *bodies {
	b := &bodies{max: c.MaxBody, large: make(chan []byte, largeKept)}
	if c.MaxDocument > 0 {
		b.maxText = max(c.MaxDocument, leastBlank)
	}
	if c.MaxEntries > 0 {
		b.maxEntries = max(c.MaxEntries, leastEntries)
	}
	return b
}

// read reads the body of a request.
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *badRequest) {
	if r.ContentLength > b.max {
		return nil, b.tooLarge(w, r)
	}
	room := b.take()
	defer b.keep(room)
	switch err := b.receive(room, r); {
	case err != nil:
		return nil, bad("the body could not be read")
	case int64(len(*room)) > b.max:
		return nil, b.tooLarge(w, r)
	}
	return b.params(*room)
}

// isLarge reports whether the body of a request may need more room than each has: then it needs a place, however slowly it is
// sent.
func isLarge(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.ContentLength < 0 || r.ContentLength > firstRoom)
}

// tooLarge refuses a body of which the rest is not read.
func (b *bodies) tooLarge(w http.ResponseWriter, r *http.Request) *badRequest {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	return &badRequest{
		http.StatusRequestEntityTooLarge, CodeTooLarge,
		"the body is too large: at most " + strconv.FormatInt(b.max, 10) + " bytes are allowed",
	}
}

// receive reads a body to its end, or one byte more than it may have.
func (b *bodies) receive(room *[]byte, r *http.Request) error {
	wanted := r.ContentLength
	if wanted < 0 {
		wanted = b.max + 1
	}
	for int64(len(*room)) < wanted {
		if len(*room) == cap(*room) {
			b.grow(room)
		}
		body := *room
		n, err := r.Body.Read(body[len(body):min(int64(cap(body)), wanted)])
		*room = body[:len(body)+n]
		switch {
		case err == nil || int64(len(*room)) == wanted:
		case errors.Is(err, io.EOF) && r.ContentLength < 0:
			return nil
		default:
			return err
		}
	}
	return nil
}

// take returns an empty buffer.
func (b *bodies) take() *[]byte {
	if room, ok := b.small.Get().(*[]byte); ok {
		return room
	}
	room := make([]byte, 0, firstRoom)
	return &room
}

// grow makes room for more than fits into a buffer.
func (b *bodies) grow(room *[]byte) {
	body := *room
	size := min(int64(cap(body))*roomFactor, b.max+1)
	var wider []byte
	if size > largeRoom {
		select {
		case wider = <-b.large:
		default:
		}
	} else if kept, ok := b.middle.Get().(*[]byte); ok {
		wider = *kept
	}
	if int64(cap(wider)) < size {
		wider = make([]byte, 0, size)
	}
	*room = append(wider[:0], body...)
	b.keep(&body)
}

// keep takes a buffer back.
func (b *bodies) keep(room *[]byte) {
	*room = (*room)[:0]
	switch size := cap(*room); {
	case size <= firstRoom:
		b.small.Put(room)
	case size <= largeRoom:
		b.middle.Put(room)
	case size <= largestOne:
		select {
		case b.large <- *room:
		default:
		}
	}
}

// Members of a request. Those before memberVariables are texts, the others objects.
const (
	memberQuery = iota
	memberDocumentID
	memberRelayID
	memberOperationName
	memberVariables
	memberExtensions
	unknownMember
)

// members are those of a request, where they are in its body.
type members struct {
	texts    [memberVariables]span // without quotes; from is 0 for what is not there
	objects  [unknownMember - memberVariables][]int
	entries  int    // of lists and objects in the variables
	extended int    // values in extensions
	wrong    string // one that is of the wrong type
}

func memberOf(name []byte) int {
	switch string(name) {
	case "query":
		return memberQuery
	case "documentId":
		return memberDocumentID
	case relayID:
		return memberRelayID
	case "operationName":
		return memberOperationName
	case "variables":
		return memberVariables
	case "extensions":
		return memberExtensions
	}
	return unknownMember
}

// value goes over the value of a member, and notes it.
func (m *members) value(s *scanner, name []byte, first byte) fault {
	from, before := s.at, s.values
	member := memberOf(name)
	if member != memberVariables || first != '{' {
		f := s.skip(1)
		m.note(name, first, span{from, s.at})
		if member == memberExtensions {
			if m.extended += s.values - before; f == none && m.extended > maxExtensions {
				return tooExtended
			}
		}
		return f
	}
	own := 1
	f := s.members(1, func([]byte, byte) fault {
		own++
		return s.skip(2)
	})
	m.note(name, first, span{from, s.at})
	m.entries += s.values - before - own
	return f
}

// note notes a member. Of texts of one name the last one counts; objects are put together; null is as if nothing had come.
func (m *members) note(name []byte, first byte, value span) {
	switch member := memberOf(name); {
	case member == unknownMember:
	case member < memberVariables && first == 'n':
		m.texts[member] = span{}
	case member < memberVariables && first == '"':
		m.texts[member] = span{value.from + 1, value.to - 1}
	case member >= memberVariables && first == 'n':
		m.objects[member-memberVariables] = nil
		if member == memberVariables {
			m.entries = 0
		}
	case member >= memberVariables && first == '{':
		m.objects[member-memberVariables] = append(m.objects[member-memberVariables], value.from)
	case m.wrong == "":
		m.wrong = string(name)
	}
}

// params reads {"query", "documentId", "operationName", "variables", "extensions"}. Other members are ignored, as the
// specification wants.
func (b *bodies) params(body []byte) (*graphql.RawParams, *badRequest) {
	s := scanner{text: body}
	switch first := s.next(); {
	case s.ends():
		return nil, bad("the body is empty: want a JSON object with `query`")
	case first == '[':
		return nil, bad("several operations in one request are not supported")
	case first == 'n' && s.skipWord('n') && s.ends():
		return &graphql.RawParams{}, nil
	}
	var m members
	switch f := s.members(0, func(name []byte, first byte) fault { return m.value(&s, name, first) }); {
	case f == tooMuch:
		return nil, &badRequest{
			http.StatusRequestEntityTooLarge, CodeTooLarge,
			"there is too much in the request: at most " + strconv.Itoa(maxValues) + " values are allowed",
		}
	case f == tooExtended:
		return nil, extendedTooFar()
	case f == none && m.wrong != "":
		return nil, bad("`" + m.wrong + "` is of the wrong type")
	case f != none || !s.ends():
		return nil, bad("the body is not a JSON object with `query`")
	case !utf8.Valid(body): // made into something else, two ids could become one
		return nil, bad("the body is not UTF-8")
	}
	return b.build(body, &m), nil
}

func extendedTooFar() *badRequest {
	return &badRequest{
		http.StatusRequestEntityTooLarge, CodeTooLarge,
		"there is too much in `extensions`: at most " + strconv.Itoa(maxExtensions) + " values are allowed",
	}
}

// build makes what the members say.
func (b *bodies) build(body []byte, m *members) *graphql.RawParams {
	made := builder{scanner: scanner{text: body}}
	if len(body) <= sharedCopy {
		made.copied = string(body)
	}
	var params graphql.RawParams
	if b.maxEntries > 0 && m.entries > b.maxEntries {
		params.Variables = map[string]any{"": b.blanks(m.entries)}
	} else {
		params.Variables = made.objects(m.objects[0])
	}
	params.Extensions = made.objects(m.objects[1])
	id := m.texts[memberDocumentID]
	if id.from == 0 {
		id = m.texts[memberRelayID]
	}
	if id.len() > 0 {
		setID(&params, b.text(&made, id))
	}
	params.OperationName = b.text(&made, m.texts[memberOperationName])
	if documents.Named(&params) { // the text is held against the name
		params.Query = made.unquoted(m.texts[memberQuery])
	} else {
		params.Query = b.text(&made, m.texts[memberQuery])
	}
	return &params
}

// text makes a text, or something as long as one that is refused for its length: to make a megabyte only to count it would
// be most of the work.
func (b *bodies) text(made *builder, in span) string {
	if b.maxText == 0 || in.len() <= b.maxText {
		return made.unquoted(in)
	}
	n := unquotedLen(made.text[in.from:in.to])
	if n <= b.maxText {
		return made.unquoted(in)
	}
	blank := b.blankText.Load()
	if blank == nil || len(*blank) < n {
		wider := string(make([]byte, max(n, int(b.max))))
		blank = &wider
		b.blankText.Store(blank)
	}
	return (*blank)[:n]
}

// blanks is a list of so many entries, in place of as many that are refused for their number.
func (b *bodies) blanks(n int) []any {
	blank := b.blankList.Load()
	if blank == nil {
		list := make([]any, maxValues)
		blank = &list
		b.blankList.Store(blank)
	}
	return (*blank)[:n:n]
}
