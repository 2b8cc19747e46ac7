package access

//go:generate go run phoneregistry/internal/tools/access -schema ../../schema.graphqls -o ../../docs/api/access.md
