package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// fits checks that a page of that width cannot be scrolled sideways. A phone's browser would show a page that is too
// wide smaller, so the width is compared with what was asked for as well.
func (tb *tab) fits(place string, d device) {
	tb.t.Helper()
	size := eval[struct{ Page, Window int64 }](tb, `({ Page: document.scrollingElement.scrollWidth, Window: innerWidth })`)
	if size.Page <= size.Window && size.Page <= d.width {
		return
	}
	wide := eval[[]string](tb, fmt.Sprintf(`[...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > %d)
		.slice(0, 8).map((e) => e.tagName + "." + e.className)`, d.width))
	tb.t.Errorf("%s is %d wide on a %s of %d: %q", place, size.Page, d.name, d.width, wide)
}

// scheme sets what the user prefers: light or dark.
func (tb *tab) scheme(name string) {
	tb.t.Helper()
	tb.do("prefer "+name, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// sizes looks at every view on a phone and on a desk.
func sizes(t *testing.T, s *site) {
	s.seed(t)
	job := s.finishedJob(t, "sizes")
	var d struct {
		Imports struct{ Nodes []struct{ ID string } }
	}
	s.query(&d, `{ imports(first: 1) { nodes { id } } }`, nil)
	tb := s.dashboard(t, "overview")
	for _, view := range []struct {
		place, shows string
		first        func()
	}{
		{"overview", id("card-tiers") + " [data-key]", nil},
		{"leads", id("lead-component"), func() { tb.click(id("lead-toggle")) }},
		{"jobs", id("job"), nil},
		{"jobs/" + job, id("job-detail"), nil},
		{"jobs/new", id("platform-WHATSAPP"), func() { tb.click(id("job-settings") + " summary") }},
		{"imports", id("import"), nil},
		{"imports/" + d.Imports.Nodes[0].ID, id("quarantine-entry"), nil},
		{"check", id("number-result"), func() { tb.fill(id("number-input"), "3001234567 / 6012345678 ext 12") }},
		{"nowhere", id("not-found"), nil},
	} {
		name := strings.NewReplacer(job, "detail", d.Imports.Nodes[0].ID, "detail", "/", "-").Replace(view.place)
		tb.visit(view.place)
		if view.first != nil {
			view.first()
		}
		tb.wait(view.shows)
		tb.look(name, phone)
		tb.look(name, desk)
	}
	s.quiet(t, tb)

	for _, d := range []device{desk, phone} {
		graphiqlFaces(t, s, d)
	}
}

// graphiqlFaces looks at GraphiQL on a device. Its editors choose their colours when they start.
func graphiqlFaces(t *testing.T, s *site, d device) {
	tb := s.graphiqlPage(t, d)
	colours := map[string]string{}
	for _, scheme := range schemes {
		tb.scheme(scheme)
		tb.do("reload", chromedp.Reload())
		tb.ready()
		tb.click(runButton)
		tb.result(`"number"`)
		colours[scheme] = until[string](tb, query(".graphiql-query-editor .view-line span span")+` && getComputedStyle(`+
			query(".graphiql-query-editor .view-line span span")+`).color`)
		tb.fits("graphiql", d)
		tb.shot(d.name + "-graphiql-" + scheme)
	}
	if d.width == phone.width {
		tb.click(`button[aria-label="Show Examples"]`)
		tb.wait(".examples-item")
		tb.fits("graphiql with its examples", d)
	}
	if colours["dark"] == colours["light"] {
		t.Errorf("the editor writes in %s in the dark and in the light", colours["dark"])
	}
	s.quiet(t, tb)
}

var schemes = []string{"dark", "light"}

// look checks that a page fits a device, and that it has a light and a dark face.
func (tb *tab) look(name string, d device) {
	tb.t.Helper()
	tb.resize(d)
	tb.fits(name, d)
	colours := map[string]string{}
	for _, scheme := range schemes {
		tb.scheme(scheme)
		colours[scheme] = eval[string](tb, `getComputedStyle(document.body).backgroundColor`)
		tb.shot(d.name + "-" + name + "-" + scheme)
	}
	if colours["dark"] == colours["light"] {
		tb.t.Errorf("%s is %s in the dark and in the light", name, colours["dark"])
	}
}
