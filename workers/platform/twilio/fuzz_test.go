package twilio

import (
	"encoding/json"
	"testing"

	"phoneregistry/registry/scoring"
)

// FuzzAnswers reads whatever Twilio may answer: the outcome must be one that can be stored.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"valid":true,"line_type_intelligence":{"type":"mobile","carrier_name":"Claro","error_code":null},"line_status":{"status":"active","error_code":null}}`))
	f.Add([]byte(`{"valid":false,"validation_errors":["TOO_SHORT"]}`))
	f.Add([]byte(`{"valid":true,"line_status":{"status":null,"error_code":60616}}`))
	f.Add([]byte(`{"phone_numbers":[{"correlation_id":"0","twilio_error_code":60600},null,{"correlation_id":"0","valid":true}]}`))
	f.Add([]byte(`{"line_type_intelligence":{"type":"unknown","carrier_name":"\u0000\ud800 +12025550100"}}`))
	f.Add([]byte(`{"twilio_error_code":-1,"line_type_intelligence":[]}`))
	a, err := New(Config{Credentials: "SK0:x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var all lookups
		var read []lookup
		if json.Unmarshal(body, &all) == nil {
			read = all.read()
		}
		var one lookup
		if json.Unmarshal(body, &one) == nil && one.told() {
			read = append(read, one)
		}
		for _, l := range read {
			o := a.outcome(12025550100, l)
			switch {
			case !o.Status.Valid() || o.Strength < 0 || o.Strength > 1 || o.TTL <= 0 || o.Number != 12025550100:
				t.Errorf("outcome %+v", o)
			case o.Status == scoring.NotFound && (l.Valid == nil || *l.Valid):
				t.Error("a no that Twilio did not say")
			case o.Permanent && o.Status != scoring.Failed:
				t.Errorf("%s for ever", o.Status)
			case len(o.Details) > 512 || len(o.Details) > 0 && !json.Valid(o.Details):
				t.Errorf("%d bytes of details", len(o.Details))
			}
		}
	})
}
