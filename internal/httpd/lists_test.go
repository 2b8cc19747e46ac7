package httpd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry"
)

func TestPagesThroughEveryOrder(t *testing.T) {
	a := newApp(t)
	const count = 23
	numbers := a.addPhones(t, count)
	a.startJob(t, numbers[:15], 4, "WHATSAPP", "GOOGLE")
	for a.work(t, 100, func(n registry.Number, p registry.Platform) registry.Check {
		if n%3 == 0 {
			return refused(n, p)
		}
		return active(n, p)
	}) > 0 {
	}
	const query = `query($field: PhoneOrderField!, $direction: OrderDirection, $first: Int, $after: String) {
		phones(orderBy: {field: $field, direction: $direction}, first: $first, after: $after) {
			totalCount
			edges { cursor node { number createdAt updatedAt leadScore { total } } }
			nodes { number }
			pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
		}
	}`
	type node struct {
		Number               string
		CreatedAt, UpdatedAt time.Time
		LeadScore            *struct{ Total int }
	}
	type result struct {
		Phones struct {
			TotalCount int
			Edges      []struct {
				Cursor string
				Node   node
			}
			Nodes    []struct{ Number string }
			PageInfo struct {
				HasNextPage, HasPreviousPage bool
				StartCursor, EndCursor       *string
			}
		}
	}
	key := map[string]func(node) string{
		"NUMBER":     func(n node) string { return n.Number },
		"CREATED_AT": func(n node) string { return fmt.Sprint(n.CreatedAt.UnixMicro()) },
		"UPDATED_AT": func(n node) string { return fmt.Sprint(n.UpdatedAt.UnixMicro()) },
		"SCORE": func(n node) string {
			if n.LeadScore == nil {
				return "000"
			}
			return fmt.Sprintf("%03d", n.LeadScore.Total)
		},
	}
	for field := range key {
		for _, direction := range []string{"ASC", "DESC"} {
			t.Run(field+" "+direction, func(t *testing.T) {
				var seen []node
				var after any
				for page := 0; ; page++ {
					got := ask[result](t, a.forPurpose("pages"), registry.RoleSteward, query,
						vars{"field": field, "direction": direction, "first": 7, "after": after}).Phones
					if got.TotalCount != count || got.PageInfo.HasPreviousPage || len(got.Nodes) != len(got.Edges) {
						t.Fatalf("page %d: %+v", page, got)
					}
					for _, e := range got.Edges {
						seen = append(seen, e.Node)
					}
					if last := got.Edges[len(got.Edges)-1].Cursor; last != *got.PageInfo.EndCursor {
						t.Errorf("page %d ends at %s, its last edge at %s", page, *got.PageInfo.EndCursor, last)
					}
					if !got.PageInfo.HasNextPage {
						break
					}
					after = *got.PageInfo.EndCursor
				}
				keys := make([]string, len(seen))
				distinct := map[string]bool{}
				for i, n := range seen {
					keys[i] = key[field](n)
					distinct[n.Number] = true
				}
				if direction == "DESC" {
					slices.Reverse(keys)
				}
				if len(seen) != count || len(distinct) != count || !slices.IsSorted(keys) {
					t.Errorf("%d entries in the order %v", len(seen), keys)
				}
			})
		}
	}
}

func TestPagesOutOfBounds(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 3)
	cursor := ask[struct {
		Phones struct{ PageInfo struct{ EndCursor string } }
	}](t, a, registry.RoleViewer, `{ phones(first: 1) { pageInfo { endCursor } } }`, nil).Phones.PageInfo.EndCursor
	for name, c := range map[string]struct {
		arguments string
		variables vars
		code      string
	}{
		"none":            {`first: 0`, nil, "INVALID_INPUT"},
		"less than none":  {`first: -1`, nil, "INVALID_INPUT"},
		"too many":        {`first: 501`, nil, "LIMIT_EXCEEDED"},
		"too many in $n":  {`first: $n`, vars{"n": 501}, "LIMIT_EXCEEDED"},
		"billions in $n":  {`first: $n`, vars{"n": 1 << 30}, "LIMIT_EXCEEDED"},
		"no cursor":       {`after: "AAAA"`, nil, "INVALID_INPUT"},
		"another's order": {`orderBy: {field: SCORE}, after: $c`, vars{"c": cursor}, "INVALID_INPUT"},
		"altered":         {`after: $c`, vars{"c": cursor[:len(cursor)-2] + "AA"}, "INVALID_INPUT"},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.try(t, registry.RoleViewer, `query($n: Int, $c: String) {
				phones(`+c.arguments+`) { nodes { number } } a: sources { name @include(if: false) priority }
				b: phones(first: $n, after: $c) @skip(if: true) { totalCount }
			}`, c.variables)
			if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != c.code {
				t.Errorf("%+v; want %s", got.Errors, c.code)
			}
		})
	}
	if got := a.try(t, registry.RoleViewer, `query($c: String) { phones(after: $c) { nodes { id } } }`, vars{"c": cursor}); len(got.Errors) > 0 {
		t.Errorf("the cursor of the list: %+v", got.Errors)
	}
}

// A list and what hangs on it costs a number of statements that does not grow with the list.
func TestStatementsDoNotGrowWithLists(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 12)
	for i := range 4 { // a household: four customers share a number
		_, err := a.service.AddPhone(asSystem(t), registry.AddPhone{
			CustomerID: fmt.Sprintf("household-%d", i), Number: numbers[0], Source: "web_forms",
		})
		must(t, err)
	}
	for range 3 {
		a.startJob(t, numbers, 50, "WHATSAPP")
	}
	for a.work(t, 100, active) > 0 {
	}
	for name, c := range map[string]struct {
		query string
		most  int
	}{
		"numbers":                    {`{ phones { nodes { id number region } } }`, 1},
		"count of a whole list":      {`{ phones { totalCount nodes { id } } }`, 1},
		"count of a part of a list":  {`{ phones(first: 2) { totalCount nodes { id } } }`, 2},
		"evidence and scores":        {`{ phones { nodes { validations { platform } leadScore { total } } } }`, 3},
		"by edges":                   {`{ phones { edges { node { validations { platform } leadScore { total } } } } }`, 3},
		"customers":                  {`{ phones { nodes { customers { totalCount nodes { customerId } } } } }`, 2},
		"customers' phones":          {`{ phones { nodes { customers { edges { node { phone { number validations { platform } } } } } } } }`, 3},
		"below a single object":      {`{ phones { nodes { leadScore { phone { leadScore { components { reason } } validations { platform } } } } } }`, 3},
		"leads":                      {`{ leads { nodes { total phone { number customers { nodes { phone { leadScore { total } } } } } components { points } } } }`, 4},
		"jobs":                       {`{ validationJobs { totalCount nodes { name progress { processed } } } }`, 2},
		"a customer":                 {`{ customer(customerId: "household-1") { customerId phones { number phone { number validations { platform } leadScore { total components { points } } } } } }`, 3},
		"the same under two aliases": {`{ a: phones { nodes { x: validations { platform } y: validations { status } } } }`, 2},
		"schema":                     {`{ __schema { types { name } } viewer { name } platforms { platform } }`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a.try(t, registry.RoleSteward, `{ viewer { name } }`, nil) // the token is known from now on
			var got answer
			sent := a.statements.during(func() { got = a.try(t, registry.RoleSteward, c.query, nil) })
			if len(got.Errors) > 0 {
				t.Fatalf("%+v", got.Errors)
			}
			if len(sent) != c.most {
				t.Errorf("%d statements; want %d:\n%s", len(sent), c.most, strings.Join(sent, "\n"))
			}
		})
	}
}
