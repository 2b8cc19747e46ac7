package e2e_test

import (
	"slices"
	"strings"
	"testing"
)

const (
	runButton = ".graphiql-execute-button"
	// What the result window shows. The editor draws only the lines in sight, in no order, with hard spaces.
	resultText = `[...document.querySelectorAll(".result-window .view-line")]
		.sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
		.map((line) => line.textContent.replace(/\u00a0/g, " ")).join("\n")`
)

// graphiqlPage opens GraphiQL as somebody who comes from the address that the server prints.
func (s *site) graphiqlPage(t *testing.T, d device) *tab {
	t.Helper()
	tb := s.openOn(t, d, s.url+"/graphiql#token="+s.token)
	tb.ready()
	return tb
}

// ready waits until GraphiQL has made its editors: before, its button does nothing.
func (tb *tab) ready() {
	tb.t.Helper()
	tb.wait(".graphiql-query-editor .view-line")
	tb.wait(".result-window .monaco-editor")
}

// result waits until the result window shows all of some texts.
func (tb *tab) result(texts ...string) {
	tb.t.Helper()
	var all []string
	for _, text := range texts {
		all = append(all, `text.includes(`+quote(text)+`)`)
	}
	until[bool](tb, `((text) => `+strings.Join(all, " && ")+`)(`+resultText+`)`)
}

// example opens one of the examples and runs it. Its tab is named once GraphiQL has read it.
func (tb *tab) example(name, operation string) {
	tb.t.Helper()
	tb.click(id("graphiql-example-" + name))
	until[bool](tb, query(".graphiql-tab-active")+`?.innerText.includes(`+quote(operation)+`)`)
	tb.click(runButton)
}

func graphiql(t *testing.T, s *site) {
	tb := s.graphiqlPage(t, desk)
	if address := eval[string](tb, `location.href`); address != s.url+"/graphiql" {
		t.Errorf("the address is %s: the token should be gone from it", address)
	}
	tb.click(runButton)
	tb.result(`"number": "+576012345678"`, `"extension": "12"`)
	tb.shot("desktop-graphiql")

	tb.click(`[aria-label="Show Documentation Explorer"]`)
	tb.wait(".graphiql-doc-explorer-root-type")
	tb.click(".graphiql-doc-explorer-type-name")
	until[bool](tb, query(".graphiql-doc-explorer")+`.innerText.includes("normalizePhone")`)
	tb.shot("desktop-graphiql-docs")

	tb.click(`[aria-label="Show Examples"]`)
	tb.example("add-phone", "AddPhone")
	tb.result(`"number": "+573001234567"`, `"userErrors": []`)
	var d struct {
		Customer *struct{ Phones []struct{ Number string } }
	}
	s.query(&d, `{ customer(customerId: "example-1") { phones { number } } }`, nil)
	if d.Customer == nil || len(d.Customer.Phones) != 1 || d.Customer.Phones[0].Number != "+573001234567" {
		t.Errorf("after the mutation the customer is %+v", d.Customer)
	}
	tb.click(runButton)
	tb.result(`"created": false`)

	if stored := eval[string](tb, `JSON.stringify(localStorage)`); strings.Contains(stored, "123 4567") || strings.Contains(stored, "3001234567") {
		t.Errorf("what outlives the tab holds a number: %s", stored)
	}
	s.quiet(t, tb)
	tb.click(id("sign-out"))
	tb.wait(id("sign-in"))
}

// graphiqlSubscription starts a job by an example and watches it by another. The job is held meanwhile, so that its
// whole course is seen.
func graphiqlSubscription(t *testing.T, s *site) {
	s.seed(t)
	tb := s.graphiqlPage(t, desk)
	job := s.heldJob(t)
	tb.record(`((found) => found && { Status: found[1], Processed: Number(found[2]), Total: Number(found[3]) })(
		/"status": "(\w+)",\s+"processed": (\d+),\s+"total": (\d+)/.exec(` + resultText + `))`)
	tb.example("job-progress", "ValidationJobProgress")
	tb.result(`"status": "PAUSED"`)
	s.control(t, job, "resumeValidationJob")
	tb.result(`"status": "COMPLETED"`, `"percent": 100`)
	tb.shot("desktop-graphiql-subscription")

	type state struct {
		progress
		Status string
	}
	seen := recorded[state](tb)
	var counts []progress
	for _, one := range seen {
		counts = append(counts, one.progress)
	}
	checkGrowth(t, counts)
	if seen[0].Status != "PAUSED" || !slices.ContainsFunc(seen, func(s state) bool { return s.Status == "RUNNING" }) {
		t.Errorf("seen: %+v", seen)
	}
	addresses, _ := tb.seen()
	if !slices.ContainsFunc(addresses, func(address string) bool { return strings.HasPrefix(address, "ws://") }) {
		t.Errorf("no WebSocket was opened: %q", addresses)
	}
	s.quiet(t, tb)
}
