// Package config holds the settings of every command: what each means, its unit and its default. The struct tags are
// read by kong; every flag is also an environment variable PHONEREGISTRY_… (see EnvPrefix).
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"phoneregistry/registry/scoring"
)

// EnvPrefix begins the name of every environment variable: --data-dir is PHONEREGISTRY_DATA_DIR.
const EnvPrefix = "PHONEREGISTRY"

// TokenEnv names the environment variable that sets the bootstrap token. It is no flag, so that the token does not
// show in the list of processes.
const TokenEnv = EnvPrefix + "_ADMIN_TOKEN"

// minTokenLength is what the bootstrap token must have to be no easy guess, maxTokenLength what is taken for a token.
const (
	minTokenLength = 16
	maxTokenLength = 512
)

// Error says which setting is wrong, what it was and what would be right.
type Error struct {
	Field string // the flag, such as --nats-url
	Value string // as given, without secrets
	Want  string
}

func (e *Error) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Want)
	}
	return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Want)
}

// Database says where PostgreSQL is.
type Database struct {
	DataDir     string `help:"Folder for everything this program keeps. Default: /var/lib/phoneregistry as root, else phoneregistry below $XDG_DATA_HOME." placeholder:"DIR"`
	DatabaseURL string `help:"Use this PostgreSQL (15 or newer) instead of a private one, for example postgres://user@host/phoneregistry." placeholder:"URL"`
}

// Log says how the program logs, to standard error.
type Log struct {
	LogLevel  string `help:"Least level that is logged: ${enum}." enum:"debug,info,warn,error" default:"info"`
	LogFormat string `help:"Form of the log: ${enum}." enum:"json,text" default:"json"`
}

// NATS says where an external NATS is, and how to log in.
type NATS struct {
	NATSURL   string `name:"nats-url" help:"Use this NATS with JetStream instead of an embedded one; several addresses with commas." placeholder:"URL"`
	NATSCreds string `name:"nats-creds" help:"Credentials file for NATS." type:"path" placeholder:"FILE"`
	NATSToken string `name:"nats-token-file" help:"File that holds the token for NATS." type:"path" placeholder:"FILE"`
	NATSTLS
}

// Serve is what the server needs.
type Serve struct {
	Database
	NATS
	Delivery
	Notifications
	Adapters
	Pace
	WhatsApp
	Documents
	Access
	TLS
	OIDC
	AccessLog
	Rates
	Limits
	Guessing
	Proxies
	Log
	Listen          string        `help:"Address of the API and the user interface. Default: ${default}." default:"127.0.0.1:8080" placeholder:"ADDRESS"`
	AdminListen     string        `help:"Address of metrics and profiles; empty for none. Default: ${default}." default:"127.0.0.1:8081" placeholder:"ADDRESS"`
	NATSListen      string        `name:"nats-listen" help:"Let workers of other processes reach the embedded NATS at this address, with the token in DIR/nats-token." placeholder:"ADDRESS"`
	Demo            bool          `help:"Load synthetic contacts on the first start and check them with the simulator. Has its own data directory unless told."`
	DemoRows        int           `help:"Rows of synthetic contacts for --demo." default:"3000" hidden:""`
	Workers         string        `help:"Platforms to check in this process: all, none, or a list such as WHATSAPP,GOOGLE. Default: ${default}." default:"all" placeholder:"WHICH"`
	MaxPhones       int           `help:"Phones that one customer may have." default:"5"`
	MaxImport       int64         `name:"max-import-bytes" help:"Largest file that may be uploaded, in bytes." default:"68719476736"`
	ShutdownTimeout time.Duration `help:"How long running work may take to end." default:"20s"`
}

// Worker is what a worker process needs.
type Worker struct {
	NATS
	Adapters
	Pace
	Log
	Platform     []string `help:"Platforms to check; several with commas." required:"" placeholder:"P"`
	Name         string   `help:"Name of this worker. Default: host name and process id." placeholder:"NAME"`
	AdminListen  string   `help:"Address of metrics, profiles, /healthz and /readyz; empty for none." placeholder:"ADDRESS"`
	NATSReplicas int      `name:"nats-replicas" help:"Copies of a stream that this worker finds missing and makes: 1, 3 or 5, as on the servers. Left out: 1, until a server has seen to it." placeholder:"N"`
}

// Check reports what is wrong with the settings of a server, and fills in what depends on others.
func (s *Serve) Check() error {
	if err := s.Database.check(s.Demo); err != nil {
		return err
	}
	if err := checkListen("--listen", s.Listen); err != nil {
		return err
	}
	if s.AdminListen != "" {
		if err := checkListen("--admin-listen", s.AdminListen); err != nil {
			return err
		}
	}
	if s.NATSListen != "" {
		if s.NATSURL != "" {
			return &Error{"--nats-listen", s.NATSListen, "goes with the embedded NATS; leave out --nats-url or this"}
		}
		if err := checkListen("--nats-listen", s.NATSListen); err != nil {
			return err
		}
	}
	if s.MaxPhones < 1 || s.MaxPhones > 100 {
		return &Error{"--max-phones", fmt.Sprint(s.MaxPhones), "must be 1 to 100"}
	}
	if s.MaxImport < 1 {
		return &Error{"--max-import-bytes", fmt.Sprint(s.MaxImport), "must be at least 1"}
	}
	if s.DemoRows < 1 {
		return &Error{"--demo-rows", fmt.Sprint(s.DemoRows), "must be at least 1"}
	}
	if _, err := s.WorkerPlatforms(); err != nil {
		return err
	}
	if err := s.NATS.check(); err != nil {
		return err
	}
	if err := s.Pace.check(); err != nil {
		return err
	}
	if err := s.Delivery.check(s.NATSURL != ""); err != nil {
		return err
	}
	if err := s.WhatsApp.check(); err != nil {
		return err
	}
	if err := s.Documents.check(); err != nil {
		return err
	}
	if err := s.Access.check(); err != nil {
		return err
	}
	if err := s.TLS.check(); err != nil {
		return err
	}
	if err := s.Limits.check(); err != nil {
		return err
	}
	if err := s.OIDC.check(); err != nil {
		return err
	}
	if err := s.Guessing.check(); err != nil {
		return err
	}
	if err := s.Proxies.check(); err != nil {
		return err
	}
	if err := s.AccessLog.check(); err != nil {
		return err
	}
	if err := s.Rates.check(); err != nil {
		return err
	}
	return s.Adapters.check()
}

// AllWorkers reports whether the server checks itself on every platform that it has an adapter for.
func (s *Serve) AllWorkers() bool { return strings.EqualFold(strings.TrimSpace(s.Workers), "all") }

// WorkerPlatforms returns the platforms that the server checks itself, see AllWorkers.
func (s *Serve) WorkerPlatforms() ([]scoring.Platform, error) {
	switch strings.ToLower(strings.TrimSpace(s.Workers)) {
	case "all":
		return scoring.Platforms(), nil
	case "none":
		return nil, nil
	}
	return ParsePlatforms("--workers", strings.Split(s.Workers, ","))
}

// Check reports what is wrong with the settings of a worker.
func (w *Worker) Check() error {
	if w.NATSURL == "" {
		return &Error{"--nats-url", "", "is required, for example nats://127.0.0.1:4222"}
	}
	if w.AdminListen != "" {
		if err := checkListen("--admin-listen", w.AdminListen); err != nil {
			return err
		}
	}
	if _, err := ParsePlatforms("--platform", w.Platform); err != nil {
		return err
	}
	if err := (&Delivery{NATSReplicas: w.NATSReplicas}).check(true); err != nil {
		return err
	}
	if err := w.NATS.check(); err != nil {
		return err
	}
	if err := w.Pace.check(); err != nil {
		return err
	}
	return w.Adapters.check()
}

// Check reports what is wrong with where the database is, and fills in the default data directory.
func (d *Database) Check() error { return d.check(false) }

func (d *Database) check(demo bool) error {
	if d.DataDir == "" {
		dir, err := DefaultDataDir()
		if err != nil {
			return &Error{"--data-dir", "", err.Error()}
		}
		if demo {
			dir += "-demo"
		}
		d.DataDir = dir
	}
	abs, err := filepath.Abs(d.DataDir)
	if err != nil {
		return &Error{"--data-dir", d.DataDir, err.Error()}
	}
	d.DataDir = abs
	if d.DatabaseURL == "" {
		return nil
	}
	u, err := url.Parse(d.DatabaseURL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return &Error{"--database-url", "", "must be a URL such as postgres://user:password@host:5432/phoneregistry"}
	}
	return nil
}

func (n *NATS) check() error {
	if err := n.NATSTLS.check(n.NATSURL != ""); err != nil {
		return err
	}
	if n.NATSURL == "" {
		if n.NATSCreds != "" || n.NATSToken != "" {
			return &Error{"--nats-url", "", "is required with --nats-creds and --nats-token-file"}
		}
		return nil
	}
	for part := range strings.SplitSeq(n.NATSURL, ",") {
		u, err := url.Parse(strings.TrimSpace(part))
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return &Error{"--nats-url", "", "must be an address such as nats://host:4222, several with commas"}
		}
	}
	return nil
}

// ParsePlatforms reads names of platforms, in any case.
func ParsePlatforms(field string, names []string) ([]scoring.Platform, error) {
	var out []scoring.Platform
	for _, name := range names {
		p := scoring.Platform(strings.ToUpper(strings.TrimSpace(name)))
		if !p.Valid() {
			return nil, &Error{field, name, fmt.Sprintf("is no platform; these are: %v", scoring.Checkable())}
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, &Error{field, "", fmt.Sprintf("names no platform; these are: %v", scoring.Checkable())}
	}
	return out, nil
}

func checkListen(field, address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return &Error{field, address, "must be HOST:PORT, for example 127.0.0.1:8080"}
	}
	return nil
}

// DefaultDataDir is where data lies unless told otherwise. Root does not use its home: PostgreSQL, which then runs as
// another user, could not enter it.
func DefaultDataDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/phoneregistry", nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "phoneregistry"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("must be given: there is no home directory to put it in")
	}
	return filepath.Join(home, ".local", "share", "phoneregistry"), nil
}

// BootstrapToken returns the token of TokenEnv, without spaces and line ends around it, which files leave behind; "" when it
// is not set. One that no request could bear would lock everybody out.
func BootstrapToken() (string, error) {
	set := os.Getenv(TokenEnv)
	token := strings.TrimSpace(set)
	bad := func(want string, values ...any) (string, error) {
		return "", &Error{TokenEnv, "", fmt.Sprintf(want, values...)}
	}
	switch {
	case set == "":
		return "", nil
	case len(token) < minTokenLength:
		return bad("must have at least %d characters", minTokenLength)
	case len(token) > maxTokenLength:
		return bad("must have at most %d bytes", maxTokenLength)
	case strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r > '~' }):
		return bad("must have characters of ASCII only, and none that control: it is sent in a header")
	}
	return token, nil
}
