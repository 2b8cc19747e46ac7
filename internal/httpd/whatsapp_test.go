package httpd_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

const (
	whatsAppPath   = "/v1/webhooks/whatsapp"
	whatsAppToken  = "a-token-of-our-own"
	whatsAppSecret = "0123456789abcdef0123456789abcdef"
	whatsAppOlder  = "fedcba9876543210fedcba9876543210"
)

// withWhatsApp turns the webhook on, in the middle of a rotation of its secret.
func withWhatsApp(_ *app, c *httpd.Config) {
	c.WhatsApp = &httpd.WhatsApp{
		VerifyToken: whatsAppToken, AppSecrets: []string{whatsAppSecret, whatsAppOlder}, HoldsFor: 90 * 24 * time.Hour,
	}
}

func signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// tell sends a notification as Meta does, signed, and returns the status of the answer.
func (a *app) tell(t testing.TB, body []byte) int {
	t.Helper()
	response := a.request(t, "", http.MethodPost, whatsAppPath, "application/json", bytes.NewReader(body),
		"X-Hub-Signature-256", signature(whatsAppSecret, body))
	readAll(t, response)
	return response.StatusCode
}

// delivery is a notification that messages were delivered, read, …
func delivery(status string, at time.Time, numbers ...string) []byte {
	var statuses []map[string]any
	for _, n := range numbers {
		statuses = append(statuses, map[string]any{
			"id": "wamid.1", "status": status, "timestamp": strconv.FormatInt(at.Unix(), 10), "recipient_id": strings.TrimPrefix(n, "+"),
		})
	}
	body, _ := json.Marshal(map[string]any{"object": "whatsapp_business_account", "entry": []any{map[string]any{
		"id": "1", "changes": []any{map[string]any{"field": "messages", "value": map[string]any{
			"messaging_product": "whatsapp", "statuses": statuses,
		}}},
	}}})
	return body
}

// counter reads a counter of the app's metrics.
func (a *app) counter(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := a.metrics.Gather()
	must(t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			have := map[string]string{}
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			matches := true
			for i := 0; i < len(labels); i += 2 {
				matches = matches && have[labels[i]] == labels[i+1]
			}
			if matches {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// seen is what the API shows of a number.
type seen struct {
	LineType    string
	Validations []struct {
		Platform, Status, Method string
		Strength                 float64
		Simulated                bool
		CheckedAt, ExpiresAt     time.Time
		Details                  map[string]any
	}
	LeadScore *struct {
		Total    int
		Tier     string
		Coverage float64
		History  struct{ TotalCount json.Number }
	}
}

func (a *app) look(t testing.TB, number string) *seen {
	t.Helper()
	return ask[struct{ Phone *seen }](t, a, registry.RoleSteward, `query($n: E164!) { phone(number: $n) { lineType
		validations { platform status method strength simulated checkedAt expiresAt details }
		leadScore { total tier coverage history { totalCount } } } }`, vars{"n": number}).Phone
}

func TestWhatsAppHandshake(t *testing.T) {
	a := newApp(t, withWhatsApp)
	for _, c := range []struct {
		name, mode, token, challenge string
		status                       int
	}{
		{"right", "subscribe", whatsAppToken, "1158201444", http.StatusOK},
		{"wrong token", "subscribe", whatsAppToken + "x", "1158201444", http.StatusForbidden},
		{"no token", "subscribe", "", "1158201444", http.StatusForbidden},
		{"another mode", "unsubscribe", whatsAppToken, "1158201444", http.StatusForbidden},
		{"no challenge", "subscribe", whatsAppToken, "", http.StatusForbidden},
		{"a page as challenge", "subscribe", whatsAppToken, "<script>alert(1)</script>", http.StatusForbidden},
		{"a long challenge", "subscribe", whatsAppToken, strings.Repeat("1", 129), http.StatusForbidden},
	} {
		query := url.Values{"hub.mode": {c.mode}, "hub.verify_token": {c.token}, "hub.challenge": {c.challenge}}
		response := a.request(t, "", http.MethodGet, whatsAppPath+"?"+query.Encode(), "", nil)
		body := readAll(t, response)
		if response.StatusCode != c.status || (body == c.challenge) != (c.status == http.StatusOK) {
			t.Errorf("%s: %d %q", c.name, response.StatusCode, body)
		}
		if strings.Contains(body, "script") || response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: answered %q with %v", c.name, body, response.Header)
		}
	}
	if n := a.counter(t, "whatsapp_webhook_requests_total", "outcome", "refused_token"); n != 6 {
		t.Errorf("%g refusals counted", n)
	}
	if strings.Contains(a.log.String(), whatsAppToken) {
		t.Error("the log holds the token")
	}
}

// TestWhatsAppIsProven: nothing is read of what Meta has not signed.
func TestWhatsAppIsProven(t *testing.T) {
	a := newApp(t, withWhatsApp)
	body := delivery("delivered", time.Now(), "+573001000000")
	right := signature(whatsAppSecret, body)
	for _, c := range []struct {
		name, signature string
		body            []byte
		status          int
		outcome         string
	}{
		{"no signature", "", body, http.StatusUnauthorized, "refused_unsigned"},
		{"no hash", "sha256=", body, http.StatusUnauthorized, "refused_unsigned"},
		{"the older hash", "sha1=" + right[7:47], body, http.StatusUnauthorized, "refused_unsigned"},
		{"not hexadecimal", "sha256=" + strings.Repeat("z", 64), body, http.StatusUnauthorized, "refused_unsigned"},
		{"cut short", right[:len(right)-2], body, http.StatusUnauthorized, "refused_unsigned"},
		{"another secret", signature("another secret", body), body, http.StatusForbidden, "refused_signature"},
		{"another body", right, append(bytes.Clone(body), ' '), http.StatusForbidden, "refused_signature"},
		{"too large", right, bytes.Repeat([]byte(" "), 3<<20+1), http.StatusRequestEntityTooLarge, "refused_size"},
		{"right", right, body, http.StatusOK, "accepted"},
		{"signed with the older secret", signature(whatsAppOlder, body), body, http.StatusOK, "accepted"},
		{"no JSON at all", signature(whatsAppSecret, []byte("{")), []byte("{"), http.StatusOK, "accepted"},
	} {
		before := a.counter(t, "whatsapp_webhook_requests_total", "outcome", c.outcome)
		response := a.request(t, "", http.MethodPost, whatsAppPath, "application/json", bytes.NewReader(c.body), "X-Hub-Signature-256", c.signature)
		if text := readAll(t, response); response.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.name, response.StatusCode, text)
		}
		if now := a.counter(t, "whatsapp_webhook_requests_total", "outcome", c.outcome); now != before+1 {
			t.Errorf("%s: %s counted %g times", c.name, c.outcome, now-before)
		}
		if c.status != http.StatusOK && a.look(t, "+573001000000") != nil {
			t.Errorf("%s: read all the same", c.name)
		}
	}
	off := newApp(t)
	response := off.request(t, "", http.MethodPost, whatsAppPath, "application/json", bytes.NewReader(body), "X-Hub-Signature-256", right)
	if readAll(t, response); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without secrets: %d", response.StatusCode)
	}
}

// TestWhatsAppBecomesEvidence: from the signed notification to the score that a subscriber gets.
func TestWhatsAppBecomesEvidence(t *testing.T) {
	a := newApp(t, withWhatsApp)
	changes := a.subscribe(t, registry.RoleAdmin, `subscription { leadScoreChanged(filter: {regions: ["CO"]}) {
		total phone { number } components { platform status method } } }`, nil)
	at := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	if status := a.tell(t, delivery("delivered", at, "+573001000000")); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	var change struct {
		Data struct {
			LeadScoreChanged struct {
				Total      int
				Phone      struct{ Number string }
				Components []struct{ Platform, Status, Method string }
			}
		}
	}
	if m := changes.next(t); m.Type != "next" || json.Unmarshal(m.Payload, &change) != nil {
		t.Fatalf("told %+v", m)
	}
	if c := change.Data.LeadScoreChanged; c.Total != 100 || c.Phone.Number != "+573001000000" || c.Components[0].Method != "whatsapp_delivered" {
		t.Errorf("told %+v", c)
	}
	p := a.look(t, "+573001000000")
	if v := p.Validations[0]; len(p.Validations) != 1 || v.Platform != "WHATSAPP" || v.Status != "ACTIVE" || v.Strength != 1 || v.Simulated ||
		!v.CheckedAt.Equal(at) || !v.ExpiresAt.Equal(at.Add(90*24*time.Hour)) {
		t.Errorf("evidence %+v", p.Validations)
	}
	if p.LeadScore.Total != 100 || p.LeadScore.Tier != "PREMIUM" || math.Abs(p.LeadScore.Coverage-0.2) > 1e-6 || p.LeadScore.History.TotalCount != "1" {
		t.Errorf("score %+v", p.LeadScore)
	}

	// Again, older, and what tells neither yes nor no: all of it harmless.
	for _, body := range [][]byte{
		delivery("delivered", at, "+573001000000"), delivery("delivered", at.Add(-time.Hour), "+573001000000"),
		delivery("sent", at.Add(time.Minute), "+573001000000"), delivery("failed", at.Add(time.Minute), "+573001000000"),
	} {
		if status := a.tell(t, body); status != http.StatusOK {
			t.Errorf("answered %d", status)
		}
	}
	if v := a.look(t, "+573001000000").Validations[0]; v.Method != "whatsapp_delivered" || !v.CheckedAt.Equal(at) {
		t.Errorf("evidence became %+v", v)
	}
	if n := a.counter(t, "whatsapp_webhook_events_total", "event", "delivered", "outcome", "known"); n != 2 {
		t.Errorf("%g known events counted", n)
	}
	a.tell(t, delivery("read", at.Add(time.Minute), "+573001000000"))
	if v := a.look(t, "+573001000000").Validations[0]; v.Method != "whatsapp_read" {
		t.Errorf("evidence is %+v after it was read", v)
	}
}

// TestWhatsAppFiles: the documented notifications, through the whole face, twice; then what is known.
func TestWhatsAppFiles(t *testing.T) {
	a := newApp(t, withWhatsApp)
	files, err := filepath.Glob("testdata/whatsapp/*.json")
	must(t, err)
	recent := []byte(strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10))
	later := []byte(strconv.FormatInt(time.Now().Add(-time.Hour).Unix()+60, 10))
	for range 2 {
		for _, file := range files {
			body, err := os.ReadFile(file)
			must(t, err)
			body = bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("1795262400"), recent), []byte("1795262460"), later)
			if status := a.tell(t, body); status != http.StatusOK {
				t.Errorf("%s: answered %d", file, status)
			}
		}
	}
	for number, want := range map[string]string{
		"+573001000000": "ACTIVE whatsapp_read", "+573001000001": "UNKNOWN whatsapp_undeliverable", "+573001000002": "ACTIVE whatsapp_inbound",
		"+573001000003": "ACTIVE whatsapp_inbound", "+573001000004": "ACTIVE whatsapp_read", "+573001000005": "", "+573001000006": "",
		"+573001000007": "ACTIVE whatsapp_delivered", "+573001000008": "ACTIVE whatsapp_delivered", "+573001000009": "",
		"+525512345678": "ACTIVE whatsapp_inbound", "+5491123456789": "ACTIVE whatsapp_inbound",
		"+5551980201045": "ACTIVE whatsapp_inbound", "+5511987654321": "ACTIVE whatsapp_inbound",
	} {
		got := ""
		if p := a.look(t, number); p != nil {
			got = p.Validations[0].Status + " " + p.Validations[0].Method
		}
		if got != want {
			t.Errorf("%s is %q, want %q", number, got, want)
		}
	}
	if d := a.look(t, "+525512345678").Validations[0].Details; d["rule"] != "mx-mobile-1" {
		t.Errorf("the alias is not told: %v", d)
	}
	if p := a.look(t, "+573001000001"); p.LeadScore == nil || p.LeadScore.Tier != "UNKNOWN" || fmt.Sprint(p.Validations[0].Details["code"]) != "131026" {
		t.Errorf("an undeliverable message: %+v, %+v", p.LeadScore, p.Validations)
	}
	if n := a.counter(t, "whatsapp_webhook_events_total", "outcome", "no_number"); n != 4 {
		t.Errorf("%g events without a number", n)
	}
	if n := a.counter(t, "whatsapp_webhook_events_total", "outcome", "user_id_only"); n != 6 {
		t.Errorf("%g events with a user id only", n)
	}
	log := a.log.String()
	for _, n := range []string{"57300100", "5215512345678", "555180201045", "13491208655302741918", "Sof"} {
		if strings.Contains(log, n) {
			t.Errorf("the log holds %s", n)
		}
	}
	if !strings.Contains(log, "could not be understood") {
		t.Error("the log does not tell what could not be understood")
	}
	var actors int
	must(t, a.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_trail WHERE action = 'evidence.recorded' AND actor = 'system:whatsapp'`).Scan(&actors))
	if actors != 12 { // each change once, what came again not at all
		t.Errorf("%d audit entries", actors)
	}
}

// TestWhatsAppArgentina: digits that can be read in two ways mean the number that is known.
func TestWhatsAppArgentina(t *testing.T) {
	a := newApp(t, withWhatsApp)
	_, err := a.service.AddPhone(asSystem(t), registry.AddPhone{CustomerID: "c", Number: "+5491123456789", Source: "crm_salesforce"})
	must(t, err)
	a.tell(t, delivery("delivered", time.Now(), "541123456789", "541123456780"))
	if p := a.look(t, "+5491123456789"); len(p.Validations) != 1 || p.Validations[0].Details["rule"] != "ar-wire-9" {
		t.Errorf("the known mobile number: %+v", p)
	}
	if a.look(t, "+541123456789") != nil {
		t.Error("a fixed line was made of a mobile number that is known")
	}
	if p := a.look(t, "+541123456780"); p == nil || p.LineType != "FIXED_LINE" {
		t.Errorf("digits of which nothing is known: %+v", p)
	}
}

// TestWhatsAppWithoutStore: Meta is asked to try again, and nothing is lost.
func TestWhatsAppWithoutStore(t *testing.T) {
	a := newApp(t, withWhatsApp)
	body := delivery("delivered", time.Now(), "+573001000000")
	tx, err := a.pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `ALTER TABLE platform_validations RENAME TO elsewhere`)
	must(t, err)
	must(t, tx.Commit(t.Context()))
	response := a.request(t, "", http.MethodPost, whatsAppPath, "application/json", bytes.NewReader(body), "X-Hub-Signature-256", signature(whatsAppSecret, body))
	text := readAll(t, response)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || strings.Contains(text, "platform_validations") {
		t.Errorf("answered %d %s", response.StatusCode, text)
	}
	_, err = a.pool.Exec(t.Context(), `ALTER TABLE elsewhere RENAME TO platform_validations`)
	must(t, err)
	if status := a.tell(t, body); status != http.StatusOK {
		t.Errorf("answered %d", status)
	}
	if p := a.look(t, "+573001000000"); p == nil || len(p.Validations) != 1 {
		t.Errorf("not recorded: %+v", p)
	}
	if n := a.counter(t, "whatsapp_webhook_requests_total", "outcome", "unavailable"); n != 1 {
		t.Errorf("counted %g", n)
	}
}

// TestWhatsAppManyAtOnce: notifications with the same and with other numbers at the same time; each number ends with
// the newest word, and its score says so.
func TestWhatsAppManyAtOnce(t *testing.T) {
	a := newApp(t, withWhatsApp)
	const senders, rounds = 6, 8
	numbers := make([]string, 20)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("57300100%04d", i)
	}
	start := time.Now().Add(-time.Hour).Truncate(time.Second)
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for round := range rounds {
				mine := numbers[(sender+round)%10 : (sender+round)%10+10]
				body := delivery([]string{"delivered", "read"}[round%2], start.Add(time.Duration(round*senders+sender)*time.Second), mine...)
				if status := a.tell(t, body); status != http.StatusOK {
					t.Errorf("answered %d", status)
				}
			}
		})
	}
	wg.Wait()
	for i, n := range numbers {
		var newest time.Time
		for sender := range senders {
			for round := range rounds {
				first := (sender + round) % 10
				if at := start.Add(time.Duration(round*senders+sender) * time.Second); first <= i && i < first+10 && at.After(newest) {
					newest = at
				}
			}
		}
		p := a.look(t, "+"+n)
		if newest.IsZero() {
			if p != nil {
				t.Errorf("number %d was made up", i)
			}
			continue
		}
		if p == nil || !p.Validations[0].CheckedAt.Equal(newest) || p.LeadScore == nil || p.LeadScore.Total != 100 || p.LeadScore.History.TotalCount != "1" {
			t.Errorf("number %d: %+v, want %s", i, p, newest)
		}
	}
}
