package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestFirstFiveMinutes does what the README's tour does, over HTTP, WebSocket and server-sent events.
func TestFirstFiveMinutes(t *testing.T) {
	dir := dataDir(t)
	p := serve(t, dir, "--simulator", "latency=5ms")

	t.Run("normalise", func(t *testing.T) { tourNormalise(t, p) })
	t.Run("add a number twice", func(t *testing.T) { tourAdd(t, p) })
	t.Run("import a file twice", func(t *testing.T) { tourImport(t, p) })
	t.Run("run a job", func(t *testing.T) { tourJob(t, p) })
	t.Run("nothing without a token", func(t *testing.T) { tourAnonymous(t, p) })
	t.Run("metrics", func(t *testing.T) { tourMetrics(t, p) })

	p.stop()
	p = serve(t, dir)
	var d struct {
		Phone *struct{ LeadScore *struct{ Total int } }
	}
	p.query(&d, `{ phone(number: "+573001234567") { leadScore { total } } }`, nil)
	if d.Phone == nil || d.Phone.LeadScore == nil {
		t.Fatalf("after a restart the number or its score is gone: %+v", d)
	}
	for _, secret := range []string{"3001234567", testToken} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func tourNormalise(t *testing.T, p *process) {
	for _, c := range []struct {
		input, region, number, lineType string
		valid                           bool
	}{
		{"+57 300 123 4567", "CO", "+573001234567", "MOBILE", true},
		{"300-123-4567", "CO", "+573001234567", "MOBILE", true},
		{"(300) 123 4567", "CO", "+573001234567", "MOBILE", true},
		{"573001234567", "CO", "+573001234567", "MOBILE", true},
		{"00573001234567", "CO", "+573001234567", "MOBILE", true},
		{"+5711234567", "CO", "+576011234567", "FIXED_LINE", true},
		{"+14155552671", "CO", "+14155552671", "FIXED_LINE_OR_MOBILE", true},
		{"+5215512345678", "MX", "+525512345678", "FIXED_LINE_OR_MOBILE", true},
		{"0445512345678", "MX", "+525512345678", "FIXED_LINE_OR_MOBILE", true},
		{"123", "CO", "", "UNKNOWN", false},
		{"+57123", "CO", "", "UNKNOWN", false},
		{"abc123def", "CO", "", "UNKNOWN", false},
		{"", "CO", "", "UNKNOWN", false},
	} {
		var d struct {
			NormalizePhone struct {
				Number, Reason *string
				LineType       string
				IsValid        bool
			}
		}
		p.query(&d, `query($i: String!, $r: String) { normalizePhone(input: $i, region: $r) { number lineType isValid reason } }`,
			map[string]any{"i": c.input, "r": c.region})
		n := d.NormalizePhone
		number := ""
		if n.Number != nil {
			number = *n.Number
		}
		if n.IsValid != c.valid || number != c.number || n.LineType != c.lineType || (n.Reason == nil) != c.valid {
			t.Errorf("%q in %s: %+v, number %q; want %+v", c.input, c.region, n, number, c)
		}
	}
}

func tourAdd(t *testing.T, p *process) {
	const add = `mutation($n: String!) { addPhone(input: { customerId: "42", number: $n, region: "CO", source: "call_center" }) {
		created customerPhone { number isPrimary } userErrors { code message path } } }`
	type payload struct {
		AddPhone struct {
			Created       bool
			CustomerPhone *struct {
				Number    string
				IsPrimary bool
			}
			UserErrors []struct {
				Code, Message string
				Path          []string
			}
		}
	}
	for i, text := range []string{"(300) 123 4567", "0057 300 1234567"} {
		var d payload
		p.query(&d, add, map[string]any{"n": text})
		cp := d.AddPhone.CustomerPhone
		if cp == nil || cp.Number != "+573001234567" || !cp.IsPrimary || d.AddPhone.Created != (i == 0) {
			t.Errorf("%d: %+v", i, d.AddPhone)
		}
	}
	var d payload
	p.query(&d, add, map[string]any{"n": "12"})
	if e := d.AddPhone.UserErrors; len(e) != 1 || e[0].Code != "INVALID_NUMBER" || strings.Join(e[0].Path, ".") != "input.number" {
		t.Errorf("a bad number gives %+v", d.AddPhone)
	}
}

func tourImport(t *testing.T, p *process) {
	file := sampleCSV(t, 800, 5)
	parameters := url.Values{"source": {"web_forms"}, "region": {"CO"}, "file_name": {"sample.csv"}}
	first := p.upload(bytes.NewReader(file), parameters)
	if first.Status != "COMPLETED" || first.AlreadyImported || first.RowsRead != 800 || first.PhonesCreated == 0 ||
		first.RowsAccepted+first.RowsRejected != first.RowsRead || len(first.Rejections) == 0 {
		t.Errorf("first: %+v", first)
	}
	again := p.upload(bytes.NewReader(file), parameters)
	if !again.AlreadyImported || again.ID != first.ID {
		t.Errorf("again: %+v", again)
	}
	res, csv := p.request(http.MethodGet, "/v1/imports/"+first.ID+"/quarantine.csv", "", nil)
	if res.StatusCode != http.StatusOK || bytes.Count(csv, []byte("\n")) < 2 {
		t.Errorf("quarantine: status %d, %d bytes", res.StatusCode, len(csv))
	}
	for name, body := range map[string]string{
		"empty": "", "binary": "PK\x03\x04\x00\x00\x00\x00", "no phone column": "name,colour\nAna,red\n",
	} {
		res, b := p.request(http.MethodPost, "/v1/imports?"+parameters.Encode(), "text/csv", strings.NewReader(body))
		var answer struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(b, &answer); err != nil || res.StatusCode < 400 || res.StatusCode > 499 || answer.Error.Message == "" {
			t.Errorf("%s: status %d: %s", name, res.StatusCode, b)
		}
	}
}

func tourJob(t *testing.T, p *process) {
	var missing struct {
		StartValidationJob struct {
			Job        *jobState
			UserErrors []struct{ Code string }
		}
	}
	p.query(&missing, `mutation { startValidationJob(input: { name: "none", platforms: [APPLE], target: { numbers: ["123"] } }) {
		job { id } userErrors { code } } }`, nil)
	if e := missing.StartValidationJob.UserErrors; len(e) != 1 || e[0].Code != "EMPTY_TARGET" {
		t.Errorf("a job over no valid number gives %+v", missing.StartValidationJob)
	}

	job := p.startJob(map[string]any{
		"name": "tour", "platforms": []string{"WHATSAPP", "INSTAGRAM", "FACEBOOK", "GOOGLE", "APPLE"}, "batchSize": 50,
		"target": map[string]any{"filter": map[string]any{"regions": []string{"CO"}}},
	})
	final := watchToEnd(t, p, job.ID, 0)
	if final.Status != "COMPLETED" || final.Processed != job.Total || final.Succeeded != job.Total {
		t.Errorf("the job ended as %+v, want %d checks", final, job.Total)
	}
	// One who comes after the end still gets the final state, here over server-sent events.
	var late jobState
	p.stream(watchJob, map[string]any{"id": job.ID}, func(data json.RawMessage) bool {
		late = decode[progressEvent](t, data).ValidationJobProgress.Job
		return true
	})
	if late != final {
		t.Errorf("after the end: %+v, want %+v", late, final)
	}
	var d struct {
		Leads struct {
			TotalCount int64
			Nodes      []struct {
				Total      int
				Tier       string
				Simulated  bool
				Components []struct {
					Platform, Reason string
					Weight           float64
				}
			}
		}
	}
	p.query(&d, `{ leads(first: 3) { totalCount nodes { total tier simulated components { platform weight reason } } } }`, nil)
	if d.Leads.TotalCount != job.Total/5 || len(d.Leads.Nodes) != 3 {
		t.Fatalf("%d leads, %d shown, want %d", d.Leads.TotalCount, len(d.Leads.Nodes), job.Total/5)
	}
	for _, lead := range d.Leads.Nodes {
		if !lead.Simulated || len(lead.Components) != 5 || lead.Components[0].Reason == "" {
			t.Errorf("lead: %+v", lead)
		}
	}
}

func tourAnonymous(t *testing.T, p *process) {
	for path, want := range map[string]int{
		"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/graphql?query=%7Bviewer%7Bname%7D%7D": http.StatusUnauthorized,
		"/v1/imports/imp_00": http.StatusUnauthorized, "/": http.StatusOK, "/graphiql": http.StatusOK,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("GET %s without a token: %d, want %d", path, res.StatusCode, want)
		}
	}
}

func tourMetrics(t *testing.T, p *process) {
	admin := *p
	admin.url = p.admin
	res, b := admin.request(http.MethodGet, "/metrics", "", nil)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	for _, want := range []string{
		`phone_validations_total{platform="WHATSAPP",region="CO",status="ACTIVE"}`, "phone_validation_duration_seconds_bucket", "phoneregistry_build_info",
	} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if bytes.Contains(b, []byte("3001234567")) {
		t.Error("the metrics hold a number")
	}
}
