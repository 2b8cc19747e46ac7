package twilio_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/workers/platform/twilio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sid    = "SK0123456789abcdef0123456789abcdef"
	secret = adaptertest.Secret
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// vendor replays what Twilio documents of Lookup v2.
type vendor struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	lines   map[string]string // what is known of a number: members of its answer, as JSON without the braces
	instead http.HandlerFunc  // instead of answering
	fields  []string          // that were asked for last
	asked   int               // requests
	reverse bool              // a batch is answered backwards
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{t: t, lines: map[string]string{}}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	v.url = server.URL
	return v
}

func (v *vendor) adapter(change ...func(*twilio.Config)) *twilio.Adapter {
	v.t.Helper()
	cfg := twilio.Config{Credentials: sid + ":" + secret + "\n", BaseURL: v.url + "/", Now: func() time.Time { return now }}
	for _, f := range change {
		f(&cfg)
	}
	a, err := twilio.New(cfg)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(a.Close)
	return a
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if v.instead != nil {
		v.instead(w, r)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	if user, password, ok := r.BasicAuth(); !ok || user != sid || password != secret {
		refuse(w, 401, 20003)
		return
	}
	if r.Method == http.MethodPost && r.URL.Path == "/v2/batch/query" {
		v.batch(w, r)
		return
	}
	number, found := strings.CutPrefix(r.URL.Path, "/v2/PhoneNumbers/")
	if r.Method != http.MethodGet || !found {
		v.t.Errorf("%s %s", r.Method, r.URL.Path)
	}
	v.fields = strings.Split(r.URL.Query().Get("Fields"), ",")
	write(w, 200, "{"+v.line(number)+"}")
}

// line is what is known of a number; of others, that it is valid.
func (v *vendor) line(number string) string {
	known, ok := v.lines[number]
	if !ok {
		known = `"valid":true,"validation_errors":null,"line_type_intelligence":null,"line_status":null`
	}
	return fmt.Sprintf(`"calling_country_code":"1","country_code":"US","phone_number":%q,"national_format":"(202) 555-0100",`+
		`"caller_name":null,"sim_swap":null,"url":"https://lookups.twilio.com/v2/PhoneNumbers/%s",%s`, number, number, known)
}

func (v *vendor) batch(w http.ResponseWriter, r *http.Request) {
	var body struct {
		PhoneNumbers []struct {
			CorrelationID string   `json:"correlation_id"`
			PhoneNumber   string   `json:"phone_number"`
			Fields        []string `json:"fields"`
		} `json:"phone_numbers"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
		v.t.Errorf("content type %q: %v", r.Header.Get("Content-Type"), err)
	}
	var answers, ids []string
	for _, q := range body.PhoneNumbers {
		if slices.Contains(ids, q.CorrelationID) || strings.Contains(q.PhoneNumber, q.CorrelationID) && len(q.CorrelationID) > 3 {
			v.t.Errorf("correlation id %q", q.CorrelationID)
		}
		v.fields, ids = q.Fields, append(ids, q.CorrelationID)
		answers = append(answers, fmt.Sprintf(`{"correlation_id":%q,%s}`, q.CorrelationID, v.line(q.PhoneNumber)))
	}
	if v.reverse {
		slices.Reverse(answers)
	}
	write(w, 200, `{"phone_numbers":[`+strings.Join(answers, ",")+`]}`)
}

// refuse answers as Twilio refuses.
func refuse(w http.ResponseWriter, status, code int) {
	write(w, status, fmt.Sprintf(`{"code":%d,"message":"no +12025550100 %s","more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`, code, secret, code, status))
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
