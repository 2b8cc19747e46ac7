// Package documents lets clients name a document instead of sending it: by its hash once it was sent (automatic persisted
// queries, as Apollo's clients speak them), or by an id from a list of trusted documents that the operator keeps. Where
// only trusted documents are run, everything else is refused.
package documents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Codes in extensions.code of errors of this package. The first two, and the messages that go with them, are Apollo's.
const (
	CodeNotFound     = "PERSISTED_QUERY_NOT_FOUND"     // send the document along with its hash
	CodeNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED" // send documents whole from now on
	CodeUnknownID    = "DOCUMENT_NOT_FOUND"            // no document has this documentId
	CodeNotTrusted   = "DOCUMENT_NOT_TRUSTED"          // only trusted documents are run
	CodeBadRequest   = "BAD_REQUEST"
)

// IDExtension is the member of a request's extensions in which its documentId travels: transports put it there, and
// clients that can't add a member to a request may.
const IDExtension = "documentId"

const (
	hashExtension = "persistedQuery"
	sha256Prefix  = "sha256:"
)

// Config says which documents may be named, and which may be run.
type Config struct {
	Trusted     *Trusted // nil: none
	Only        bool     // run nothing but trusted documents
	NoAutomatic bool     // keep nothing that clients send
}

// Documents finds the documents that requests name. It is an extension of the executor, to be used before all that look at
// the document. Safe for concurrent use.
type Documents struct {
	config Config
	sent   *cache
}

var (
	_ graphql.HandlerExtension          = (*Documents)(nil)
	_ graphql.OperationParameterMutator = (*Documents)(nil)
	_ graphql.OperationContextMutator   = (*Documents)(nil)
)

// New makes an extension that keeps a bounded number of the documents that clients send with their hash.
func New(c Config) *Documents {
	if c.Trusted == nil {
		c.Trusted = &Trusted{}
	}
	if c.Only {
		c.NoAutomatic = true
	}
	return &Documents{config: c, sent: newCache()}
}

// ExtensionName names the extension.
func (*Documents) ExtensionName() string { return "Documents" }

// Validate accepts any schema.
func (*Documents) Validate(graphql.ExecutableSchema) error { return nil }

// Named reports whether a request without a document names one.
func Named(params *graphql.RawParams) bool {
	return params.Extensions[IDExtension] != nil || params.Extensions[hashExtension] != nil
}

// named is what a request says of its document, beside the document itself.
type named struct {
	id   string // documentId; "" when not there
	hash string // of persistedQuery; "" when not there
}

// MutateOperationParameters puts the document in place that the request names, and refuses what may not be run.
func (d *Documents) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	name, err := readNamed(params.Extensions)
	if err != nil {
		return err
	}
	if params.Query == "" {
		if params.Query, err = d.find(name); err != nil {
			return err
		}
		return nil
	}
	if d.config.Only && !d.config.Trusted.has(params.Query) {
		return notTrusted()
	}
	if err := d.agree(name, params.Query); err != nil {
		return err
	}
	if name.hash != "" && !d.config.NoAutomatic {
		graphql.GetOperationContext(ctx).Stats.SetExtension(d.ExtensionName(), name.hash)
	}
	return nil
}

// MutateOperationContext keeps a document that came with its hash. By now it has passed the guard, and was parsed and
// validated.
func (d *Documents) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	if hash, ok := operation.Stats.GetExtension(d.ExtensionName()).(string); ok {
		d.sent.add(hash, operation.RawQuery)
	}
	return nil
}

// find finds a document that was named and not sent.
func (d *Documents) find(name named) (string, *gqlerror.Error) {
	wanted := name.id
	if wanted == "" {
		wanted = name.hash
	}
	if text, ok := d.config.Trusted.text(wanted); ok {
		return text, nil
	}
	hash := strings.TrimPrefix(wanted, sha256Prefix)
	if text, ok := d.sent.get(hash); ok {
		return text, nil
	}
	switch {
	case wanted == "":
		return "", refusal(CodeBadRequest, "want the operation in `query`, or its documentId")
	case d.config.Only:
		return "", notTrusted()
	case name.id != "":
		return "", refusal(CodeUnknownID, "there is no document with this documentId")
	case !isHash.MatchString(name.hash):
		return "", refusal(CodeBadRequest, "persistedQuery.sha256Hash must be 64 hexadecimal digits in lower case")
	case d.config.NoAutomatic:
		return "", refusal(CodeNotSupported, "PersistedQueryNotSupported")
	}
	return "", refusal(CodeNotFound, "PersistedQueryNotFound")
}

// agree refuses a document that is not the one that is named beside it. Ids that nobody here knows say nothing.
func (d *Documents) agree(name named, sent string) *gqlerror.Error {
	if name.id != "" {
		text, known := d.config.Trusted.text(name.id)
		hash, isSHA := strings.CutPrefix(name.id, sha256Prefix)
		if (known && text != sent) || (!known && isSHA && hash != hashOf(sent)) {
			return refusal(CodeBadRequest, "documentId names another document than `query`")
		}
	}
	if name.hash != "" {
		if text, known := d.config.Trusted.text(name.hash); (!known || text != sent) && name.hash != hashOf(sent) {
			return refusal(CodeBadRequest, "provided sha does not match query")
		}
	}
	return nil
}

func readNamed(extensions map[string]any) (n named, err *gqlerror.Error) {
	if v := extensions[IDExtension]; v != nil {
		id, ok := v.(string)
		if !ok || !isID.MatchString(id) {
			return n, refusal(CodeBadRequest, "documentId must be "+idForm)
		}
		n.id = id
	}
	v := extensions[hashExtension]
	if v == nil {
		return n, nil
	}
	query, ok := v.(map[string]any)
	if !ok {
		return n, refusal(CodeBadRequest, "persistedQuery must be an object")
	}
	if !isOne(query["version"]) {
		return n, refusal(CodeBadRequest, "unsupported persisted query version: want 1")
	}
	if n.hash, ok = query["sha256Hash"].(string); !ok || !isID.MatchString(n.hash) {
		return n, refusal(CodeBadRequest, "persistedQuery.sha256Hash must be 64 hexadecimal digits in lower case")
	}
	return n, nil
}

func isOne(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return v == "1"
	case float64:
		return v == 1
	case int:
		return v == 1
	}
	return false
}

var (
	isID   = regexp.MustCompile(`^[A-Za-z0-9:_.~-]{1,128}$`)
	isHash = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

const idForm = "1 to 128 letters, digits or any of : _ . ~ -"

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func notTrusted() *gqlerror.Error {
	return refusal(CodeNotTrusted, "only trusted documents are run here")
}

func refusal(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}
