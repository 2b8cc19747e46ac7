package e2e_test

import (
	"strings"
	"testing"

	"phoneregistry/web"
)

// TestBrowserWaits has a page ask more than its token may: it says so once, waits, and goes on by itself.
func TestBrowserWaits(t *testing.T) {
	if _, built := web.Files(); !built {
		t.Fatal("the web interface is not built, so there is nothing to click: run `make web`")
	}
	dir := dataDir(t)
	s := &site{browser: startBrowser(t), process: serve(t, dir, "--rate-reads", "40"), dir: dir}
	tb := s.dashboard(t, "overview")
	for n := 0; !eval[bool](tb, `Boolean(`+query(id("held"))+`)`); n++ {
		if n > 100 {
			t.Fatal("a hundred pages were shown at 40 reads a minute")
		}
		for _, place := range []string{"workers", "leads", "jobs", "schedules", "imports", "overview"} {
			tb.visit(place)
		}
	}
	if n := eval[int](tb, `document.querySelectorAll(`+quote(id("held"))+`).length + document.querySelectorAll('[data-kind="busy"]').length`); n > 1 {
		t.Errorf("the page says %d times that it waits", n)
	}
	if !strings.Contains(tb.text(id("held")), "goes on by itself") {
		t.Errorf("it says: %s", tb.text(id("held")))
	}
	tb.look("held", phone)
	until[bool](tb, `["connected", "live"].includes(`+query(id("connection"))+`?.dataset.state)`) // the server is there
	tb.gone(id("held"))
	tb.visit("check")
	tb.fill(id("number-input"), "+5711234567")
	until[bool](tb, query(id("number-result")+" .number")+`?.innerText === "+576011234567"`)
	s.alone(t, tb)
}

// TestBrowserProduction shows GraphiQL where the schema is told to administrators only, and that nothing leads to
// GraphiQL where it is not served.
func TestBrowserProduction(t *testing.T) {
	if _, built := web.Files(); !built {
		t.Fatal("the web interface is not built, so there is nothing to click: run `make web`")
	}
	dir := dataDir(t)
	s := &site{browser: startBrowser(t), process: serve(t, dir, "--production", "--graphiql"), dir: dir}
	viewer := s.as(t, "viewer", "VIEWER")
	tb := viewer.dashboard(t, "check")
	tb.wait(id("nav-graphiql"))
	tb = viewer.graphiqlPage(t, desk)
	tb.wait(id("no-schema"))
	tb.click(runButton)
	tb.result(`"region": "CO"`, `"extension": "12"`)
	tb.fits("graphiql without a schema", desk)
	tb.shot("desktop-graphiql-no-schema")
	admin := s.graphiqlPage(t, desk)
	admin.click(runButton)
	admin.result(`"number": "+576012345678"`)
	admin.gone(id("no-schema"))
	s.quiet(t, admin)

	s.stop()
	s.process = serve(t, dir, "--production")
	viewer.process.url = s.url
	tb = viewer.dashboard(t, "check")
	tb.fill(id("number-input"), "+5711234567")
	tb.wait(id("number-result"))
	offered(tb, "whoever comes where GraphiQL is switched off", "nav-graphiql", false)
	viewer.quiet(t, tb)
	tb = s.open(t, s.url+"/graphiql")
	until[bool](tb, `document.body?.innerText.includes("switched off")`)
	tb.shot("desktop-graphiql-off")
}
