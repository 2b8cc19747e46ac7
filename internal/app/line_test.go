package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/app"
	"phoneregistry/internal/testkit"
)

// TestLine runs a job on the line from start to end: settings choose Twilio, a worker in the server asks a Lookup that
// replays its documentation, and the evidence arrives with its details.
func TestLine(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	lookup := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "SK0" || password != "hush-hush" || r.URL.Path != "/v2/PhoneNumbers/+573001234567" {
			t.Errorf("asked %s as %s", r.URL.Path, user)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"valid":true,"phone_number":"+573001234567","line_type_intelligence":{"type":"nonFixedVoip","carrier_name":"Example","error_code":null},
			"line_status":{"status":"reachable","error_code":null}}`)
	}))
	defer lookup.Close()
	c := settings(t)
	c.Demo = false
	c.TwilioURL, c.TwilioCredentials = lookup.URL, filepath.Join(t.TempDir(), "twilio")
	if err := os.WriteFile(c.TwilioCredentials, []byte("SK0:hush-hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	ask := func(query string, into any) { t.Helper(); askServer(t, s, query, into) }

	var platforms struct {
		Platforms []struct{ Platform, Adapter string }
	}
	ask(`{platforms{platform adapter}}`, &platforms)
	if n := len(platforms.Platforms); n != 6 || platforms.Platforms[n-1].Platform != "LINE" || platforms.Platforms[n-1].Adapter != "twilio" {
		t.Errorf("platforms %+v", platforms.Platforms)
	}
	var added struct {
		AddPhone struct{ UserErrors []struct{ Message string } }
	}
	if ask(`mutation{addPhone(input:{customerId:"c1",number:"+573001234567",source:"web_forms"}){userErrors{message}}}`, &added); len(added.AddPhone.UserErrors) > 0 {
		t.Fatalf("%+v", added)
	}
	var started struct {
		StartValidationJob struct {
			Job        struct{ ID string }
			UserErrors []struct{ Code, Message string }
		}
	}
	ask(`mutation{startValidationJob(input:{name:"line",platforms:[LINE],target:{customerIds:["c1"]}}){job{id} userErrors{code message}}}`, &started)
	if started.StartValidationJob.Job.ID == "" {
		t.Fatalf("%+v", started.StartValidationJob.UserErrors)
	}
	awaitJob(t, ask, started.StartValidationJob.Job.ID)
	var got struct {
		Phone struct {
			Validations []struct {
				Platform, Status, Method string
				Simulated                bool
				Details                  map[string]string
			}
		}
	}
	ask(`{phone(number:"+573001234567"){validations{platform status method simulated details}}}`, &got)
	if len(got.Phone.Validations) != 1 {
		t.Fatalf("validations %+v", got.Phone.Validations)
	}
	v := got.Phone.Validations[0]
	if v.Platform != "LINE" || v.Status != "ACTIVE" || v.Method != "twilio_lookup_v2" || v.Simulated {
		t.Errorf("validation %+v", v)
	}
	if diff := cmp.Diff(map[string]string{"lineType": "VOIP", "lineStatus": "reachable", "carrier": "Example"}, v.Details); diff != "" {
		t.Error(diff)
	}
}

// awaitJob waits until a job has done its work.
func awaitJob(t *testing.T, ask func(string, any), id string) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var got struct{ ValidationJob struct{ Status string } }
		ask(`{validationJob(id:"`+id+`"){status}}`, &got)
		if got.ValidationJob.Status == "COMPLETED" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("the job is %s", got.ValidationJob.Status)
		}
	}
}

func askServer(t *testing.T, s *app.Server, query string, into any) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.Token())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	var answer struct {
		Data   json.RawMessage
		Errors json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%s: %s %v", query, answer.Errors, err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(answer.Data)))
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}
