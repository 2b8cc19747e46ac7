package httpd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/accesslog"
	"phoneregistry/internal/auth"
	"phoneregistry/internal/httpd"
	"phoneregistry/internal/live"
	"phoneregistry/internal/opaque"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/orchestrator"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// app is the registry behind its HTTP face: everything but the web UI and the workers is real.
type app struct {
	url        string
	pool       *pgxpool.Pool
	statements *statements
	store      *postgres.Store
	service    *registry.Service
	accesses   *accesslog.Log
	conn       *nats.Conn
	notifier   registry.Notifier
	codec      *opaque.Codec
	metrics    *prometheus.Registry
	log        *logBuffer
	ready      func() []httpd.Check
	tokens     map[registry.Role]string
	client     *http.Client
	tune       func(*http.Server)
	stop       func() // ends the server, as the program does
	purpose    string // told with every request and socket; "": none
}

// forPurpose is the same app to one who tells a purpose.
func (a *app) forPurpose(purpose string) *app {
	told := *a
	told.purpose = purpose
	return &told
}

// statements counts the statements that go to PostgreSQL, those of batches and copies among them.
type statements struct {
	mu      sync.Mutex
	list    []statement
	lookUps atomic.Int64 // of tokens, that have ended
}

// lookUp marks the context of a statement that looks a token up.
type lookUp struct{}

// upkeep marks the context of what the server does by itself now and then, whoever asks: its statements are not kept.
type upkeep struct{}

// byItself marks what a part of the server does.
func byItself(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return run(context.WithValue(ctx, upkeep{}, true)) }
}

// statement is one that was sent.
type statement struct {
	sql, request string    // request: the id of that which it was for; "": the server asked by itself
	session      uint32    // of PostgreSQL
	ends         time.Time // when it is given up; zero: there is no such time
}

func (s *statements) add(ctx context.Context, conn *pgx.Conn, all ...string) context.Context {
	if ctx.Value(upkeep{}) != nil {
		return ctx
	}
	ends, _ := ctx.Deadline()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sql := range all {
		s.list = append(s.list, statement{sql, registry.ActorFrom(ctx).RequestID, conn.PgConn().PID(), ends})
	}
	return ctx
}

// with returns the statements that hold a text, in the order in which they were sent.
func (s *statements) with(text string) []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.list), func(one statement) bool { return !strings.Contains(one.sql, text) })
}

func (s *statements) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, "WHERE token_hash = $1") {
		ctx = context.WithValue(ctx, lookUp{}, true)
	}
	return s.add(ctx, conn, data.SQL)
}

func (s *statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if ctx.Value(lookUp{}) != nil {
		s.lookUps.Add(1)
	}
}

func (s *statements) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		s.add(ctx, conn, q.SQL)
	}
	return ctx
}

func (*statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (*statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (s *statements) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return s.add(ctx, conn, "COPY "+data.TableName.Sanitize())
}

func (*statements) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

// ofTokens tells what the server asks about tokens: whose one is, and by itself, over and over, whether those in use still
// hold.
func ofTokens(sql string) bool {
	return strings.Contains(sql, "revoked_at IS NULL AND (expires_at IS NULL") || strings.Contains(sql, "SELECT id, role, scopes, expires_at, revoked_at\nFROM api_keys")
}

// during returns the statements that do causes.
func (s *statements) during(do func()) []string {
	return slices.DeleteFunc(s.all(do), ofTokens)
}

// all returns the statements that are sent while do runs.
func (s *statements) all(do func()) []string {
	var all []string
	for _, one := range s.sent(do) {
		all = append(all, one.sql)
	}
	return all
}

// ofRequests returns the statements that are sent for the requests that do makes, but for those that look a token up: none
// of what the server does by itself meanwhile.
func (s *statements) ofRequests(do func()) []string {
	var all []string
	for _, one := range s.sent(do) {
		if one.request != "" && !ofTokens(one.sql) {
			all = append(all, one.sql)
		}
	}
	return all
}

func (s *statements) sent(do func()) []statement {
	s.mu.Lock()
	s.list = nil
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// logBuffer keeps what is logged, for tests that look at it.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

var normalizer = sync.OnceValues(numbering.New) // tests share what takes long to make

// option changes the configuration of an app.
type option func(*app, *httpd.Config)

func newApp(t testing.TB, options ...option) *app {
	t.Helper()
	a := &app{
		statements: &statements{}, log: &logBuffer{}, tokens: map[registry.Role]string{}, metrics: prometheus.NewRegistry(),
		ready: func() []httpd.Check { return nil }, tune: func(*http.Server) {},
	}
	log := slog.New(slog.NewJSONHandler(a.log, nil))
	var err error
	a.pool, err = postgres.OpenPool(t.Context(), testkit.Database(t), postgres.PoolOptions{Tracer: a.statements})
	must(t, err)
	t.Cleanup(a.pool.Close)
	a.store = postgres.New(a.pool, postgres.Options{Logger: log})
	must(t, a.store.EnsurePartitions(t.Context(), time.Now()))
	_, a.conn = testkit.NATS(t)
	a.notifier = orchestrator.NewNotifier(a.conn, log)
	numbers, err := normalizer()
	must(t, err)
	a.accesses, err = accesslog.Open(accesslog.Config{Dir: t.TempDir(), Store: a.store, Logger: log, Registerer: a.metrics})
	must(t, err)
	background(t, byItself(a.accesses.Run)) // writes down later who was shown what
	model := scoring.DefaultModel()
	authenticator := auth.New(auth.Config{Store: a.store, BootstrapToken: "bootstrap-token", CheckEvery: 20 * time.Millisecond})
	a.service = registry.New(registry.Config{
		SyncAccess: a.accesses.Sync, KeyChanged: authenticator.Forget,
		Store: a.store, Numbers: numbers, Model: model, Notifier: a.notifier, Logger: log,
		Platforms: func() []registry.PlatformInfo {
			return []registry.PlatformInfo{
				{Platform: scoring.WhatsApp, Adapter: "simulator", Simulated: true, Weight: 20},
				{Platform: scoring.Google, Adapter: "simulator", Simulated: true, Weight: 20},
			}
		},
	})
	key := sha256.Sum256([]byte(t.Name()))
	a.codec, err = opaque.New(key[:])
	must(t, err)
	hub, err := live.New(live.Config{Conn: a.conn, Service: a.service, Logger: log, Registerer: a.metrics, Look: time.Minute})
	must(t, err)
	background(t, hub.Run)
	imports := importer.New(importer.Config{
		Store: a.store, Numbers: numbers, Notifier: a.notifier, SpoolDir: t.TempDir(), Logger: log,
	})
	background(t, byItself(imports.Run)) // looks for imports that wait
	a.makeTokens(t)
	background(t, authenticator.Run)
	config := httpd.Config{
		Service: a.service, Importer: imports, Hub: hub, Codec: a.codec, Logger: log, Registerer: a.metrics,
		Auth: authenticator, Accesses: a.accesses,
		UI: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, "the web UI")
		}),
		Ready: func(context.Context) []httpd.Check { return a.ready() },
	}
	for _, o := range options {
		o(a, &config)
	}
	handler, err := httpd.New(config)
	must(t, err)
	a.serve(t, handler, log)
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// background runs a part until the end of the test.
func background(t testing.TB, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("a part of the app failed: %v", err)
		}
	})
}

// serve answers on a port of its own, as the program does.
func (a *app) serve(t testing.TB, handler http.Handler, log *slog.Logger) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	base, cancel := context.WithCancel(context.Background())
	server := httpd.NewServer(handler, log)
	a.tune(server)
	server.BaseContext = func(net.Listener) context.Context { return base }
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	transport := &http.Transport{}
	a.client = &http.Client{Transport: transport}
	a.url = "http://" + listener.Addr().String()
	a.stop = sync.OnceFunc(func() {
		cancel()
		transport.CloseIdleConnections()
		limit, done := context.WithTimeout(context.Background(), time.Minute)
		defer done()
		if err := server.Shutdown(limit); err != nil {
			t.Errorf("the server does not stop: %v", err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(a.stop)
}

func (a *app) makeTokens(t testing.TB) {
	t.Helper()
	for _, role := range []registry.Role{
		registry.RoleViewer, registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator, registry.RoleAdmin,
	} {
		token := auth.NewToken()
		_, err := a.store.CreateAPIKey(t.Context(), registry.APIKey{
			ID: uuid.New(), Name: strings.ToLower(string(role)), Role: role, CreatedBy: "test", CreatedAt: time.Now(),
		}, auth.Hash(token))
		must(t, err)
		a.tokens[role] = token
	}
}

// request sends a request with the token of a role; "" sends none.
func (a *app) request(t testing.TB, role registry.Role, method, path, contentType string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.url+path, body)
	must(t, err)
	if role != "" {
		r.Header.Set("Authorization", "Bearer "+a.tokens[role])
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if a.purpose != "" {
		r.Header.Set("X-Purpose", a.purpose)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := a.client.Do(r)
	must(t, err)
	return response
}

// readAll reads the body of a response and closes it.
func readAll(t testing.TB, response *http.Response) string {
	t.Helper()
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return string(body)
}

// vars are the variables of an operation.
type vars map[string]any

// answer is the answer to an operation.
type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
}

// try runs an operation and returns its answer, errors and all.
func (a *app) try(t testing.TB, role registry.Role, query string, variables vars) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	must(t, err)
	text := readAll(t, a.request(t, role, http.MethodPost, "/graphql", "application/json", bytes.NewReader(body)))
	var got answer
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return got
}

// ask runs an operation that must not have errors, and reads its data.
func ask[T any](t testing.TB, a *app, role registry.Role, query string, variables vars) T {
	t.Helper()
	got := a.try(t, role, query, variables)
	if len(got.Errors) > 0 {
		t.Fatalf("errors: %+v", got.Errors)
	}
	var data T
	if err := json.Unmarshal(got.Data, &data); err != nil {
		t.Fatalf("%v in %s", err, got.Data)
	}
	return data
}

// addPhones adds mobile numbers of Colombia, each to a customer of its own, and returns them.
func (a *app) addPhones(t testing.TB, count int) []string {
	t.Helper()
	ctx := asSystem(t)
	numbers := make([]string, count)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+57300%07d", 1000000+i)
		_, err := a.service.AddPhone(ctx, registry.AddPhone{
			CustomerID: fmt.Sprintf("customer-%d", i), Number: numbers[i], Source: "crm_salesforce",
		})
		must(t, err)
	}
	return numbers
}

func asSystem(t testing.TB) context.Context {
	return registry.WithActor(t.Context(), registry.Actor{Name: "system:test", Role: registry.RoleAdmin})
}

// work does the chunks of jobs that are ready as a worker would, limit of them, and tells everybody.
func (a *app) work(t testing.TB, limit int, check func(registry.Number, registry.Platform) registry.Check) (done int) {
	t.Helper()
	ctx := asSystem(t)
	claimed, err := a.store.ClaimChunks(ctx, registry.Claim{Limit: limit, MaxOut: 1000, Lease: time.Minute})
	must(t, err)
	var published []registry.PublishedChunk
	var results []registry.ChunkResult
	for i, c := range claimed {
		published = append(published, registry.PublishedChunk{ChunkKey: c.ChunkKey, Epoch: c.Epoch, StreamSeq: uint64(i + 1)})
		result := registry.ChunkResult{ChunkKey: c.ChunkKey, Epoch: c.Epoch, Worker: "test"}
		for _, n := range c.Numbers {
			result.Checks = append(result.Checks, check(n, c.Platform))
		}
		results = append(results, result)
	}
	_, err = a.store.MarkPublished(ctx, published, time.Minute)
	must(t, err)
	applied, err := a.store.ApplyResults(ctx, scoring.DefaultModel(), results)
	must(t, err)
	for _, id := range applied.Jobs {
		a.notifier.JobChanged(id)
	}
	a.notifier.LeadsChanged(applied.Leads)
	return len(claimed)
}

// active is the answer of a platform on which every number is.
func active(n registry.Number, p registry.Platform) registry.Check {
	return registry.Check{Validation: registry.Validation{
		Number: n, Platform: p, Status: scoring.Active, Method: "simulator", Strength: 1, Simulated: true, Attempts: 1,
		LatencyMS: 3, CheckedAt: time.Now().UTC(), ExpiresAt: time.Now().UTC().Add(time.Hour), Details: json.RawMessage(`{"a":1}`),
	}}
}

// refused is the answer of a platform that does not answer.
func refused(n registry.Number, p registry.Platform) registry.Check {
	c := active(n, p)
	c.Status, c.Strength, c.Reason, c.ExpiresAt = scoring.RateLimited, 0, "quota", time.Time{}
	return c
}

// startJob starts a job for numbers and returns its id.
func (a *app) startJob(t testing.TB, numbers []string, batchSize int, platforms ...string) string {
	t.Helper()
	got := ask[struct {
		StartValidationJob struct {
			Job        struct{ ID string }
			UserErrors []any
		}
	}](t, a, registry.RoleOperator, `mutation($input: StartValidationJobInput!) {
		startValidationJob(input: $input) { job { id } userErrors { code message path } }
	}`, vars{"input": vars{
		"name": "job", "platforms": platforms, "target": vars{"numbers": numbers}, "batchSize": batchSize,
	}}).StartValidationJob
	if len(got.UserErrors) > 0 {
		t.Fatalf("%v", got.UserErrors)
	}
	return got.Job.ID
}
