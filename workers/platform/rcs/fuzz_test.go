package rcs

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/webcall"
)

// FuzzAnswers reads whatever Google may answer. Evidence must be of the number that was asked and fit to be stored, and
// nothing may be read as a no.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"features":["RICHCARD_STANDALONE","ACTION_DIAL"]}`))
	f.Add([]byte(`{"features":["","FEATURE_UNSPECIFIED","\u0000"]}`))
	f.Add([]byte(`{"features":null,"reachableUsers":["+12025550100","x",null]}`))
	f.Add([]byte(`{"reachableUsers":["+12025550100"],"totalRandomSampleUserCount":375,"reachableRandomSampleUserCount":200}`))
	f.Add([]byte(`{"error":{"code":404,"message":"x","status":"NOT_FOUND"}}`))
	f.Add([]byte(`{"error":[]}`))
	f.Add([]byte(`{"features":{"a":1}`))
	client := webcall.New(webcall.Config{Service: service})
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := &webcall.Answer{Status: http.StatusOK, Type: "application/json", Body: body}
		_ = googleStatus(answer)
		var single capabilities
		if client.Decode(answer, &single) == nil {
			o := single.outcome(12025550100, time.Hour)
			if o.Status != scoring.Active && o.Status != scoring.Unknown || o.Number != 12025550100 {
				t.Errorf("status %s", o.Status)
			}
			if (o.Status == scoring.Active) != json.Valid(o.Details) || len(o.Details) > 512 {
				t.Errorf("%s with %d bytes of details", o.Status, len(o.Details))
			}
		}
		var list reachability
		if client.Decode(answer, &list) == nil {
			for n := range list.numbers() {
				if _, err := numbering.ParseE164(n.String()); err != nil {
					t.Errorf("a number that is none: %v", err)
				}
			}
		}
	})
}
