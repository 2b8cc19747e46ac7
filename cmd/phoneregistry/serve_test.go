package main

import (
	"bytes"
	"strings"
	"testing"

	"phoneregistry/internal/config"
)

// here is a server for those who only print where it is.
type here struct{}

func (here) URL() string        { return "http://127.0.0.1:8080" }
func (here) AdminURL() string   { return "http://127.0.0.1:8081" }
func (here) Token() string      { return "prk_secret" }
func (here) TokenPlace() string { return "from PHONEREGISTRY_ADMIN_TOKEN" }
func (here) HasUI() bool        { return true }

// TestAddresses: a person gets addresses that let in; in production, where they are logged, they hold no token, and name
// nothing that is not there.
func TestAddresses(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		access config.Access
		want   []string
		not    string
	}{
		"at home": {
			config.Access{}, []string{"http://127.0.0.1:8080/#token=prk_secret\n", "http://127.0.0.1:8080/graphiql#token=prk_secret\n"}, "no such text",
		},
		"in production": {config.Access{Production: true}, []string{"Dashboard  http://127.0.0.1:8080/\n"}, "GraphiQL"},
		"with GraphiQL": {config.Access{Production: true, GraphiQL: &yes}, []string{"GraphiQL   http://127.0.0.1:8080/graphiql\n"}, "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := &serveCommand{}
			s.Access = c.access
			printAddresses(console{out: &out}, s, here{})
			for _, want := range append(c.want, "Token      from PHONEREGISTRY_ADMIN_TOKEN\n", "8080/graphql ", "8081/metrics\n") {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, &out)
				}
			}
			if c.access.Production && strings.Contains(out.String(), "secret") || strings.Contains(out.String(), c.not) {
				t.Errorf("it says %q, or the token:\n%s", c.not, &out)
			}
		})
	}
}
