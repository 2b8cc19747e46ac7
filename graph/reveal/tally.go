package reveal

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// Field is a field of the schema that shows what identifies a person.
type Field uint32

// The fields with the directive @personal. A value of another field is not written whole.
const (
	PhoneNumber Field = 1 << iota
	CustomerPhoneNumber
	ValidationFailureNumber
	QuarantineEntryRaw
	PhoneConditionsNumberPrefix
)

// Fields returns the coordinates of the personal fields, in the order of their bits.
func Fields() []string {
	return []string{
		"Phone.number", "CustomerPhone.number", "ValidationFailure.number", "QuarantineEntry.raw", "PhoneConditions.numberPrefix",
	}
}

// fieldOf is the field of a coordinate; 0: it is not personal.
func fieldOf(object, name string) Field {
	switch {
	case object == "Phone" && name == "number":
		return PhoneNumber
	case object == "CustomerPhone" && name == "number":
		return CustomerPhoneNumber
	case object == "ValidationFailure" && name == "number":
		return ValidationFailureNumber
	case object == "QuarantineEntry" && name == "raw":
		return QuarantineEntryRaw
	case object == "PhoneConditions" && name == "numberPrefix":
		return PhoneConditionsNumberPrefix
	}
	return 0
}

// own reports whether a field only gives back what its caller has sent, so that nothing is revealed by it: it follows from
// that and the numbering rules, and nothing of the registry is read for it.
func own(object string, field graphql.CollectedField) bool {
	return object == "NormalizedPhone" && field.Name == "number"
}

// tally counts what one operation shows whole. It is in the context of those operations only whose caller may see whole
// numbers: without it everything of the registry is masked, so that nothing whole is written that is not counted.
type tally struct {
	fields atomic.Uint32
	values atomic.Int64
}

type tallyKey struct{}

// Begin returns a context in which whole values are counted, when its actor may see them.
func Begin(ctx context.Context) context.Context {
	ctx, _ = begin(ctx)
	return ctx
}

func begin(ctx context.Context) (context.Context, *tally) {
	if !registry.ActorFrom(ctx).SeesWholeNumbers() {
		return Masked(ctx), nil
	}
	t := &tally{}
	return context.WithValue(ctx, tallyKey{}, t), t
}

// Masked returns a context in which everything of the registry is masked.
func Masked(ctx context.Context) context.Context {
	if of(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, tallyKey{}, (*tally)(nil))
}

func of(ctx context.Context) *tally {
	t, _ := ctx.Value(tallyKey{}).(*tally)
	return t
}

// Whole reports whether the value of the field that the context resolves is to be written whole, and counts it. What its
// caller has sent is whole for everyone, and not counted.
func Whole(ctx context.Context) bool {
	at := graphql.GetFieldContext(ctx)
	if at == nil {
		return false
	}
	if own(at.Object, at.Field) {
		return true
	}
	t := of(ctx)
	if t == nil {
		return false
	}
	f := fieldOf(at.Object, at.Field.Name)
	if f != 0 {
		t.count(f, 1)
	}
	return f != 0
}

// WholeList reports the same for many values of a field at once.
func WholeList(ctx context.Context, f Field, values int) bool {
	t := of(ctx)
	if t == nil {
		return false
	}
	t.count(f, int64(values))
	return true
}

func (t *tally) count(f Field, values int64) {
	if t.fields.Load()&uint32(f) == 0 { // most values are of a field that was seen before
		t.fields.Or(uint32(f))
	}
	t.values.Add(values)
}

// take returns what was shown since it was called last.
func (t *tally) take() (fields []string, values int64) {
	if values = t.values.Swap(0); values == 0 {
		return nil, 0
	}
	shown := t.fields.Swap(0)
	at := -1
	return slices.DeleteFunc(Fields(), func(string) bool { at++; return shown&(1<<at) == 0 }), values
}
