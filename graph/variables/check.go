package variables

import (
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// maxErrors is how many errors of one request are told.
const maxErrors = 20

// checking is the check of one operation's variables.
type checking struct {
	*Executor
	at     *ast.Position // where the variable is declared, or the value written
	prefix string        // of the path, in messages
	path   []string      // to the value at hand, by names and places in lists; the first is the variable or argument
	wrong  gqlerror.List
}

// check returns what is wrong with the variables, and with what a mutation writes out, at most maxErrors of it.
func (e *Executor) check(operation *ast.OperationDefinition, sent map[string]any) gqlerror.List {
	c := checking{Executor: e, prefix: "variable $"}
	for _, v := range operation.VariableDefinitions {
		c.at, c.path = v.Position, append(c.path[:0], v.Variable)
		value, given := sent[v.Variable]
		switch {
		case given:
			c.value(v.Type, value)
		case v.Type.NonNull && v.DefaultValue == nil:
			c.tell("is missing: want " + v.Type.String())
		}
	}
	if operation.Operation == ast.Mutation {
		c.literals(operation)
	}
	return c.wrong
}

func (c *checking) done() bool { return len(c.wrong) >= maxErrors }

// tell notes that the value at hand is wrong. It never repeats the value, which may be a phone number or a secret.
func (c *checking) tell(what string) {
	err := &gqlerror.Error{Message: c.name() + " " + what}
	errcode.Set(err, errcode.ValidationFailed)
	c.add(err)
}

func (c *checking) add(err *gqlerror.Error) {
	if c.at != nil {
		err.Locations = []gqlerror.Location{{Line: c.at.Line, Column: c.at.Column}}
	}
	err.Extensions["argument"] = strings.Join(c.path, ".")
	c.wrong = append(c.wrong, err)
}

func (c *checking) name() string { return c.prefix + strings.Join(c.path, ".") }

// inside looks at a value below the one at hand.
func (c *checking) inside(step string, t *ast.Type, value any) {
	c.path = append(c.path, step)
	c.value(t, value)
	c.path = c.path[:len(c.path)-1]
}

func (c *checking) value(t *ast.Type, value any) {
	switch {
	case c.done():
	case value == nil:
		if t.NonNull {
			c.tell("is null: want " + t.String())
		}
	case t.Elem != nil:
		c.list(t.Elem, value)
	default:
		c.named(c.schema.Types[t.NamedType], value)
	}
}

// list looks at each entry. What is no list stands for a list of it alone.
func (c *checking) list(entry *ast.Type, value any) {
	if all, ok := value.([]any); ok {
		for i := 0; i < len(all) && !c.done(); i++ {
			c.inside(strconv.Itoa(i), entry, all[i])
		}
		return
	}
	// The executor has made lists of values that stand for one.
	if all := reflect.ValueOf(value); all.Kind() == reflect.Slice {
		for i := 0; i < all.Len() && !c.done(); i++ {
			c.inside(strconv.Itoa(i), entry, all.Index(i).Interface())
		}
		return
	}
	c.value(entry, value)
}

func (c *checking) named(def *ast.Definition, value any) {
	switch def.Kind {
	case ast.InputObject:
		c.object(def, value)
	case ast.Enum:
		if text, ok := value.(string); !ok || def.EnumValues.ForName(text) == nil {
			c.tell("is no " + def.Name + meant(def))
		}
	default:
		c.ofScalar(def, value)
	}
}

// meant lists the values of an enum, like a suggestion of the validator: the presenter leaves it out for callers who may not
// see the schema.
func meant(def *ast.Definition) string {
	names := make([]string, len(def.EnumValues))
	for i, v := range def.EnumValues {
		names[i] = v.Name
	}
	return ". Did you mean one of " + strings.Join(names, ", ") + "?"
}

func (c *checking) object(def *ast.Definition, value any) {
	members, ok := value.(map[string]any)
	if !ok {
		c.tell("is no " + def.Name + ": want an object")
		return
	}
	known := 0
	for _, f := range def.Fields {
		member, given := members[f.Name]
		if given {
			known++
			c.inside(f.Name, f.Type, member)
		} else if f.Type.NonNull && f.DefaultValue == nil && !c.done() {
			c.path = append(c.path, f.Name)
			c.tell("is missing: want " + f.Type.String())
			c.path = c.path[:len(c.path)-1]
		}
	}
	if known == len(members) {
		return
	}
	for name := range members {
		if def.Fields.ForName(name) == nil && !c.done() {
			c.tell("holds " + shown(name) + ", which " + def.Name + " does not have")
		}
	}
}

var nameRegexp = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]{0,63}$`)

// shown is a name of the caller's, unless it may be something else.
func shown(name string) string {
	if nameRegexp.MatchString(name) {
		return name
	}
	return "a member"
}

func (c *checking) ofScalar(def *ast.Definition, value any) {
	if want := wanted(def.Name); want != "" {
		if !is(def.Name, value) {
			c.tell("is no " + def.Name + ": want " + want)
		}
		return
	}
	err := c.scalar(def.Name, value)
	if err == nil {
		return
	}
	told := &gqlerror.Error{Message: c.name() + " is no " + def.Name, Extensions: map[string]any{"code": errcode.ValidationFailed}}
	if es, ok := registry.UserErrors(err); ok && len(es) > 0 {
		told.Message, told.Extensions["code"] = c.name()+" is "+es[0].Message, string(es[0].Code)
	}
	c.add(told)
}

// wanted is what a value of a scalar of the specification is; "" for other scalars.
func wanted(scalar string) string {
	switch scalar {
	case "Int":
		return "a whole number of 32 bits"
	case "Float":
		return "a number"
	case "String":
		return "a text"
	case "Boolean":
		return "true or false"
	case "ID":
		return "a text or a whole number"
	}
	return ""
}

// is reports whether a value of JSON is one of a scalar of the specification.
func is(scalar string, value any) bool {
	switch v := value.(type) {
	case string:
		return scalar == "String" || scalar == "ID"
	case bool:
		return scalar == "Boolean"
	case json.Number:
		return isNumber(scalar, string(v))
	case float64: // of a caller in the same program, for whom whole numbers are whole
		return isNumber(scalar, strconv.FormatFloat(v, 'f', -1, 64))
	case int:
		return isNumber(scalar, strconv.Itoa(v))
	case int64:
		return isNumber(scalar, strconv.FormatInt(v, 10))
	}
	return false
}

func isNumber(scalar, text string) bool {
	switch scalar {
	case "Int":
		_, err := strconv.ParseInt(text, 10, 32)
		return err == nil
	case "ID":
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	case "Float":
		f, err := strconv.ParseFloat(text, 64)
		return err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
	}
	return false
}
