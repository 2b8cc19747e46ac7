// Package datadict describes the tables of the registry as the catalogue of a migrated database knows them: the data
// dictionary.
package datadict

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Dictionary is what the catalogue says of the tables of the registry. Partitions are not listed beside their table,
// nor is the table in which migrations are counted.
type Dictionary struct {
	Enums  []Enum
	Tables []Table
}

// Enum is a type with a fixed set of values.
type Enum struct {
	Name    string
	Comment string // "" when there is none
	Values  []string
}

// Table is a table with its parts.
type Table struct {
	Name        string
	Comment     string // "" when there is none
	Partition   string // how it is divided, for example "RANGE (at)"; "" when it is not
	Columns     []Column
	Constraints []Constraint
	Indexes     []Index
}

// Column is a column of a table.
type Column struct {
	Name     string
	Type     string
	Nullable bool
	Default  string // "" when there is none
	Comment  string // "" when there is none
}

// Constraint is a rule that every row keeps: a check, a reference or a key.
type Constraint struct {
	Name       string
	Definition string
}

// Index is an index of a table.
type Index struct {
	Name       string
	Definition string // from the method on, for example "btree (region, number)"
	Unique     bool
	Comment    string // "" when there is none
}

// tables is the condition for the tables t that are listed.
const tables = `t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
	AND t.relname <> 'goose_db_version'`

const selectEnums = `
SELECT t.typname, coalesce(obj_description(t.oid, 'pg_type'), ''), array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
FROM pg_type t
JOIN pg_enum e ON e.enumtypid = t.oid
WHERE t.typnamespace = 'public'::regnamespace
GROUP BY t.oid, t.typname
ORDER BY t.typname`

const selectTables = `
SELECT t.relname, coalesce(obj_description(t.oid, 'pg_class'), ''), coalesce(pg_get_partkeydef(t.oid), '')
FROM pg_class t
WHERE ` + tables + `
ORDER BY t.relname`

const selectColumns = `
SELECT t.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
	CASE WHEN a.attidentity <> '' THEN 'GENERATED ALWAYS AS IDENTITY' ELSE coalesce(pg_get_expr(d.adbin, d.adrelid), '') END,
	coalesce(col_description(t.oid, a.attnum), '')
FROM pg_class t
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
WHERE ` + tables + `
ORDER BY t.relname, a.attnum`

// Keys show as indexes, and columns say themselves whether they may be null.
const selectConstraints = `
SELECT t.relname, c.conname, pg_get_constraintdef(c.oid)
FROM pg_class t
JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('c', 'f')
WHERE ` + tables + `
ORDER BY t.relname, c.contype, c.conname`

const selectIndexes = `
SELECT t.relname, i.relname, regexp_replace(pg_get_indexdef(i.oid), '^.* USING ', ''), x.indisunique,
	coalesce(obj_description(i.oid, 'pg_class'), '')
FROM pg_class t
JOIN pg_index x ON x.indrelid = t.oid
JOIN pg_class i ON i.oid = x.indexrelid
WHERE ` + tables + `
ORDER BY t.relname, x.indisprimary DESC, i.relname`

// Read reads the catalogue of the database that conn is connected to.
func Read(ctx context.Context, conn *pgx.Conn) (Dictionary, error) {
	var d Dictionary
	var enum Enum
	err := each(ctx, conn, selectEnums, []any{&enum.Name, &enum.Comment, &enum.Values}, func() {
		d.Enums = append(d.Enums, enum)
		enum = Enum{}
	})
	if err != nil {
		return Dictionary{}, err
	}
	var table Table
	at := map[string]int{}
	err = each(ctx, conn, selectTables, []any{&table.Name, &table.Comment, &table.Partition}, func() {
		at[table.Name] = len(d.Tables)
		d.Tables = append(d.Tables, table)
	})
	if err != nil {
		return Dictionary{}, err
	}
	return d, d.readParts(ctx, conn, at)
}

// readParts reads what the tables, whose places are given, are made of.
func (d *Dictionary) readParts(ctx context.Context, conn *pgx.Conn, at map[string]int) error {
	var of string
	var column Column
	err := each(ctx, conn, selectColumns, []any{&of, &column.Name, &column.Type, &column.Nullable, &column.Default, &column.Comment}, func() {
		d.Tables[at[of]].Columns = append(d.Tables[at[of]].Columns, column)
	})
	if err != nil {
		return err
	}
	var constraint Constraint
	err = each(ctx, conn, selectConstraints, []any{&of, &constraint.Name, &constraint.Definition}, func() {
		d.Tables[at[of]].Constraints = append(d.Tables[at[of]].Constraints, constraint)
	})
	if err != nil {
		return err
	}
	var index Index
	return each(ctx, conn, selectIndexes, []any{&of, &index.Name, &index.Definition, &index.Unique, &index.Comment}, func() {
		d.Tables[at[of]].Indexes = append(d.Tables[at[of]].Indexes, index)
	})
}

func each(ctx context.Context, conn *pgx.Conn, sql string, fields []any, do func()) error {
	rows, err := conn.Query(ctx, sql) //nolint:rowserrcheck // ForEachRow does
	if err == nil {
		_, err = pgx.ForEachRow(rows, fields, func() error { do(); return nil })
	}
	if err != nil {
		return fmt.Errorf("read catalogue: %w", err)
	}
	return nil
}

// Undescribed names everything that has no comment.
func (d Dictionary) Undescribed() []string {
	var missing []string
	note := func(comment, kind, name string) {
		if strings.TrimSpace(comment) == "" {
			missing = append(missing, kind+" "+name)
		}
	}
	for _, e := range d.Enums {
		note(e.Comment, "type", e.Name)
	}
	for _, t := range d.Tables {
		note(t.Comment, "table", t.Name)
		for _, c := range t.Columns {
			note(c.Comment, "column", t.Name+"."+c.Name)
		}
		for _, i := range t.Indexes {
			note(i.Comment, "index", i.Name)
		}
	}
	return missing
}
