package e2e_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func emptyRegistry(t *testing.T, s *site) {
	tb := s.dashboard(t, "overview")
	tb.wait(id("first-steps"))
	tb.wait(id("card-jobs") + " " + id("empty"))
	tb.wait(id("card-imports") + " " + id("empty"))
	for _, place := range []string{"leads", "jobs", "jobs/new", "imports"} {
		tb.visit(place)
		tb.wait(id("empty"))
		tb.look("empty-"+strings.ReplaceAll(place, "/", "-"), phone)
		tb.resize(desk)
	}
	tb.visit("overview")
	tb.wait(id("first-steps"))
	tb.shot("desktop-empty-overview")

	// What another brings shows here by itself.
	s.seed(t)
	phones := tb.count(id("total-phones"), "data-count")
	var d struct {
		RegistryStats struct{ Phones, Customers int64 }
	}
	s.query(&d, `{ registryStats { phones customers } }`, nil)
	if phones == 0 || phones != d.RegistryStats.Phones || tb.count(id("total-customers"), "data-count") != d.RegistryStats.Customers {
		t.Errorf("%d numbers shown, the registry holds %+v", phones, d.RegistryStats)
	}
	tb.wait(id("regions") + ` [data-key="CO"]`)
	tb.wait(id("line-types") + ` [data-key="MOBILE"]`)
	s.quiet(t, tb)
}

func wrongToken(t *testing.T, s *site) {
	tb := s.open(t, s.url+"/#token=prk_this_is_no_token")
	if text := tb.text(id("sign-in-notice")); !strings.Contains(text, "did not accept this token") {
		t.Errorf("the notice says %q", text)
	}
	if address := eval[string](tb, `location.href`); strings.Contains(address, "token") {
		t.Errorf("the token stays in the address: %s", address)
	}
	if n := eval[int](tb, `sessionStorage.length + localStorage.length`); n != 0 {
		t.Errorf("%d entries are kept of a token that is not good", n)
	}
	tb.shot("desktop-sign-in")
	tb.fill(id("sign-in-token"), "two words")
	tb.click(id("sign-in-submit"))
	tb.wait(id("sign-in") + ` [aria-invalid="true"]`)
	tb.fill(id("sign-in-token"), s.token)
	tb.click(id("sign-in-submit"))
	tb.waitFor(id("viewer"), "data-role", "ADMIN")
	tb.click(id("sign-out"))
	tb.wait(id("sign-in"))
	if n := eval[int](tb, `sessionStorage.length + localStorage.length`); n != 0 {
		t.Errorf("%d entries are kept after signing out", n)
	}
	s.alone(t, tb)
}

func uploadFile(t *testing.T, s *site) {
	const rows = 400
	file := filepath.Join(t.TempDir(), "contactos.csv")
	if err := os.WriteFile(file, sampleCSV(t, rows, 23), 0o600); err != nil {
		t.Fatal(err)
	}
	tb := s.dashboard(t, "imports")
	send := func() {
		tb.wait(id("upload-source"))
		tb.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS(id("upload-file")), []string{file}))
		tb.click(id("upload-submit"))
	}
	send()
	tb.waitFor(id("import-detail"), "data-status", "COMPLETED")
	count := func(name string) int64 { return tb.count(id("import-"+name), "data-count") }
	if read, accepted, rejected := count("rows-read"), count("rows-accepted"), count("rows-rejected"); read != rows ||
		accepted+rejected != rows || accepted == 0 || rejected == 0 {
		t.Errorf("of %d rows %d were read, %d accepted, %d rejected", rows, read, accepted, rejected)
	}
	tb.wait(id("import-rejections") + " [data-key]")
	if reasons := eval[int64](tb, `[...document.querySelectorAll(`+quote(id("import-rejections")+" [data-key]")+
		`)].reduce((sum, row) => sum + Number(row.dataset.count), 0)`); reasons < count("rows-rejected") {
		t.Errorf("the reasons add up to %d, but %d rows were rejected", reasons, count("rows-rejected"))
	}
	tb.wait(id("quarantine-entry"))
	tb.shot("desktop-import-summary")

	tb.visit("imports")
	send()
	tb.wait(id("already-imported"))
	s.quiet(t, tb)
}

func checkNumber(t *testing.T, s *site) {
	tb := s.dashboard(t, "check")
	for _, c := range []struct{ input, number, valid string }{
		{"+5711234567", "+576011234567", "true"},
		{"(300) 123 4567", "+573001234567", "true"},
		{"123", "123", "false"},
	} {
		tb.fill(id("number-input"), c.input)
		tb.wait(id("number-result") + fmt.Sprintf(`[data-valid=%q]`, c.valid))
		until[bool](tb, query(id("number-result")+" .number")+`?.innerText === `+quote(c.number))
	}
	tb.fill(id("number-input"), "3001234567 / 6012345678 ext 12")
	until[bool](tb, `document.querySelectorAll(`+quote(id("number-result"))+`).length === 2`)

	tb.resize(phone)
	tb.fill(id("number-input"), "+57 300 123 4567")
	if !eval[bool](tb, `((e) => e.scrollWidth <= e.clientWidth)(`+query(id("number-input"))+`)`) {
		t.Error("on a phone the field is too narrow for one number")
	}
	addresses, _ := tb.seen()
	for _, address := range addresses {
		if strings.Contains(address, "3001234567") || strings.Contains(address, "5711234567") {
			t.Errorf("a number is in an address: %s", address)
		}
	}
	s.quiet(t, tb)
}

// runJob fills in the form, starts the job and watches it live. It pauses it, so that the middle is sure to be seen.
func runJob(t *testing.T, s *site) {
	s.seed(t)
	tb := s.dashboard(t, "jobs")
	tb.click(id("start-job-link"))
	tb.fill(id("job-name"), "Clicked together")
	tb.wait(id("start-job") + " " + id("simulated-badge"))
	tb.wait(id("target-size")) // the form is as long as it gets
	tb.click(id("start-job-submit"))
	tb.wait(id("user-error")) // no platform was chosen
	tb.click(id("platform-WHATSAPP"))
	tb.click(id("platform-GOOGLE"))
	tb.click(id("region-CO"))
	numbers := tb.count(id("target-size"), "data-count")
	tb.click(id("job-settings") + " summary")
	tb.fill(id("job-batchSize"), strconv.FormatInt(numbers/25+1, 10))
	tb.fill(id("job-maxConcurrent"), "1")
	tb.shot("desktop-start-job")
	tb.record(`((e) => e && { Processed: Number(e.dataset.processed), Total: Number(e.dataset.total),
		Bar: Number(document.querySelector('` + id("job-detail") + ` [role=progressbar]').ariaValueNow) })(` + query(id("job-processed")) + `)`)
	tb.click(id("start-job-submit"))

	until[bool](tb, `Number(`+query(id("job-processed"))+`?.dataset.processed) > 0`)
	tb.shot("desktop-job-running")
	tb.click(id("job-pause"))
	tb.waitFor(id("job"), "data-status", "PAUSED")
	tb.shot("desktop-job-paused")
	tb.click(id("job-resume"))
	tb.waitFor(id("job"), "data-status", "COMPLETED")
	if total := tb.count(id("job-processed"), "data-total"); total != 2*numbers {
		t.Errorf("the job had %d checks, want 2 for each of %d numbers", total, numbers)
	}
	tb.wait(id("job-detail") + " " + id("simulated-badge"))
	tb.shot("desktop-job-completed")
	seen := recorded[struct {
		progress
		Bar int64
	}](tb)
	var counts, bars []progress
	for _, one := range seen {
		counts, bars = append(counts, one.progress), append(bars, progress{one.Bar, 100})
	}
	checkGrowth(t, counts)
	checkGrowth(t, bars)
	s.quiet(t, tb)
}

func showLeads(t *testing.T, s *site) {
	s.seed(t)
	s.finishedJob(t, "leads")
	tb := s.dashboard(t, "leads")
	tb.wait(id("lead") + " " + id("simulated-badge"))
	tb.click(id("lead-toggle"))
	until[bool](tb, `document.querySelectorAll(`+quote(id("lead-component"))+`).length === 5`)
	tb.wait(id("lead-component") + " " + id("simulated-badge"))
	tb.visit("overview")
	tb.wait(id("card-tiers") + " " + id("simulated-badge"))
	if good := tb.count(id("total-good-leads"), "data-count"); good == 0 {
		t.Error("of all leads none is good")
	}
	s.quiet(t, tb)
}

// heldJob starts a job of many small chunks and pauses it.
func (s *site) heldJob(t *testing.T) jobState {
	t.Helper()
	job := s.startJob(map[string]any{
		"name": "held", "platforms": []string{"WHATSAPP"}, "batchSize": 20, "maxConcurrent": 1,
		"target": map[string]any{"filter": map[string]any{"regions": []string{"CO"}, "lineTypes": []string{"MOBILE"}}},
	})
	s.control(t, job, "pauseValidationJob")
	return job
}

// control runs the mutation of that name on a job.
func (s *site) control(t *testing.T, job jobState, mutation string) {
	t.Helper()
	var d map[string]struct{ UserErrors []struct{ Code string } }
	s.query(&d, `mutation($id: ID!) { `+mutation+`(input: { id: $id }) { userErrors { code } } }`, map[string]any{"id": job.ID})
	if errors := d[mutation].UserErrors; len(errors) > 0 {
		t.Fatalf("%s: %+v", mutation, errors)
	}
}

// finishedJob runs a job over a few numbers on all platforms to its end and returns its id.
func (s *site) finishedJob(t *testing.T, name string) string {
	t.Helper()
	var phones struct {
		Phones struct{ Nodes []struct{ Number string } }
	}
	s.query(&phones, `{ phones(first: 40, filter: { isValid: true }) { nodes { number } } }`, nil)
	var numbers []string
	for _, phone := range phones.Phones.Nodes {
		numbers = append(numbers, phone.Number)
	}
	job := s.startJob(map[string]any{
		"name": name, "platforms": []string{"WHATSAPP", "INSTAGRAM", "FACEBOOK", "GOOGLE", "APPLE"},
		"target": map[string]any{"numbers": numbers},
	})
	if final := watchToEnd(t, s.process, job.ID, 0); final.Status != "COMPLETED" {
		t.Fatalf("the job ended as %+v", final)
	}
	return job.ID
}

// serverAway ends the server under open pages, and starts it again on the same port. One page asks again and
// again, one follows what changes, and one follows a job that is held meanwhile.
func serverAway(t *testing.T, s *site) {
	s.seed(t)
	job := s.heldJob(t)
	asks, follows, watches := s.dashboard(t, "overview"), s.dashboard(t, "leads"), s.dashboard(t, "jobs/"+job.ID)
	state := func(tb *tab, states ...string) {
		t.Helper()
		until[bool](tb, quote(strings.Join(states, " "))+`.split(" ").includes(`+query(id("connection"))+`?.dataset.state)`)
	}
	state(asks, "connected", "live")
	state(follows, "live")
	state(watches, "live")
	watches.waitFor(id("job"), "data-status", "PAUSED")

	phones := asks.count(id("total-phones"), "data-count")

	s.stop()
	state(asks, "away")
	state(follows, "away", "reconnecting")
	state(watches, "away", "reconnecting")
	asks.wait(id("problem"))
	watches.waitFor(id("job"), "data-status", "PAUSED") // what was known still shows
	if shown := asks.count(id("total-phones"), "data-count"); shown != phones {
		t.Errorf("%d numbers are shown while the server is away, %d before", shown, phones)
	}
	asks.shot("desktop-away")
	watches.look("away-job", phone)

	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	again := serve(t, s.dir, append(slowSimulator, "--listen", u.Host)...)
	if again.url != s.url {
		t.Fatalf("the server came back at %s, want %s", again.url, s.url)
	}
	state(follows, "live")
	state(watches, "live")
	s.control(t, job, "resumeValidationJob")
	watches.waitFor(id("job"), "data-status", "COMPLETED")
	state(asks, "connected", "live")
	until[bool](asks, `!`+query(id("problem")))
	asks.fill(id("number-input"), "+5711234567")
	until[bool](asks, query(id("number-result")+" .number")+`?.innerText === "+576011234567"`)
	s.alone(t, asks)
}
