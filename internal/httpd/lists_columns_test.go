package httpd_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// valuesOf collects the values of a field at the end of a path.
func valuesOf(data json.RawMessage, path []string, field string) []string {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	if data[0] == '[' {
		var all []json.RawMessage
		_ = json.Unmarshal(data, &all) // it was made by the executor
		var values []string
		for _, one := range all {
			values = append(values, valuesOf(one, path, field)...)
		}
		return values
	}
	var object map[string]json.RawMessage
	_ = json.Unmarshal(data, &object)
	if nodes, ok := object["nodes"]; ok {
		return valuesOf(nodes, path, field)
	}
	if len(path) == 0 {
		return []string{string(object[field])}
	}
	return valuesOf(object[path[0]], path[1:], field)
}

// says reports whether a value differs from that of a column that was not read.
func says(value string) bool {
	return !slices.Contains([]string{"null", `""`, "0", "false", "[]", "{}", `"PT0S"`, `"1970-01-01T00:00:00Z"`}, value)
}

// alike are fields whose value is the same wherever they stand, or which may be empty everywhere.
func alike(field string) bool {
	return slices.Contains([]string{
		"totalCount", "hasPreviousPage",
		"ratePerSecond", "rowsPerSecond", // follow from the time that passes
	}, field)
}

// TestEachFieldAlone: only the columns that are asked for are read, so each field is asked for alone, and must be what it is
// among all the others. The rig must have a value of it that a column that was not read would not have.
func TestEachFieldAlone(t *testing.T) {
	a := newFullApp(t)
	schema := httpd.Schema()
	seen := map[string]bool{}
	look := func(t *testing.T, r route) {
		for _, field := range plain(schema, r.shape.object) {
			_, all := a.reads(t, registry.RoleAdmin, r.whole(schema))
			_, alone := a.reads(t, registry.RoleAdmin, r.open+field+r.close)
			want, got := valuesOf(all.Data, r.names, field), valuesOf(alone.Data, r.names, field)
			if !slices.Equal(want, got) {
				t.Errorf("%s.%s: %v among other fields, %v alone", r, field, want, got)
			}
			if name := r.shape.object.Name + "." + field; !alike(field) && slices.ContainsFunc(want, says) {
				seen[name] = true
			} else if _, known := seen[name]; !known {
				seen[name] = alike(field)
			}
		}
	}
	for name, pair := range roots(t, schema) {
		t.Run(name, func(t *testing.T) {
			look(t, pair[1])
			routes(schema, pair, 0, func(_, many route) {
				if len(many.names) <= 3 {
					look(t, many)
				}
			})
		})
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if !seen[name] {
			t.Errorf("%s: the rig has no value that tells", name)
		}
	}
}

// TestUnaskedColumns looks at what is sent to PostgreSQL: what nobody asked for is not read.
func TestUnaskedColumns(t *testing.T) {
	a := newFullApp(t)
	for name, c := range map[string]struct {
		role  registry.Role
		query string
		read  []string // stand in some statement
		not   []string // stand in none
	}{
		"phones": {registry.RoleAdmin, `{ phones { nodes { id region } } }`, []string{"p.number", "p.region"},
			[]string{"p.timezones", "p.location", "p.original_carrier", "p.created_at", "count("}},
		"phones by registration": {registry.RoleAdmin, `{ phones(orderBy: {field: CREATED_AT}) { nodes { id } } }`, []string{"p.created_at"}, []string{"p.updated_at,", "p.timezones"}},
		"evidence":               {registry.RoleAdmin, `{ phones { nodes { validations { platform status } } } }`, []string{"v.status"}, []string{"v.details", "v.method"}},
		"components":             {registry.RoleAdmin, `{ leads { nodes { components { points } } } }`, []string{"v.method", "v.strength", "s.coverage"}, []string{"v.details", "v.latency_ms", "s.model_version"}},
		"leads":                  {registry.RoleAdmin, `{ leads { nodes { total } } }`, []string{"s.total"}, []string{"s.coverage", "s.whatsapp", "s.model_version", "count("}},
		"history":                {registry.RoleAdmin, `{ leads { nodes { history(first: 1) { nodes { total } } } } }`, []string{"h.total"}, []string{"h.coverage", "h.model_version", "count("}},
		"jobs":                   {registry.RoleAdmin, `{ validationJobs { nodes { id } } }`, []string{"j.id"}, []string{"j.platforms", "j.name", "j.error_message", "count(", "JOIN"}},
		"failures":               {registry.RoleAdmin, `{ validationJobs { nodes { failures(first: 1) { nodes { platform } } } } }`, []string{"f.platform"}, []string{"f.reason", "f.failed_at", "count("}},
		"schedules":              {registry.RoleAdmin, `{ validationSchedules { nodes { id } } }`, []string{"s.id"}, []string{"s.filter", "s.platforms", "s.spent", "count("}},
		"jobs of schedules": {registry.RoleAdmin, `{ validationSchedules { nodes { jobs(first: 1) { nodes { status } } } } }`,
			[]string{"j.status"}, []string{"j.platforms", "j.error_message", "count("}},
		"imports":        {registry.RoleAdmin, `{ imports { nodes { id } } }`, []string{"b.id"}, []string{"b.rejections", "b.options", "b.file_name", "count("}},
		"quarantine":     {registry.RoleAdmin, `{ imports { nodes { quarantine(first: 1) { nodes { row } } } } }`, []string{"q.row_no"}, []string{"q.raw", "q.message", "count("}},
		"raw rows":       {registry.RoleAdmin, `{ imports { nodes { quarantine(first: 1) { nodes { raw } } } } }`, []string{"q.raw"}, []string{"q.message"}},
		"hidden rows":    {registry.RoleViewer, `{ imports { nodes { quarantine(first: 1) { nodes { row raw } } } } }`, []string{"q.row_no"}, []string{"q.raw"}},
		"webhooks":       {registry.RoleAdmin, `{ webhooks { nodes { id url } } }`, []string{"w.url"}, []string{"webhook_deliveries", "w.events", "count("}},
		"deliveries":     {registry.RoleAdmin, `{ webhooks { nodes { deliveries(first: 1) { nodes { id } } } } }`, []string{"d.id"}, []string{"d.error", "o.type", "count("}},
		"customer":       {registry.RoleAdmin, `{ customer(customerId: "collector") { phones { number } } }`, []string{"c.number", "p.lookup_in_service IS NOT NULL"}, []string{"sources", "c.extension", "p.region", "JOIN phones p ON p.number = c.number\n"}},
		"customer, deep": {registry.RoleAdmin, `{ customer(customerId: "collector") { phones { source phone { region } } } }`, []string{"sources", "p.region"}, []string{"c.extension", "p.location", "p.timezones"}},
		"holders":        {registry.RoleAdmin, `{ phones { nodes { customers(first: 1) { nodes { customerId } } } } }`, []string{"c.customer_id"}, []string{"sources", "c.extension", "count("}},
	} {
		t.Run(name, func(t *testing.T) {
			sent, _ := a.reads(t, c.role, c.query)
			text := strings.Join(sent, "\n---\n")
			for _, column := range c.read {
				if !strings.Contains(text, column) {
					t.Errorf("%s is not read by\n%s", column, text)
				}
			}
			for _, column := range c.not {
				if strings.Contains(text, column) {
					t.Errorf("%s is read by\n%s", column, text)
				}
			}
		})
	}
}
