package twilio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/twilio"
)

const month = 30 * 24 * time.Hour

var batch = func(c *twilio.Config) { c.Mode = twilio.Batch }

const (
	mobile = `"line_type_intelligence":{"mobile_country_code":"732","mobile_network_code":"101","carrier_name":"Claro Colombia","type":"mobile","error_code":null}`
	notold = "Twilio did not tell whether the line is in service"
)

func typed(kind string) string {
	return fmt.Sprintf(`"valid":true,"line_type_intelligence":{"carrier_name":null,"type":%q,"error_code":null}`, kind)
}

func lineIs(status string) string {
	return fmt.Sprintf(`"valid":true,%s,"line_status":{"status":%q,"error_code":null}`, mobile, status)
}

func codes(lineType, lineStatus int) string {
	return fmt.Sprintf(`"valid":true,"line_type_intelligence":{"carrier_name":null,"type":null,"error_code":%d},"line_status":{"status":null,"error_code":%d}`, lineType, lineStatus)
}

func isMobile(status string) []byte {
	return fmt.Appendf(nil, `{"lineType":"MOBILE","lineStatus":%q,"carrier":"Claro Colombia"}`, status)
}

// answers are what Twilio may say of a number, and what that is worth.
var answers = []struct {
	name, line string
	want       workers.Outcome
}{
	{"reachable", lineIs("reachable"), workers.Outcome{Status: scoring.Active, Strength: 1, TTL: month, Details: isMobile("reachable")}},
	{"active", lineIs("active"), workers.Outcome{Status: scoring.Active, Strength: 0.8, TTL: month, Details: isMobile("active")}},
	{"as its page writes it", lineIs("Active"), workers.Outcome{Status: scoring.Active, Strength: 0.8, TTL: month, Details: isMobile("active")}},
	{"unreachable", lineIs("unreachable"), workers.Outcome{
		Status: scoring.Inactive, Reason: "the line is in service, but its device is switched off or out of reach", TTL: 24 * time.Hour, Details: isMobile("unreachable"),
	}},
	{"inactive", lineIs("inactive"), workers.Outcome{
		Status: scoring.Inactive, Reason: "the line is assigned to nobody on the mobile network", TTL: month, Details: isMobile("inactive"),
	}},
	{"unknown", lineIs("unknown"), workers.Outcome{
		Status: scoring.Unknown, Reason: "the carrier did not tell whether the line is in service", TTL: month, Details: isMobile("unknown"),
	}},
	{"a word that is not documented", lineIs("dormant"), workers.Outcome{
		Status: scoring.Unknown, Reason: notold, TTL: month, Details: []byte(`{"lineType":"MOBILE","carrier":"Claro Colombia"}`),
	}},
	{"type alone", typed("landline"), workers.Outcome{Status: scoring.Unknown, Reason: notold, TTL: month, Details: []byte(`{"lineType":"FIXED_LINE"}`)}},
	{"status alone", `"valid":true,"line_status":{"status":"active","error_code":null}`, workers.Outcome{
		Status: scoring.Active, Strength: 0.8, TTL: month, Details: []byte(`{"lineStatus":"active"}`),
	}},
	{"valid and no more", `"valid":true,"line_type_intelligence":null`, workers.Outcome{Status: scoring.Unknown, Reason: notold, TTL: month}},
	{"not valid", `"valid":false,"validation_errors":["TOO_SHORT","INVALID_LENGTH","+12025550100"],"line_type_intelligence":null`, workers.Outcome{
		Status: scoring.NotFound, Reason: "no number that a carrier can assign: INVALID_LENGTH, TOO_SHORT", TTL: month,
	}},
	{"not valid, why is not told", `"valid":false`, workers.Outcome{Status: scoring.NotFound, Reason: "no number that a carrier can assign", TTL: month}},

	{"type not covered, status told", `"valid":true,"line_type_intelligence":{"type":null,"error_code":60600},"line_status":{"status":"active"}`, workers.Outcome{
		Status: scoring.Active, Strength: 0.8, TTL: month, Details: []byte(`{"lineStatus":"active"}`),
	}},
	{"type forbidden, status told", `"valid":true,"line_type_intelligence":{"type":null,"error_code":60601},"line_status":{"status":"inactive"}`, workers.Outcome{
		Status: scoring.Inactive, Reason: "the line is assigned to nobody on the mobile network", TTL: month, Details: []byte(`{"lineStatus":"inactive"}`),
	}},
	{"type told, status not enabled", `"valid":true,` + mobile + `,"line_status":{"status":null,"error_code":60606}`, workers.Outcome{
		Status: scoring.Unknown, Reason: "the account may not ask for line_status (Twilio error 60606)", TTL: month,
		Details: []byte(`{"lineType":"MOBILE","carrier":"Claro Colombia"}`),
	}},
	{"type told, status not covered", `"valid":true,` + mobile + `,"line_status":{"status":null,"error_code":60610}`, workers.Outcome{
		Status: scoring.Unknown, Reason: "line_status does not cover this number (Twilio error 60610)", TTL: month,
		Details: []byte(`{"lineType":"MOBILE","carrier":"Claro Colombia"}`),
	}},
	{"type told, status refused for now", `"valid":true,` + mobile + `,"line_status":{"status":null,"error_code":60616}`, workers.Outcome{
		Status: scoring.RateLimited, Reason: "line_status is refused for now (Twilio error 60616)", TTL: month,
		Details: []byte(`{"lineType":"MOBILE","carrier":"Claro Colombia"}`),
	}},
	{"neither covered", codes(60600, 60607), workers.Outcome{Status: scoring.Unknown, Reason: "line_status does not cover this number (Twilio error 60607)", TTL: month}},
	{"neither works", codes(60600, 60699), workers.Outcome{Status: scoring.Failed, Reason: "line_status failed (Twilio error 60699)", TTL: month}},
	{"neither enabled", codes(60606, 60606), workers.Outcome{
		Status: scoring.Failed, Reason: "the account may not ask for line_status (Twilio error 60606)", TTL: month, Permanent: true,
	}},
	{"a whole lookup refused for now", `"valid":null,"twilio_error_code":60626`, workers.Outcome{
		Status: scoring.RateLimited, Reason: "the lookup is refused for now (Twilio error 60626)", TTL: month,
	}},
	{"a whole lookup failed", `"twilio_error_code":60600`, workers.Outcome{
		Status: scoring.Unknown, Reason: "the lookup does not cover this number (Twilio error 60600)", TTL: month,
	}},
}

// TestAnswers asks for each answer alone and then for all of them in one batch.
func TestAnswers(t *testing.T) {
	v := newVendor(t)
	var numbers []numbering.Number
	var want []workers.Outcome
	for i, tt := range answers {
		n := numbering.Number(12025550100 + i)
		v.lines[n.String()] = tt.line
		tt.want.Number = n
		numbers, want = append(numbers, n), append(want, tt.want)
		t.Run(tt.name, func(t *testing.T) {
			got, err := v.adapter().Check(t.Context(), []numbering.Number{n})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]workers.Outcome{tt.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, reverse := range []bool{false, true} {
		v.asked, v.reverse = 0, reverse
		got, err := v.adapter(batch).Check(t.Context(), numbers)
		if err != nil {
			t.Fatal(err)
		}
		byNumber := cmpopts.SortSlices(func(a, b workers.Outcome) bool { return a.Number < b.Number })
		if diff := cmp.Diff(want, got, byNumber); diff != "" || v.asked != 1 {
			t.Errorf("%d requests for a batch, backwards %t:\n%s", v.asked, reverse, diff)
		}
	}
}

// TestLineTypes: every documented kind of line has a name in the registry.
func TestLineTypes(t *testing.T) {
	v := newVendor(t)
	for kind, want := range map[string]string{
		"mobile": "MOBILE", "landline": "FIXED_LINE", "fixedVoip": "VOIP", "nonFixedVoip": "VOIP", "tollFree": "TOLL_FREE",
		"premium": "PREMIUM_RATE", "sharedCost": "SHARED_COST", "personal": "PERSONAL_NUMBER", "pager": "PAGER", "uan": "UAN",
		"voicemail": "VOICEMAIL", "unknown": "UNKNOWN",
	} {
		v.lines["+12025550100"] = typed(kind)
		got, err := v.adapter().Check(t.Context(), []numbering.Number{12025550100})
		if err != nil {
			t.Fatal(err)
		}
		if string(got[0].Details) != `{"lineType":"`+want+`"}` {
			t.Errorf("%s: details %s", kind, got[0].Details)
		}
	}
	v.lines["+12025550100"] = typed("satellite")
	if got, err := v.adapter().Check(t.Context(), []numbering.Number{12025550100}); err != nil || got[0].Details != nil {
		t.Errorf("a kind that is not documented: %v, %v", got, err)
	}
}

func TestCarriers(t *testing.T) {
	v := newVendor(t)
	for name, want := range map[string]string{
		"Bandwidth/13 - Bandwidth.com - SVR":  "Bandwidth/13 - Bandwidth.com - SVR",
		" Teléfonos \u0000\n de México ":      "Teléfonos  de México",
		"of +1 (202) 555-0100":                "",
		strings.Repeat("é", 40):               strings.Repeat("é", 32),
		strings.Repeat("a", 63) + " and more": strings.Repeat("a", 63),
		"":                                    "",
	} {
		v.lines["+12025550100"] = fmt.Sprintf(`"valid":true,"line_type_intelligence":{"type":"mobile","carrier_name":%s}`, quote(name))
		got, err := v.adapter().Check(t.Context(), []numbering.Number{12025550100})
		if err != nil {
			t.Fatal(err)
		}
		details := `{"lineType":"MOBILE"}`
		if want != "" {
			details = `{"lineType":"MOBILE","carrier":` + quote(want) + `}`
		}
		if string(got[0].Details) != details {
			t.Errorf("%q: details %s, want %s", name, got[0].Details, details)
		}
	}
}

// TestRequests: what is asked for is what is configured.
func TestRequests(t *testing.T) {
	v := newVendor(t)
	status := func(c *twilio.Config) { c.Fields = []twilio.Field{twilio.LineStatus} }
	for _, mode := range []func(*twilio.Config){func(*twilio.Config) {}, batch} {
		if _, err := v.adapter(mode).Check(t.Context(), []numbering.Number{12025550100}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"line_type_intelligence", "line_status"}, v.fields); diff != "" {
			t.Error(diff)
		}
		if _, err := v.adapter(mode, status).Check(t.Context(), []numbering.Number{12025550100}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"line_status"}, v.fields); diff != "" {
			t.Error(diff)
		}
	}
	want := workers.Info{Name: "twilio", Method: "twilio_lookup_v2", MaxBatch: 1, Rate: 10, Credential: "SK-abcdef"}
	if diff := cmp.Diff(want, v.adapter().Info()); diff != "" {
		t.Error(diff)
	}
	want.MaxBatch, want.Rate = 50, 3
	if diff := cmp.Diff(want, v.adapter(batch, func(c *twilio.Config) { c.Rate = 3 }).Info()); diff != "" {
		t.Error(diff)
	}
}

// TestPartialBatch: what a batch leaves out or garbles is left out; the rest still counts.
func TestPartialBatch(t *testing.T) {
	v := newVendor(t)
	v.instead = func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, `{"phone_numbers":[{"correlation_id":"2","valid":true,"line_status":{"status":"active"}},null,7,{"correlation_id":"0"},
			{"correlation_id":"1","valid":"yes"},{"correlation_id":"-1","valid":true},{"correlation_id":"3","valid":true},{"correlation_id":"x","valid":true},{"valid":true}]}`)
	}
	got, err := v.adapter(batch).Check(t.Context(), []numbering.Number{12025550100, 12025550101, 12025550102})
	if err != nil {
		t.Fatal(err)
	}
	want := []workers.Outcome{{Number: 12025550102, Status: scoring.Active, Strength: 0.8, TTL: month, Details: []byte(`{"lineStatus":"active"}`)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFaults: whatever the interface does, the error says what it means and nothing that it must not.
func TestFaults(t *testing.T) {
	for _, mode := range []twilio.Mode{twilio.Single, twilio.Batch} {
		for _, fault := range adaptertest.Faults(now, 68<<10) { // a batch of one reads 68 KiB
			t.Run(string(mode)+" "+fault.Name, func(t *testing.T) {
				v := newVendor(t)
				v.instead = fault.Handler
				a := v.adapter(func(c *twilio.Config) {
					c.Mode, c.MaxBatch = mode, 1
					if fault.Slow {
						c.Timeout = adaptertest.ShortTimeout
					}
				})
				_, err := a.Check(t.Context(), []numbering.Number{12025550100})
				want := fault.Error("Twilio")
				if strings.Contains(want.Reason, "(") && fault.Name != "redirect" && fault.Name != "no content" {
					want.Reason += "; Twilio error 1" // the code in the body
				}
				checkCallError(t, err, want)
			})
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name         string
		status, code int
		want         workers.CallError
	}{
		{"wrong secret", 401, 20003, workers.CallError{Reason: "Twilio refused the API key (401); Twilio error 20003: are SID and secret right, and of this region?", Permanent: true}},
		{"not allowed", 403, 20008, workers.CallError{Reason: "Twilio refused the API key (403); Twilio error 20008", Permanent: true}},
		{"no such resource", 404, 20404, workers.CallError{Reason: "Twilio refused the request (404); Twilio error 20404", Permanent: true}},
		{"not understood", 400, 60600, workers.CallError{Reason: "Twilio refused the request (400); Twilio error 60600", Permanent: true}},
		{"a code that cannot be", 400, 12025550100, workers.CallError{Reason: "Twilio refused the request (400)", Permanent: true}},
		{"too many at once", 429, 20429, workers.CallError{Reason: "Twilio limits the rate (429); Twilio error 20429", RateLimited: true}},
		{"quota in disguise", 403, 60611, workers.CallError{Reason: "Twilio refused the API key (403); Twilio error 60611", RateLimited: true}},
		{"rate in disguise", 400, 60616, workers.CallError{Reason: "Twilio refused the request (400); Twilio error 60616", RateLimited: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newVendor(t)
			v.instead = func(w http.ResponseWriter, _ *http.Request) { refuse(w, tt.status, tt.code) }
			_, err := v.adapter().Check(t.Context(), []numbering.Number{12025550100})
			checkCallError(t, err, tt.want)
		})
	}
	t.Run("another secret", func(t *testing.T) {
		_, err := newVendor(t).adapter(func(c *twilio.Config) { c.Credentials = sid + ":wrong" }).Check(t.Context(), []numbering.Number{12025550100})
		checkCallError(t, err, tests[0].want)
	})
	t.Run("JSON of somebody else", func(t *testing.T) {
		v := newVendor(t)
		v.instead = func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{"status":"ok"}`) }
		for _, mode := range []twilio.Mode{twilio.Single, twilio.Batch} {
			_, err := v.adapter(func(c *twilio.Config) { c.Mode = mode }).Check(t.Context(), []numbering.Number{12025550100})
			checkCallError(t, err, workers.CallError{Reason: "the answer of Twilio is not what its interface promises"})
		}
	})
	t.Run("caller leaves", func(t *testing.T) {
		v := newVendor(t)
		ctx, cancel := context.WithCancel(t.Context())
		v.instead = func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		}
		if _, err := v.adapter().Check(ctx, []numbering.Number{12025550100}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the end of the context", err)
		}
	})
}

func checkCallError(t *testing.T, err error, want workers.CallError) {
	t.Helper()
	adaptertest.CheckCallError(t, err, want, sid, "/v2/")
}
