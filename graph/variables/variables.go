// Package variables holds the variables of an operation to what its schema says of them, to the letter of the
// specification (6.1.2, coercing variable values). The executor's own check takes a text for a number and a number for a
// text, leaves custom scalars to the fields that they are for, when others of the same mutation have been run, and names
// types of Go. What mutations write out for custom scalars is held to them with the variables.
package variables

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Scalar reports what is wrong with a value of a custom scalar; nil: nothing.
type Scalar func(name string, value any) error

// Executor refuses operations with variables that are not what the operation says. All else is the executor's inside.
type Executor struct {
	graphql.GraphExecutor
	schema *ast.Schema
	scalar Scalar
}

// New wraps an executor of a schema.
func New(exec graphql.GraphExecutor, schema *ast.Schema, scalar Scalar) *Executor {
	return &Executor{exec, schema, scalar}
}

// CreateOperationContext looks at variables as they were sent, also where the executor inside has refused them: what is said
// of them is said here.
func (e *Executor) CreateOperationContext(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	opCtx, errs := e.GraphExecutor.CreateOperationContext(ctx, params)
	if opCtx == nil || opCtx.Operation == nil || (len(errs) > 0 && !ofVariables(errs[0])) || !concerns(opCtx.Operation) {
		return opCtx, errs
	}
	if wrong := e.check(opCtx.Operation, params.Variables); len(wrong) > 0 {
		return opCtx, wrong
	}
	return opCtx, errs
}

// concerns reports whether there is anything to look at.
func concerns(operation *ast.OperationDefinition) bool {
	return len(operation.VariableDefinitions) > 0 || operation.Operation == ast.Mutation
}

// ofVariables reports whether an error is the executor's own about a variable.
func ofVariables(err *gqlerror.Error) bool {
	return len(err.Path) > 0 && err.Path[0] == ast.PathName("variable")
}
