package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	control "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"phoneregistry/web"
)

// TestBrowserEngine clicks through what steers the job engine. Its server has a simulator in whose world some numbers
// never get an answer, and may call webhooks on this machine. As in TestBrowser each part also runs alone.
func TestBrowserEngine(t *testing.T) {
	if _, built := web.Files(); !built {
		t.Fatal("the web interface is not built, so there is nothing to click: run `make web`")
	}
	dir := dataDir(t)
	s := &site{browser: startBrowser(t), dir: dir,
		process: serve(t, dir, "--simulator", "latency=20ms,dead=0.3", "--webhook-allow-private")}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *site)
	}{
		{"empty engine", emptyEngine},
		{"failures of a job", jobFailures},
		{"cancel a job", cancelJob},
		{"start a job once", startOnce},
		{"schedules", schedules},
		{"workers", workers},
		{"webhooks", webhooks},
		{"another role", otherRole},
		{"engine examples", engineExamples},
		{"engine sizes", engineSizes},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s.in(t)) })
	}
}

func emptyEngine(t *testing.T, s *site) {
	tb := s.dashboard(t, "jobs")
	for _, place := range []string{"schedules", "webhooks"} {
		tb.click(id("section-" + place))
		tb.wait(id("view-"+place) + " " + id("empty"))
		tb.look("empty-"+place, phone)
		tb.resize(desk)
	}
	s.quiet(t, tb)
}

// numbers returns valid numbers of the registry.
func (s *site) numbers(t *testing.T, n int) []string {
	t.Helper()
	s.seed(t)
	var d struct {
		Phones struct{ Nodes []struct{ Number string } }
	}
	s.query(&d, `query($n: Int!) { phones(first: $n, filter: { isValid: true }) { nodes { number } } }`, map[string]any{"n": n})
	var numbers []string
	for _, phone := range d.Phones.Nodes {
		numbers = append(numbers, phone.Number)
	}
	return numbers
}

// jobFailures starts an urgent job by the form, looks at what got no answer, saves it, and has it tried again.
func jobFailures(t *testing.T, s *site) {
	numbers := s.numbers(t, 80)
	tb := s.dashboard(t, "jobs/new")
	tb.fill(id("job-name"), "With failures")
	tb.click(id("platform-GOOGLE"))
	tb.click(id("target-kind") + ` [data-value="numbers"]`)
	tb.fill(id("pasted-numbers"), strings.Join(numbers, "\n"))
	tb.click(id("job-settings") + " summary")
	tb.choose(id("job-form-priority"), "HIGH")
	tb.fill(id("job-retryAttempts"), "0")
	tb.click(id("start-job-submit"))
	tb.waitFor(id("job-detail")+" "+id("job"), "data-status", "COMPLETED")
	tb.waitFor(id("job-priority"), "data-priority", "HIGH")

	total, failed := tb.count(id("job-count-total"), "data-count"), tb.count(id("job-count-failed"), "data-count")
	if total != int64(len(numbers)) || failed == 0 || failed == total {
		t.Fatalf("%d of %d checks failed: want some of %d", failed, total, len(numbers))
	}
	if done := tb.count(id("job-count-succeeded"), "data-count"); done != total-failed {
		t.Errorf("%d were answered and %d not, of %d", done, failed, total)
	}
	until[bool](tb, fmt.Sprintf(`document.querySelectorAll(%s).length === %d`, quote(id("failure")), failed))
	if row := tb.text(id("failure")); !strings.Contains(row, "+") || !strings.Contains(row, "Google") || !strings.Contains(row, "Error") {
		t.Errorf("a failure shows as %q", row)
	}
	tb.shot("desktop-job-failures")

	job := eval[string](tb, query(id("job"))+".dataset.id")
	saved := tb.download(id("failures-download"))
	res, want := s.request(http.MethodGet, "/v1/jobs/"+job+"/failures.csv", "", nil)
	if res.StatusCode != http.StatusOK || !bytes.Equal(saved, want) {
		t.Errorf("saved %d bytes, the server answers %d with %d", len(saved), res.StatusCode, len(want))
	}
	if lines := int64(bytes.Count(saved, []byte("\n"))); lines != failed+1 {
		t.Errorf("the file has %d lines, want a header and %d failures", lines, failed)
	}
	if n := tb.count(id("failures-saved"), "data-bytes"); n != int64(len(saved)) {
		t.Errorf("the page tells of %d bytes, the file has %d", n, len(saved))
	}

	before := eval[string](tb, query(id("failure"))+".dataset.at")
	tb.click(id("job-retry"))
	until[bool](tb, query(id("job"))+`?.dataset.status === "COMPLETED" && Date.parse(`+query(id("failure"))+`?.dataset.at) > Date.parse(`+quote(before)+`)`)
	if again := tb.count(id("job-count-failed"), "data-count"); again != failed {
		t.Errorf("%d checks failed again, want %d: nothing of these can be told", again, failed)
	}
	s.quiet(t, tb)
}

// cancelJob cancels a held job, after thinking better of it once.
func cancelJob(t *testing.T, s *site) {
	s.seed(t)
	job := s.heldJob(t)
	tb := s.dashboard(t, "jobs/"+job.ID)
	tb.waitFor(id("job"), "data-status", "PAUSED")
	tb.click(id("job-cancel"))
	tb.wait(id("cancel-confirm"))
	tb.shot("desktop-cancel-dialog")
	tb.press("Escape")
	until[bool](tb, `!`+query(id("cancel-dialog"))+`.open`)
	tb.waitFor(id("job"), "data-status", "PAUSED")
	tb.click(id("job-cancel"))
	tb.click(id("cancel-confirm"))
	tb.waitFor(id("job"), "data-status", "CANCELLED")
	until[bool](tb, `!`+query(id("job-cancel")))

	tb.visit("jobs")
	tb.click(id("job-filter") + ` [data-value="cancelled"]`)
	until[bool](tb, `((jobs) => jobs.some((e) => e.dataset.id === `+quote(job.ID)+`) && jobs.every((e) => e.dataset.status === "CANCELLED"))(
		[...document.querySelectorAll(`+quote(id("job"))+`)])`)
	tb.click(id("job-filter") + ` [data-value="running"]`)
	until[bool](tb, `!`+query(id("job")+fmt.Sprintf("[data-id=%q]", job.ID)))
	if address := eval[string](tb, `location.hash`); address != "#/jobs?state=running" {
		t.Errorf("the filter is not part of the address: %s", address)
	}
	s.quiet(t, tb)
}

// startOnce clicks twice, and loses the answer to the first click: one job comes of it.
func startOnce(t *testing.T, s *site) {
	numbers := s.numbers(t, 5)
	tb := s.dashboard(t, "jobs/new")
	const name = "Started once"
	tb.fill(id("job-name"), name)
	tb.click(id("platform-WHATSAPP"))
	tb.click(id("target-kind") + ` [data-value="numbers"]`)
	tb.fill(id("pasted-numbers"), strings.Join(numbers, "\n"))
	eval[bool](tb, `(() => {
		const send = window.fetch;
		window.fetch = async (...given) => {
			const answer = await send(...given);
			if (!String(given[1]?.body).includes("startValidationJob")) return answer;
			window.fetch = send;
			throw new TypeError("the answer was lost");
		};
		return true;
	})()`)
	eval[bool](tb, `((form) => { form.requestSubmit(); form.requestSubmit(); return true; })(`+query(id("start-job"))+`)`)
	tb.waitFor(id("problem"), "data-kind", "network")
	tb.click(id("start-job-submit"))
	if text := tb.text(id("job-skipped")); !strings.Contains(text, "had started already") {
		t.Errorf("after a lost answer the page says %q", text)
	}
	var d struct {
		ValidationJobs struct{ Nodes []struct{ Name string } }
	}
	s.query(&d, `{ validationJobs(first: 100) { nodes { name } } }`, nil)
	started := 0
	for _, job := range d.ValidationJobs.Nodes {
		if job.Name == name {
			started++
		}
	}
	if started != 1 {
		t.Errorf("%d jobs were started, want one", started)
	}
	s.quiet(t, tb)
}

// engineExamples runs examples of GraphiQL as they stand.
func engineExamples(t *testing.T, s *site) {
	s.seed(t)
	tb := s.graphiqlPage(t, desk)
	tb.example("urgent-job", "StartUrgentJob")
	tb.result(`"created": true`, `"priority": "HIGH"`, `"userErrors": []`)
	tb.click(runButton)
	tb.result(`"created": false`)
	tb.example("workers", "Workers")
	tb.result(`"chunksPending"`)
	tb.example("record-evidence", "RecordEvidence")
	tb.result(`"recorded": 1`, `"userErrors": []`)
	tb.example("create-schedule", "CreateSchedule")
	tb.result(`"status": "ACTIVE"`, `"userErrors": []`)
	tb.example("schedules", "Schedules")
	tb.result(`"name": "Good leads, daily"`)
	tb.example("webhooks", "Webhooks")
	tb.result(`"webhooks"`)
	s.quiet(t, tb)
}

// download clicks what saves a file, and returns the file.
func (tb *tab) download(selector string) []byte {
	tb.t.Helper()
	dir := tb.t.TempDir()
	events := true
	done := make(chan control.DownloadProgressState, 1)
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	err := chromedp.ListenBrowser(ctx, func(event any) {
		if e, ok := event.(*control.EventDownloadProgress); ok && e.State != control.DownloadProgressStateInProgress {
			select {
			case done <- e.State:
			default:
			}
		}
	})
	if err == nil {
		_, err = chromedp.CallBrowser(ctx, control.SetDownloadBehavior, control.SetDownloadBehaviorParams{
			Behavior: control.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(tb.ctx).BrowserContextID,
			DownloadPath: dir, EventsEnabled: &events,
		})
	}
	if err != nil {
		tb.give("allow downloads", err)
	}
	tb.click(selector)
	select {
	case state := <-done:
		if state != control.DownloadProgressStateCompleted {
			tb.t.Fatalf("the download is %s", state)
		}
	case <-ctx.Done():
		tb.give("download", ctx.Err())
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) != 1 {
		tb.t.Fatalf("saved %q: %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		tb.t.Fatal(err)
	}
	return b
}

// choose picks an option of a list, as the keyboard would.
func (tb *tab) choose(selector, value string) {
	tb.t.Helper()
	tb.wait(selector)
	if !eval[bool](tb, `((e) => {
		const set = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set;
		set.call(e, `+quote(value)+`);
		return e.value === `+quote(value)+` && e.dispatchEvent(new Event("change", { bubbles: true }));
	})(`+query(selector)+`)`) {
		tb.t.Fatalf("%s has no option %s", selector, value)
	}
}

// press types a key that is no text.
func (tb *tab) press(key string) {
	tb.t.Helper()
	tb.do("press "+key, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			codes := map[string]int64{"Escape": 27, "Enter": 13, "Tab": 9}
			_, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{
				Type: kind, Key: key, Code: key, WindowsVirtualKeyCode: codes[key],
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}
