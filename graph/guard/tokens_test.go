package guard

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// What the parser takes within a number of tokens is what is counted as no more than that.
func TestTokensAreCountedAsTheParserDoes(t *testing.T) {
	for name, text := range map[string]string{
		"fields":    "{" + strings.Repeat("a ", 40) + "}",
		"comments":  "#\n{" + strings.Repeat("a #x\n", 20) + "}#\n#\n",
		"values":    `query($a: [Int!]! = [1, -2.5e3]) { a(b: "x", c: """y "" z""", d: {e: $a, f: TRUE, g: null}) @h ...i ... on J { k } }`,
		"fragments": "{ ...f } fragment f on Q { a: b }",
	} {
		n := countTokens(text)
		if seemsBeyond(2*len(text), text) || !seemsBeyond(n/2, text) {
			t.Errorf("%s: a wrong guess", name)
		}
		for limit := max(1, n-3); limit <= n+1; limit++ {
			_, byParser := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, limit)
			_, err := Limits{Bytes: 1000, Tokens: limit}.Parse(text)
			if (byParser != nil) != (n > limit) || (err != nil) != (n > limit) {
				t.Errorf("%s: %d tokens within %d: %v, and by the parser %v", name, n, limit, err, byParser)
			}
			if err != nil && (err.Extensions["limit"] != limitTokens || err.Extensions["value"] != n) {
				t.Errorf("%s: %+v; want tokens, %d", name, err, n)
			}
		}
	}
}
