// Package graph is the generated executor of schema.graphqls. Only this file is written by hand; `make generate`
// writes the rest from the schema and gqlgen.yml.
package graph

//go:generate env GODEBUG=gotypesalias=0 go tool gqlgen generate
