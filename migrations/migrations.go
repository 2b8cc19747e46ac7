// Package migrations holds the schema of the database as goose migrations, embedded in the binary.
package migrations

import "embed"

// Files holds the migrations, one SQL file each, named NNNNN_what.sql.
//
//go:embed *.sql
var Files embed.FS
