package guard

import (
	"unsafe"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// What the nodes of a parsed document take. The position of a node is a part of the token that it was read from, which
// is kept whole; a list takes up to twice the room of what is in it, for it grows by doubling.
const (
	sizeOfPosition = int(unsafe.Sizeof(lexer.Token{})) + 16
	sizeOfLink     = 2 * int(unsafe.Sizeof(ast.Selection(nil)))

	sizeOfOperation = int(unsafe.Sizeof(ast.OperationDefinition{})) + sizeOfPosition + sizeOfLink
	sizeOfFragment  = int(unsafe.Sizeof(ast.FragmentDefinition{})) + sizeOfPosition + sizeOfLink
	sizeOfVariable  = int(unsafe.Sizeof(ast.VariableDefinition{})) + sizeOfPosition + sizeOfLink
	sizeOfType      = int(unsafe.Sizeof(ast.Type{})) + sizeOfPosition
	sizeOfField     = int(unsafe.Sizeof(ast.Field{})) + sizeOfPosition + sizeOfLink
	sizeOfInline    = int(unsafe.Sizeof(ast.InlineFragment{})) + sizeOfPosition + sizeOfLink
	sizeOfSpread    = int(unsafe.Sizeof(ast.FragmentSpread{})) + sizeOfPosition + sizeOfLink
	sizeOfDirective = int(unsafe.Sizeof(ast.Directive{})) + sizeOfPosition + sizeOfLink
	sizeOfArgument  = int(unsafe.Sizeof(ast.Argument{})) + sizeOfPosition + sizeOfLink
	sizeOfValue     = int(unsafe.Sizeof(ast.Value{})) + int(unsafe.Sizeof(ast.ChildValue{})) + 2*sizeOfPosition + sizeOfLink

	// sizeOfTypename is what validation adds to a __typename: a definition of its own.
	sizeOfTypename = int(unsafe.Sizeof(ast.FieldDefinition{})) + int(unsafe.Sizeof(ast.Type{})) + 32
	// sizeOfEntry is what the cache itself keeps for a document.
	sizeOfEntry = 512
)

// sizeOfComments is what the comments in front of a node take. Nodes may have the same ones; they count for each.
func sizeOfComments(c *ast.CommentGroup) int {
	if c == nil {
		return 0
	}
	return int(unsafe.Sizeof(*c)) + len(c.List)*(int(unsafe.Sizeof(ast.Comment{}))+sizeOfPosition+sizeOfLink)
}
