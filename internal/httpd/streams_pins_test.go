package httpd_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"phoneregistry/registry"
)

// pinnedStream is what the start of a subscription costs.
type pinnedStream struct {
	field, about string
	role         registry.Role
	variables    vars
	arguments    string // as they stand in the operation
	sent         string // the statements, in their order
}

// TestStatementsOfSubscriptions pins what each field of Subscription sends to PostgreSQL until its first state is there. One
// that is new has to be told here.
func TestStatementsOfSubscriptions(t *testing.T) {
	c := withNames(t, newFullApp(t))
	first := func(list string) vars {
		_, got := c.reads(t, registry.RoleAdmin, "{ "+list+"(first: 1) { nodes { id } } }")
		return vars{"id": strings.Trim(valuesOf(got.Data, []string{list}, "id")[0], `"`)}
	}
	_, got := c.reads(t, registry.RoleAdmin, `{ leads(first: 7) { nodes { phone { number } } } }`)
	var leads struct {
		Leads struct {
			Nodes []struct{ Phone struct{ Number string } }
		}
	}
	must(t, json.Unmarshal(got.Data, &leads))
	var numbers []string
	for _, lead := range leads.Leads.Nodes {
		numbers = append(numbers, lead.Phone.Number)
	}
	ended := first("imports")
	c.exec(t, `UPDATE validation_jobs SET created_at = now() WHERE id = md5('job1.1')::uuid`) // it has ended, and is the newest
	pins := []pinnedStream{
		{"validationJobProgress", "", registry.RoleViewer, first("validationJobs"), "($id: ID!) { validationJobProgress(id: $id)", "job, job_platforms"},
		{"importProgress", "", registry.RoleViewer, ended, "($id: ID!) { importProgress(id: $id)", "import"},
	}
	for _, of := range []struct {
		about string
		role  registry.Role
		n     int
		sent  string
	}{
		{"of one number", registry.RoleAdmin, 1, "select lead_scores, select phones"},
		{"of seven", registry.RoleAdmin, 7, "select lead_scores, select phones"},
		// Those who see numbers masked must name such as are there.
		{"of one number, masked", registry.RoleViewer, 1, "select phones, select lead_scores, select phones"},
		{"of seven, masked", registry.RoleViewer, 7, "select phones, select lead_scores, select phones"},
	} {
		pins = append(pins, pinnedStream{"leadScoreChanged", of.about, of.role, vars{"n": numbers[:of.n]},
			"($n: [E164!]) { leadScoreChanged(filter: {numbers: $n})", of.sent})
	}
	known := map[string]bool{}
	for _, p := range pins {
		known[p.field] = true
		t.Run(p.field+" "+p.about, func(t *testing.T) {
			f := c.schema.Subscription.Fields.ForName(p.field)
			if f == nil {
				t.Fatal("it is not there any more")
			}
			query := "subscription " + p.arguments + " " + c.selection(c.schema.Types[f.Type.Name()], 0) + " }"
			if sent := c.startOf(t, p, query); sent != p.sent {
				t.Errorf("sent were\n\t%s\npinned are\n\t%s", sent, p.sent)
			}
		})
	}
	for _, f := range c.schema.Subscription.Fields {
		if !known[f.Name] {
			t.Errorf("Subscription.%s is new: pin what it costs", f.Name)
		}
		delete(known, f.Name)
	}
	if len(known) > 0 {
		t.Errorf("there is no %v any more", slices.Sorted(maps.Keys(known)))
	}
}

// startOf returns what the statements until the first state of a stream are called. What the server does by itself meanwhile
// may come in between: the least of a few attempts counts.
func (c *changes) startOf(t *testing.T, p pinnedStream, query string) string {
	t.Helper()
	leads := p.field == "leadScoreChanged"
	count := c.statements.during // the state of a job or an import is loaded for all who watch, and so for no request
	if leads {
		count = c.statements.ofRequests
	}
	var least []string
	for attempt := range 3 {
		var names []string
		for _, sql := range count(func() {
			stream := c.subscribe(t, p.role, query, p.variables)
			var payload string
			if leads {
				payload = string(stream.next(t).Payload)
			} else {
				payload = stream.last(t) // the first: what is watched has ended
			}
			if !strings.Contains(payload, p.field) || strings.Contains(payload, `"errors"`) {
				t.Fatal(payload)
			}
			must(t, stream.Close())
		}) {
			names = append(names, c.called(sql))
		}
		if attempt == 0 || len(names) < len(least) {
			least = names
		}
	}
	return strings.Join(least, ", ")
}
