// Package migrations holds the schema of the database as goose migrations, embedded in the binary.
package migrations

import "embed"

//go:generate go run phoneregistry/internal/tools/datadict -o ../docs/data-dictionary.md

// Files holds the migrations, one SQL file each, named NNNNN_what.sql.
//
//go:embed *.sql
var Files embed.FS
