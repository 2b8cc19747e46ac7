package e2e_test

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"testing"

	"phoneregistry/web"
)

// site is what the browser tests share: one server and one browser.
type site struct {
	*process
	*browser
	dir string
}

// TestBrowser clicks through both pages in a real browser. The parts share a server, so the first sees an empty
// registry and the last ends the server; each of the others brings the data it needs and also runs alone.
func TestBrowser(t *testing.T) {
	if _, built := web.Files(); !built {
		t.Fatal("the web interface is not built, so there is nothing to click: run `make web`")
	}
	dir := dataDir(t)
	s := &site{browser: startBrowser(t), process: serve(t, dir, slowSimulator...), dir: dir}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *site)
	}{
		{"the watch sees", watchSees},
		{"empty registry", emptyRegistry},
		{"wrong token", wrongToken},
		{"upload", uploadFile},
		{"check a number", checkNumber},
		{"run a job", runJob},
		{"leads", showLeads},
		{"graphiql", graphiql},
		{"graphiql subscription", graphiqlSubscription},
		{"sizes", sizes},
		{"server away", serverAway},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s.in(t)) })
	}
}

// Calls of the simulator take long enough that a job of many small chunks can be watched, and paused in its middle.
var slowSimulator = []string{"--simulator", "latency=100ms"}

// in returns the site for a part of the test: what fails, fails that part.
func (s *site) in(t *testing.T) *site {
	p := *s.process
	p.t = t
	return &site{process: &p, browser: s.browser, dir: s.dir}
}

// dashboard opens a place of the dashboard as somebody who comes from the address that the server prints.
func (s *site) dashboard(t *testing.T, place string) *tab {
	t.Helper()
	tb := s.open(t, s.url+"/#token="+s.token)
	tb.wait(id("viewer"))
	tb.visit(place)
	return tb
}

// visit goes to a place of the dashboard.
func (tb *tab) visit(place string) {
	tb.t.Helper()
	eval[string](tb, `location.hash = `+quote("#/"+place))
	view, _, _ := strings.Cut(strings.ReplaceAll(place, "?", "/"), "/")
	tb.wait(id("view-" + view))
}

// seed imports sample contacts, unless they are there.
func (s *site) seed(t *testing.T) {
	t.Helper()
	s.upload(bytes.NewReader(sampleCSV(t, 600, 11)),
		url.Values{"source": {"web_forms"}, "region": {"CO"}, "file_name": {"contacts.csv"}})
}

// quiet checks that the page asked for nothing outside, that its content policy had nothing to stop, that nothing was
// wrong, and that the token is in no address and in nothing that outlives the tab.
func (s *site) quiet(t *testing.T, tb *tab) {
	t.Helper()
	addresses, complaints := tb.seen()
	if len(complaints) > 0 {
		t.Errorf("the console: %s", strings.Join(complaints, "\n"))
	}
	s.alone(t, tb)
	for _, address := range addresses {
		if strings.Contains(address, s.token) {
			t.Errorf("a request has the token in its address: %s", address)
		}
	}
	if kept := eval[string](tb, `location.href + JSON.stringify(localStorage) + document.cookie`); strings.Contains(kept, s.token) {
		t.Errorf("the token is kept: %s", kept)
	}
}

// alone checks that the page asked only its own server.
func (s *site) alone(t *testing.T, tb *tab) {
	t.Helper()
	addresses, _ := tb.seen()
	if len(addresses) < 5 {
		t.Errorf("only %q were recorded: the watch does not work", addresses)
	}
	if out := elsewhere(addresses, s.url); len(out) > 0 {
		t.Errorf("the page asked elsewhere: %q", out)
	}
	if hosts := s.outside.asked(); len(hosts) > 0 {
		t.Errorf("the browser asked elsewhere: %q", hosts)
	}
}

// watchSees checks that the other parts would notice what they say does not happen.
func watchSees(t *testing.T, s *site) {
	const host = "elsewhere.invalid"
	tb := s.open(t, s.url+"/#token="+s.token)
	tb.wait(id("viewer"))
	eval[bool](tb, `new Promise((ended) => {
		console.error("a complaint");
		setTimeout(() => { throw new Error("a failure") });
		const image = new Image();
		image.onerror = () => ended(true);
		image.src = "http://`+host+`/image.png";
	})`)
	plain := s.open(t, "about:blank")
	eval[bool](plain, `fetch("http://`+host+`/plain", { mode: "no-cors" }).then(() => true, () => true)`)
	asked := s.outside.take()
	if !slices.Contains(asked, host) {
		t.Errorf("a request to %s was not seen outside: %q", host, asked)
	}
	addresses, _ := plain.seen()
	if len(elsewhere(addresses, s.url)) == 0 {
		t.Errorf("a request to %s was not recorded: %q", host, addresses)
	}
	_, complaints := tb.seen()
	for _, part := range []string{"a complaint", "a failure", "Content Security Policy"} {
		if !slices.ContainsFunc(complaints, func(text string) bool { return strings.Contains(text, part) }) {
			t.Errorf("%q was not noticed in %q", part, complaints)
		}
	}
}

// record follows an expression from now on, and keeps each value it takes.
func (tb *tab) record(expression string) {
	tb.t.Helper()
	eval[bool](tb, `(() => {
		const values = (window.recorded = []);
		const look = () => {
			const value = (`+expression+`);
			if (value !== undefined && value !== null && JSON.stringify(value) !== JSON.stringify(values.at(-1))) values.push(value);
		};
		new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		look();
		return true;
	})()`)
}

// recorded returns the values since record was called on this page.
func recorded[T any](tb *tab) []T {
	tb.t.Helper()
	return eval[[]T](tb, `window.recorded`)
}

// progress is a state of a job as a page shows it.
type progress struct{ Processed, Total int64 }

// checkGrowth checks that a page has shown a job growing, through its middle, to its end.
func checkGrowth(t *testing.T, seen []progress) {
	t.Helper()
	if !slices.IsSortedFunc(seen, func(a, b progress) int { return int(a.Processed - b.Processed) }) {
		t.Errorf("counts fell: %v", seen)
	}
	middle := slices.ContainsFunc(seen, func(p progress) bool { return 0 < p.Processed && p.Processed < p.Total })
	if last := seen[len(seen)-1]; !middle || last.Processed != last.Total || last.Total == 0 {
		t.Errorf("the job was not seen growing to its end: %v", seen)
	}
}
