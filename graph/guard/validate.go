package guard

import (
	"strconv"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// maxErrors is how many errors of one document are told. A document with more of them is not looked at again to suggest
// what may have been meant, which takes long.
const maxErrors = 20

// Rules are the rules of validation but two: whether fields of the same name can be merged is seen to by this package, for
// the rule compares each pair of them; and whether a subscription asks for one stream, which the rule does not always see.
func Rules() *rules.Rules {
	r := rules.NewDefaultRules()
	r.RemoveRule(rules.OverlappingFieldsCanBeMergedRule.Name)
	r.ReplaceRule(rules.SingleFieldSubscriptionsRule.Name, oneRoot)
	return r
}

// quickRules are the same rules, without suggestions in what they tell.
func quickRules() *rules.Rules {
	r := Rules()
	for _, pair := range [...]struct{ slow, quick validator.Rule }{
		{rules.FieldsOnCorrectTypeRule, rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
		{rules.KnownArgumentNamesRule, rules.KnownArgumentNamesRuleWithoutSuggestions},
		{rules.KnownTypeNamesRule, rules.KnownTypeNamesRuleWithoutSuggestions},
		{rules.ScalarLeafsRule, rules.ScalarLeafsRuleWithoutSuggestions},
		{rules.ValuesOfCorrectTypeRule, rules.ValuesOfCorrectTypeRuleWithoutSuggestions},
	} {
		r.RemoveRule(pair.slow.Name)
		r.AddRule(pair.quick.Name, pair.quick.RuleFunc)
	}
	return r
}

// validate validates a document that was checked.
func (g *Guard) validate(doc *ast.QueryDocument) gqlerror.List {
	errs := validator.ValidateWithRules(g.schema, doc, g.rules())
	switch n := len(errs); {
	case n > maxErrors:
		first := errs[0]
		first.Message += " (this and " + strconv.Itoa(n-1) + " other errors)"
		errs = errs[:1]
	case n > 0:
		errs = validator.ValidateWithRules(g.schema, doc, Rules())
	default:
		errs = merge(g.schema, doc, g.limits.Work)
	}
	for _, err := range errs {
		if err.Extensions == nil {
			errcode.Set(err, errcode.ValidationFailed)
		}
	}
	return errs
}

// invalid is an error of validation.
func invalid(message string, at *ast.Position) *gqlerror.Error {
	err := &gqlerror.Error{Message: message}
	if at != nil {
		err.Locations = []gqlerror.Location{{Line: at.Line, Column: at.Column}}
	}
	errcode.Set(err, errcode.ValidationFailed)
	return err
}
