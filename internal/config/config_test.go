package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/config"
	"phoneregistry/registry/scoring"
)

// good is a configuration that is right, to be spoiled in one place.
func good() config.Serve {
	return config.Serve{
		Database: config.Database{DataDir: "data"}, Adapters: config.Adapters{Concurrency: 4},
		Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081", DemoRows: 10, Workers: "all", MaxPhones: 5,
		MaxImport: 1, ShutdownTimeout: time.Second,
	}
}

func TestServeCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*config.Serve)
		field string // "": it is right
	}{
		{"as it is", func(*config.Serve) {}, ""},
		{"no port", func(s *config.Serve) { s.Listen = "127.0.0.1" }, "--listen"},
		{"no admin listener", func(s *config.Serve) { s.AdminListen = "" }, ""},
		{"admin without port", func(s *config.Serve) { s.AdminListen = "x" }, "--admin-listen"},
		{"database of another kind", func(s *config.Serve) { s.DatabaseURL = "mysql://host/x" }, "--database-url"},
		{"database", func(s *config.Serve) { s.DatabaseURL = "postgres://u:p@host/x" }, ""},
		{"NATS without scheme", func(s *config.Serve) { s.NATSURL = "host:4222" }, "--nats-url"},
		{"several NATS", func(s *config.Serve) { s.NATSURL = "nats://a:4222, tls://b:4222" }, ""},
		{"credentials without NATS", func(s *config.Serve) { s.NATSCreds = "file" }, "--nats-url"},
		{"two kinds of NATS", func(s *config.Serve) { s.NATSURL, s.NATSListen = "nats://a:1", "127.0.0.1:4222" }, "--nats-listen"},
		{"three copies on a cluster", func(s *config.Serve) { s.NATSURL, s.NATSReplicas = "nats://a:1", 3 }, ""},
		{"two copies", func(s *config.Serve) { s.NATSURL, s.NATSReplicas = "nats://a:1", 2 }, "--nats-replicas"},
		{"copies on one server", func(s *config.Serve) { s.NATSReplicas = 3 }, "--nats-replicas"},
		{"no patience", func(s *config.Serve) { s.ChunkLease = time.Millisecond }, "--chunk-lease"},
		{"no time to acknowledge", func(s *config.Serve) { s.AckWait = time.Millisecond }, "--nats-ack-wait"},
		{"WhatsApp", func(s *config.Serve) { s.WhatsAppToken, s.WhatsAppSecrets = "t", []string{"a", "b"} }, ""},
		{"WhatsApp without its secret", func(s *config.Serve) { s.WhatsAppToken = "t" }, "--whatsapp-verify-token-file"},
		{"WhatsApp without its token", func(s *config.Serve) { s.WhatsAppSecrets = []string{"a"} }, "--whatsapp-verify-token-file"},
		{"evidence for ever", func(s *config.Serve) { s.WhatsAppHoldsFor = 20000 * time.Hour }, "--whatsapp-evidence-holds-for"},
		{"trusted documents only", func(s *config.Serve) { s.TrustedDocuments, s.TrustedDocumentsOnly = "f.json", true }, ""},
		{"only what is not given", func(s *config.Serve) { s.TrustedDocumentsOnly = true }, "--trusted-documents"},
		{"no rates", func(s *config.Serve) { s.RateReads, s.RateWrites, s.AllSockets = 0, 0, 0 }, ""},
		{"a negative rate", func(s *config.Serve) { s.RateReads = -1 }, "--rate-reads"},
		{"a rate beyond all", func(s *config.Serve) { s.RateWrites = 1 << 30 }, "--rate-writes"},
		{"negative places", func(s *config.Serve) { s.AllOperations = -1 }, "--all-operations"},
		{"requests of a gigabyte", func(s *config.Serve) { s.MaxBody = 1 << 30 }, "--max-request-bytes"},
		{"a deadline of days", func(s *config.Serve) { s.Deadline = 48 * time.Hour }, "--deadline"},
		{"a deadline for a role", func(s *config.Serve) { s.DeadlineRole = map[string]string{"viewer": "3s"} }, ""},
		{"a deadline for nobody", func(s *config.Serve) { s.DeadlineRole = map[string]string{"GUEST": "3s"} }, "--deadline-role"},
		{"a deadline that is none", func(s *config.Serve) { s.DeadlineRole = map[string]string{"VIEWER": "soon"} }, "--deadline-role"},
		{"no phones", func(s *config.Serve) { s.MaxPhones = 0 }, "--max-phones"},
		{"nothing may be uploaded", func(s *config.Serve) { s.MaxImport = 0 }, "--max-import-bytes"},
		{"no such platform", func(s *config.Serve) { s.Workers = "WHATSAPP,ICQ" }, "--workers"},
		{"no workers", func(s *config.Serve) { s.Workers = "none" }, ""},
		{"no concurrency", func(s *config.Serve) { s.Concurrency = 0 }, "--concurrency"},
		{"secret in a URL", func(s *config.Serve) {
			s.Webservice = map[string]string{"APPLE": "https://user:hunter2@host/"}
		}, "--webservice"},
		{"service for nothing", func(s *config.Serve) {
			s.Webservice = map[string]string{"ICQ": "https://host/"}
		}, "--webservice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good()
			c.spoil(&s)
			err := s.Check()
			if c.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), c.field) {
				t.Fatalf("Check() = %v, want an error of %s", err, c.field)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestWorkerCheck(t *testing.T) {
	w := config.Worker{Adapters: config.Adapters{Concurrency: 1}, Platform: []string{"google"}}
	if err := w.Check(); err == nil || !strings.HasPrefix(err.Error(), "--nats-url") {
		t.Errorf("without NATS: %v", err)
	}
	w.NATSURL = "nats://127.0.0.1:4222"
	if err := w.Check(); err != nil {
		t.Error(err)
	}
	w.Platform = nil
	if err := w.Check(); err == nil || !strings.HasPrefix(err.Error(), "--platform") {
		t.Errorf("without a platform: %v", err)
	}
}

func TestWorkerPlatforms(t *testing.T) {
	s := good()
	s.Workers = "google, APPLE,google"
	got, err := s.WorkerPlatforms()
	if err != nil || len(got) != 2 || got[0] != scoring.Google || got[1] != scoring.Apple {
		t.Errorf("WorkerPlatforms() = %v, %v", got, err)
	}
}

func TestDataDir(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/somewhere")
	s := good()
	s.DataDir, s.Demo = "", true
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(s.DataDir, "phoneregistry-demo") || !filepath.IsAbs(s.DataDir) {
		t.Errorf("the demo's data directory is %s", s.DataDir)
	}
}

func TestBootstrapToken(t *testing.T) {
	t.Setenv(config.TokenEnv, "short")
	if _, err := config.BootstrapToken(); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a short token: %v", err)
	}
	t.Setenv(config.TokenEnv, "long enough to be no easy guess")
	if token, err := config.BootstrapToken(); err != nil || token == "" {
		t.Errorf("BootstrapToken() = %q, %v", token, err)
	}
}

// TestBootstrapTokensThatNobodyCouldSend: they are refused at the start, and not told; what files add to one is taken off.
func TestBootstrapTokensThatNobodyCouldSend(t *testing.T) {
	const good = "0123456789 0123456789"
	for name, c := range map[string]struct{ set, want string }{
		"of a file":    {good + "\n", good},
		"the longest":  {strings.Repeat("x", 512), strings.Repeat("x", 512)},
		"too long":     {strings.Repeat("x", 513), ""},
		"two lines":    {good + "\n" + good, ""},
		"not ASCII":    {good + "é", ""},
		"spaces alone": {strings.Repeat(" ", 20), ""},
	} {
		t.Setenv(config.TokenEnv, c.set)
		token, err := config.BootstrapToken()
		if token != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, token, err)
		}
		if err != nil && strings.Contains(err.Error(), c.set) {
			t.Errorf("%s: the error tells it: %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	rate, none, calls, day := 50.5, 0.0, 8, int64(100000)
	tests := []struct {
		text string
		want config.Limit
		bad  string
	}{
		{text: "rate:50.5,concurrency:8,daily:100000", want: config.Limit{Rate: &rate, Concurrency: &calls, Daily: &day}},
		{text: "rate:0", want: config.Limit{Rate: &none}},
		{text: " daily:100000 ", want: config.Limit{Daily: &day}},
		{text: "", bad: "is no limit"},
		{text: "speed:5", bad: "is no limit"},
		{text: "rate:fast", bad: "must be a number"},
		{text: "rate:NaN", bad: "must be a number"},
		{text: "daily:-1", bad: "must be a number"},
		{text: "concurrency:1.5", bad: "must be a number"},
	}
	for _, tt := range tests {
		p := config.Pace{Limit: map[string]string{"google": tt.text}}
		got, err := p.Limits()
		if tt.bad != "" {
			if err == nil || !strings.Contains(err.Error(), tt.bad) || !strings.Contains(err.Error(), "--limit") {
				t.Errorf("%q: error %v, want one with %q", tt.text, err, tt.bad)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got["GOOGLE"]); err != nil || diff != "" {
			t.Errorf("%q: %v %s", tt.text, err, diff)
		}
	}
	if _, err := (&config.Pace{Limit: map[string]string{"ICQ": "rate:1"}}).Limits(); err == nil {
		t.Error("a platform that does not exist was taken")
	}
}

func TestWorkerSettings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.Worker)
		want   string
	}{
		{"as it should be", func(*config.Worker) {}, ""},
		{"slots", func(w *config.Worker) { w.Slots = 300 }, "--slots"},
		{"limits", func(w *config.Worker) { w.Limit = map[string]string{"GOOGLE": "x"} }, "--limit"},
		{"a certificate without key", func(w *config.Worker) { w.NATSCert = "cert.pem" }, "--nats-key"},
		{"a key without certificate", func(w *config.Worker) { w.NATSKey = "key.pem" }, "--nats-cert"},
		{"both", func(w *config.Worker) { w.NATSCert, w.NATSKey, w.NATSCA = "cert.pem", "key.pem", "ca.pem" }, ""},
	}
	for _, tt := range tests {
		w := config.Worker{NATS: config.NATS{NATSURL: "tls://host:4222"}, Adapters: config.Adapters{Concurrency: 1}, Platform: []string{"google"}}
		tt.change(&w)
		if err := w.Check(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
	s := good()
	s.NATSCA = "ca.pem"
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "--nats-url") {
		t.Error("--nats-ca without --nats-url was taken")
	}
}
