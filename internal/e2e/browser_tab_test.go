package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium.
type browser struct {
	ctx     context.Context
	outside *outside
}

// chromium finds the browser where scripts/setup-chromium finds or puts it.
func chromium() (string, error) {
	for _, name := range []string{
		"headless_shell", "headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
	} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		// Ubuntu's chromium-browser only points to a snap, unless that is installed.
		if exec.Command(path, "--version").Run() == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium or Chrome found: run `make chromium`")
}

// startBrowser starts Chromium with a profile of its own, which goes with it at the end of the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{outside: newOutside(t)}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.Flag("no-sandbox", os.Geteuid() == 0),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// What the browser asks for by itself ends here; what pages ask for ends at outside.
		chromedp.ProxyServer("http://127.0.0.1:9"),
		chromedp.Flag("disable-features", "Translate,AutofillServerCommunication,OptimizationHints,MediaRouter"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	b.ctx = ctx
	return b
}

// tab is a page that shares neither storage nor cookies with another.
type tab struct {
	*watch
	t   *testing.T
	ctx context.Context
}

// open opens a new tab at an address, as large as on a desk.
func (b *browser) open(t *testing.T, address string) *tab {
	t.Helper()
	return b.openOn(t, desk, address)
}

// device is a window, in CSS pixels.
type device struct {
	name          string
	width, height int64
	mobile        bool
}

var (
	desk  = device{"desktop", 1280, 800, false}
	phone = device{"phone", 360, 740, true}
)

// openOn opens a new tab of a device.
func (b *browser) openOn(t *testing.T, d device, address string) *tab {
	t.Helper()
	tb := &tab{watch: &watch{news: make(chan struct{}, 1)}, t: t}
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithListener(tb.see),
		chromedp.WithNewBrowserContext(func(p *target.CreateBrowserContextParams) { p.ProxyServer = b.outside.url }))
	t.Cleanup(closeTab)
	tb.ctx = ctx
	// The first call binds the tab to its context, which must not be one that times out.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("no tab: %v", err)
	}
	tb.resize(d)
	tb.do("open", chromedp.Navigate(address))
	return tb
}

// do runs actions within the patience of the tests.
func (tb *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		tb.give(what, err)
	}
}

// give ends the test, saying what the page shows.
func (tb *tab) give(what string, err error) {
	tb.t.Helper()
	tb.shot(strings.ReplaceAll(tb.t.Name(), "/", "-") + "-failed")
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	_, complaints := tb.seen()
	tb.t.Fatalf("%s: %v\nthe console: %q\nthe page: %.1500s", what, err, complaints, shown)
}

// eval evaluates an expression on the page.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	return run[T](tb, expression, expression)
}

// run evaluates a script, of which a failure says what it was for. It takes the value of a promise.
func run[T any](tb *tab, what, script string) T {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.give(what, err)
	}
	return value
}

// until waits until a JavaScript expression is truthy and returns its value. It looks whenever the page has changed.
// No text is compiled on the page, so that its content policy need not allow it.
func until[T any](tb *tab, expression string) T {
	tb.t.Helper()
	return run[T](tb, "until "+expression, `new Promise((found, failed) => {
		let timer;
		const look = () => {
			try {
				const value = (`+expression+`);
				if (!value) return;
				found(value);
			} catch (error) {
				failed(error);
			}
			observer.disconnect();
			clearInterval(timer);
		};
		const observer = new MutationObserver(look);
		observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		timer = setInterval(look, 100); // what changes without a mutation: values, addresses, sizes
		look();
	})`)
}

// id is the selector of a hook for tests, as web/README.md lists them.
func id(hook string) string { return fmt.Sprintf("[data-testid=%q]", hook) }

// query is the expression for the first element of a selector.
func query(selector string) string { return "document.querySelector(" + quote(selector) + ")" }

// quote writes a text as JavaScript.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings have no way to fail
	}
	return string(b)
}

// wait waits until an element is there and has a size.
func (tb *tab) wait(selector string) {
	tb.t.Helper()
	until[bool](tb, query(selector)+`?.getClientRects().length > 0`)
}

// waitFor waits until an attribute of an element has a value.
func (tb *tab) waitFor(selector, attribute, value string) {
	tb.t.Helper()
	until[bool](tb, fmt.Sprintf("%s?.getAttribute(%s) === %s", query(selector), quote(attribute), quote(value)))
}

// text returns what an element shows, once it shows anything.
func (tb *tab) text(selector string) string {
	tb.t.Helper()
	return until[string](tb, query(selector)+`?.innerText`)
}

// count returns the number in an element's data attribute, once it has one.
func (tb *tab) count(selector, data string) int64 {
	tb.t.Helper()
	return until[struct{ N int64 }](tb, fmt.Sprintf(`((e) => e?.hasAttribute(%[2]s) && { N: Number(e.getAttribute(%[2]s)) })(%[1]s)`,
		query(selector), quote(data))).N
}

// click clicks an element with the mouse, as somebody would: once it is there, enabled, at rest and under no other, and
// nothing is still to come that would move it.
func (tb *tab) click(selector string) {
	tb.t.Helper()
	at := run[struct{ X, Y float64 }](tb, "click "+selector, `(async () => {
		const frame = () => new Promise(requestAnimationFrame);
		const spot = () => {
			const e = `+query(selector)+`;
			if (!e || e.disabled || document.querySelector('[data-testid="loading"]')) return null;
			e.scrollIntoView({ block: 'nearest', behavior: 'instant' });
			const box = e.getBoundingClientRect();
			const [X, Y] = [box.x + box.width / 2, box.y + box.height / 2];
			const top = document.elementFromPoint(X, Y);
			return e.contains(top) || (top && top.closest('label')?.control === e) ? { X, Y } : null;
		};
		for (let before = null; ; ) {
			const now = spot();
			if (now && before && now.X === before.X && now.Y === before.Y) return now;
			before = now;
			await frame();
		}
	})()`)
	tb.do("click "+selector, chromedp.MouseClickXY(at.X, at.Y))
}

// fill replaces what a field holds.
func (tb *tab) fill(selector, text string) {
	tb.t.Helper()
	tb.click(selector)
	eval[bool](tb, query(selector)+`.select() ?? true`)
	tb.do("type into "+selector, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// resize makes the window that of a device.
func (tb *tab) resize(d device) {
	tb.t.Helper()
	options := []chromedp.EmulateViewportOption{}
	if d.mobile {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2))
	}
	tb.do("resize", chromedp.EmulateViewport(d.width, d.height, options...))
}

// shot saves the page, whole, as NAME.png in $PHONEREGISTRY_SCREENSHOTS, if that is set.
func (tb *tab) shot(name string) {
	tb.t.Helper()
	dir := os.Getenv("PHONEREGISTRY_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	beyond := true
	_, _ = chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](`window.scrollTo(0, 0)`)) // what sticks shows where it belongs
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &beyond})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), shot.Data, 0o600)
	}
	if err != nil {
		tb.t.Errorf("screenshot %s: %v", name, err)
	}
}
