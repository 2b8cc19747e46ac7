package e2e_test

import (
	"strings"
	"testing"

	"phoneregistry/web"
)

// TestBrowserEventSource follows a job by a browser's own EventSource, which cannot send a token: a ticket opens it.
func TestBrowserEventSource(t *testing.T) {
	if _, built := web.Files(); !built {
		t.Fatal("the web interface is not built, so there is no page to stand on: run `make web`")
	}
	dir := dataDir(t)
	s := &site{browser: startBrowser(t), process: serve(t, dir, slowSimulator...), dir: dir}
	s.seed(t)
	job := s.heldJob(t)
	tb := s.open(t, s.url+"/")
	seen := run[struct {
		Ticket    string
		Processed []int64
		Status    string
		Complete  bool
		Again     string
	}](tb, "follow a job by EventSource", `(async () => {
		const headers = { Authorization: "Bearer " + `+quote(s.token)+`, "Content-Type": "application/json" };
		const made = await fetch("/v1/stream-tickets", { method: "POST", headers });
		const { ticket } = await made.json();
		const address = "/graphql?" + new URLSearchParams({
			query: "subscription($id: ID!) { validationJobProgress(id: $id) { job { status processed } } }",
			variables: JSON.stringify({ id: `+quote(job.ID)+` }),
			ticket,
		});
		const seen = { ticket, processed: [], status: "", complete: false, again: "" };
		await new Promise((done) => {
			const source = new EventSource(address);
			source.addEventListener("next", (event) => {
				const { job } = JSON.parse(event.data).data.validationJobProgress;
				seen.processed.push(job.processed);
				seen.status = job.status;
				if (seen.processed.length === 1) {
					const query = "mutation($id: ID!) { resumeValidationJob(input: { id: $id }) { userErrors { code } } }";
					fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables: { id: `+quote(job.ID)+` } }) });
				}
			});
			source.addEventListener("complete", () => {
				seen.complete = true;
				source.close(); // else the browser would come back, with a ticket that is used
				done();
			});
			source.onerror = () => done();
		});
		await new Promise((done) => {
			const source = new EventSource(address);
			source.onopen = () => done(seen.again = "open");
			source.onerror = () => done(seen.again = source.readyState === EventSource.CLOSED ? "refused" : "lost");
		});
		return seen;
	})()`)
	if !seen.Complete || seen.Status != "COMPLETED" || len(seen.Processed) < 2 {
		t.Errorf("the browser saw %+v", seen)
	}
	if seen.Again != "refused" {
		t.Errorf("the same ticket again: %s", seen.Again)
	}
	if !strings.HasPrefix(seen.Ticket, "prt_") || strings.Contains(s.log.String(), "prt_") || strings.Contains(s.log.String(), s.token) {
		t.Errorf("a ticket or a token is in the log, or there is none: %.8s", seen.Ticket)
	}
}
