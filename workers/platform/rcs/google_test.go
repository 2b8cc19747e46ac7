package rcs_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"phoneregistry/workers/platform/rcs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	agent = "my_brand_agent"
	email = "asker@project.iam.gserviceaccount.com"
	keyID = "key-1"
)

var (
	now    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	newKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
)

// google replays what Google documents of RCS Business Messaging and of its tokens.
type google struct {
	t      *testing.T
	url    string
	server *httptest.Server

	mu       sync.Mutex
	features map[string][]string // of the reachable numbers
	tokens   []string            // that were issued; the last one is good
	life     int                 // of a token, in seconds
	requests []string            // request ids that were used
	asked    int                 // requests with a good token
	token    http.HandlerFunc    // instead of issuing a token
	api      http.HandlerFunc    // instead of answering
	clock    time.Time
}

func newGoogle(t *testing.T) *google {
	t.Helper()
	g := &google{t: t, features: map[string][]string{}, life: 3599, clock: now}
	g.server = httptest.NewServer(g)
	g.url = g.server.URL
	t.Cleanup(g.server.Close)
	return g
}

// adapter is one that asks this Google.
func (g *google) adapter(change ...func(*rcs.Config)) *rcs.Adapter {
	g.t.Helper()
	cfg := rcs.Config{Credentials: g.keyFile(nil), Agent: agent, BaseURL: g.url + "/", Now: g.now, QueriesPerMinute: 60_000}
	for _, f := range change {
		f(&cfg)
	}
	a, err := rcs.New(cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(a.Close)
	return a
}

func (g *google) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.clock
}

func (g *google) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock = g.clock.Add(d)
}

// instead replaces what is answered; nil: the real thing.
func (g *google) instead(token, api http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.token, g.api = token, api
}

// revoke makes all tokens bad.
func (g *google) revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens = append(g.tokens, "never issued")
}

func (g *google) issued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(g.tokens), func(t string) bool { return t == "never issued" }))
}

// keyFile is a service account's key file as Google Cloud hands it out.
func (g *google) keyFile(change func(map[string]string)) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(newKey())
	if err != nil {
		g.t.Fatal(err)
	}
	f := map[string]string{
		"type": "service_account", "project_id": "project", "private_key_id": keyID, "client_email": email, "client_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": g.url + "/token",
	}
	if change != nil {
		change(f)
	}
	data, err := json.Marshal(f)
	if err != nil {
		g.t.Fatal(err)
	}
	return data
}

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	token, api := g.token, g.api
	g.mu.Unlock()
	switch {
	case r.URL.Path == "/token" && token != nil:
		token(w, r)
	case r.URL.Path == "/token":
		g.issue(w, r)
	case api != nil:
		api(w, r)
	default:
		g.answer(w, r)
	}
}

// issue gives a token for a well-made assertion (RFC 7523).
func (g *google) issue(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		g.t.Errorf("%s with grant type %q", r.Method, r.FormValue("grant_type"))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.verify(r.FormValue("assertion")); err != nil {
		writeJSON(w, 400, map[string]string{"error": "invalid_grant", "error_description": "Invalid JWT: " + err.Error()})
		return
	}
	g.tokens = append(g.tokens, fmt.Sprintf("ya29.token-%d", len(g.tokens)+1))
	writeJSON(w, 200, map[string]any{"access_token": g.tokens[len(g.tokens)-1], "expires_in": g.life, "token_type": "Bearer"})
}

func (g *google) verify(assertion string) error {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%d parts", len(parts))
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&newKey().PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		return err
	}
	var header struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	for i, into := range []any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return err
		}
	}
	switch {
	case header.Alg != "RS256" || header.Typ != "JWT" || header.Kid != keyID:
		return fmt.Errorf("header %+v", header)
	case claims.Iss != email || claims.Scope != "https://www.googleapis.com/auth/rcsbusinessmessaging" || claims.Aud != g.url+"/token":
		return fmt.Errorf("claims %+v", claims)
	case claims.Iat != g.clock.Unix() || claims.Exp != claims.Iat+3600:
		return fmt.Errorf("issued at %d, ends at %d", claims.Iat, claims.Exp)
	}
	return nil
}

func (g *google) answer(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.tokens) == 0 || r.Header.Get("Authorization") != "Bearer "+g.tokens[len(g.tokens)-1] {
		googleError(w, 401, "UNAUTHENTICATED")
		return
	}
	g.asked++
	if r.Method == http.MethodPost && r.URL.Path == "/v1/users:batchGet" {
		g.batchGet(w, r)
		return
	}
	number, ok := strings.CutPrefix(r.URL.Path, "/v1/phones/")
	number, found := strings.CutSuffix(number, "/capabilities")
	id := r.URL.Query().Get("requestId")
	if r.Method != http.MethodGet || !ok || !found || r.URL.Query().Get("agentId") != agent || uuid.Validate(id) != nil || slices.Contains(g.requests, id) {
		g.t.Errorf("%s %s with request id %q", r.Method, r.URL.Path, id)
	}
	g.requests = append(g.requests, id)
	features, reachable := g.features[number]
	if !reachable {
		googleError(w, 404, "NOT_FOUND")
		return
	}
	writeJSON(w, 200, map[string]any{"features": features})
}

func (g *google) batchGet(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Users   []string `json:"users"`
		AgentID string   `json:"agentId"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.AgentID != agent || len(body.Users) == 0 || len(body.Users) > 10_000 {
		g.t.Errorf("batchGet of %d users for %q: %v", len(body.Users), body.AgentID, err)
	}
	reachable := []string{}
	for _, user := range body.Users {
		if strings.HasPrefix(user, "+44") { // of another region than the rest
			googleError(w, 400, "INVALID_ARGUMENT")
			return
		}
		if _, ok := g.features[user]; ok {
			reachable = append(reachable, user)
		}
	}
	writeJSON(w, 200, map[string]any{
		"reachableUsers": reachable, "totalRandomSampleUserCount": 375, "reachableRandomSampleUserCount": 200,
		"reachableUsersMap": map[string]any{"carrier": map[string]any{"reachableUsers": reachable}},
	})
}

func googleError(w http.ResponseWriter, code int, status string) {
	writeJSON(w, code, map[string]any{"error": map[string]any{"code": code, "message": "no +12025550100 hush-hush", "status": status}})
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_, _ = w.Write(data)
}
