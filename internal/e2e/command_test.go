package e2e_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStartThatCannotWork breaks the start in the ways people do: one clear line, the right exit code, nothing left.
func TestStartThatCannotWork(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()

	newer := dataDir(t)
	if err := os.MkdirAll(filepath.Join(newer, "postgres", "global"), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(newer, "postgres", "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name string
		args []string
		code int
		say  string
	}{
		{"port in use", []string{"--listen", taken.Addr().String()}, 1, "address already in use"},
		{"data of a newer PostgreSQL", []string{"--data-dir", newer}, 2, "99"},
		{"malformed database URL", []string{"--database-url", "localhost:5432"}, 2, "postgres://"},
		{"database that does not answer", []string{"--database-url", "postgres://nobody@127.0.0.1:1/none"}, 3, "PostgreSQL"},
		{"malformed NATS URL", []string{"--nats-url", "nats//x"}, 2, "nats://"},
		{"NATS that does not answer", []string{"--nats-url", "nats://127.0.0.1:1"}, 3, "NATS"},
		{"no such platform", []string{"--workers", "TELEGRAM"}, 2, "TELEGRAM"},
		{"malformed simulator", []string{"--simulator", "latency=fast"}, 2, "latency"},
		{"no such flag", []string{"--colour", "red"}, 2, "colour"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := dataDir(t)
			args := append([]string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--admin-listen", "", "--log-level", "error"}, c.args...)
			_, stderr, code := command(t, args...)
			if code != c.code || !strings.Contains(stderr, c.say) {
				t.Errorf("exit %d, want %d; it says:\n%s", code, c.code, stderr)
			}
			if lines := strings.Count(strings.TrimSpace(stderr), "\n"); lines > 0 {
				t.Errorf("it says more than one line:\n%s", stderr)
			}
			if b, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid")); err == nil {
				t.Errorf("PostgreSQL was left running: %s", b)
			}
		})
	}
}

// TestTwoServersOnOneDirectory: the second one says who holds the directory, and the first goes on.
func TestTwoServersOnOneDirectory(t *testing.T) {
	dir := dataDir(t)
	p := serve(t, dir)
	_, stderr, code := command(t, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--admin-listen", "", "--log-level", "error")
	if code != 2 || !strings.Contains(stderr, "in use") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	var d struct{ Viewer struct{ Role string } }
	p.query(&d, `{ viewer { role } }`, nil)
	if d.Viewer.Role != "ADMIN" {
		t.Errorf("the first server answers %+v", d)
	}
}

// TestCommandsBesideAServer: commands that are given the data directory of a running server work on that server, and
// without one on their own.
func TestCommandsBesideAServer(t *testing.T) {
	dir := dataDir(t)
	file := filepath.Join(t.TempDir(), "contacts.csv")
	if _, stderr, code := command(t, "sample", "--rows", "300", "--seed", "2", "--out", file); code != 0 {
		t.Fatal(stderr)
	}
	// Alone: starts a PostgreSQL for the time.
	out, stderr, code := command(t, "import", file, "--source", "call_center", "--region", "CO", "--data-dir", dir)
	if code != 0 || !strings.Contains(out, "COMPLETED") {
		t.Fatalf("exit %d: %s%s", code, out, stderr)
	}
	p := serve(t, dir)
	out, stderr, code = command(t, "import", file, "--source", "call_center", "--region", "CO", "--data-dir", dir)
	if code != 0 || !strings.Contains(out, "nothing was changed") {
		t.Fatalf("exit %d: %s%s", code, out, stderr)
	}
	if _, stderr, code = command(t, "import", file, "--source", "nobody_knows", "--data-dir", dir); code != 2 {
		t.Errorf("an unknown source: exit %d: %s", code, stderr)
	}
	out, stderr, code = command(t, "export", "phones", "--purpose", "claim 7", "--data-dir", dir)
	var d struct{ Phones struct{ TotalCount int } }
	p.query(&d, `{ phones(first: 1) { totalCount } }`, nil)
	if code != 0 || strings.Count(out, "\n") != d.Phones.TotalCount+1 {
		t.Errorf("exit %d: %d lines for %d phones: %s", code, strings.Count(out, "\n"), d.Phones.TotalCount, stderr)
	}
	checkExportIsRecorded(t, p, d.Phones.TotalCount)
	checkTokens(t, p, dir)
}

// checkExportIsRecorded: whole numbers that a command has written are in the access log of the server.
func checkExportIsRecorded(t *testing.T, p *process, phones int) {
	t.Helper()
	var d struct {
		AccessLog struct {
			Nodes []struct {
				Actor, Operation string
				Purpose          *string
				Revealed         int
			}
		}
	}
	p.query(&d, `{ accessLog(filter: {actor: "command line"}) { nodes { actor operation purpose revealed } } }`, nil)
	revealed := 0
	for _, e := range d.AccessLog.Nodes {
		revealed += e.Revealed
		if e.Operation != "export phones" || e.Purpose == nil || *e.Purpose != "claim 7" {
			t.Errorf("%+v", e)
		}
	}
	if revealed != phones {
		t.Errorf("%d numbers are recorded, %d were written", revealed, phones)
	}
}

func checkTokens(t *testing.T, p *process, dir string) {
	t.Helper()
	out, stderr, code := command(t, "token", "create", "--name", "viewer of the tests", "--role", "VIEWER", "--data-dir", dir)
	if code != 0 {
		t.Fatal(stderr)
	}
	viewer := *p
	viewer.token = strings.TrimSpace(out)
	var d struct {
		Phones struct{ Nodes []struct{ Number string } }
	}
	viewer.query(&d, `{ phones(first: 5) { nodes { number } } }`, nil)
	for _, n := range d.Phones.Nodes {
		if !strings.Contains(n.Number, "****") {
			t.Error("a viewer sees a whole number")
		}
	}
	out, stderr, code = command(t, "token", "create", "--name", "narrow", "--role", "OPERATOR", "--scopes", "READ,JOBS", "--expires", "1h", "--data-dir", dir)
	if code != 0 {
		t.Fatal(stderr)
	}
	narrow := *p
	narrow.token = strings.TrimSpace(out)
	var v struct{ Viewer struct{ Scopes []string } }
	if narrow.query(&v, `{ viewer { scopes } }`, nil); !slices.Equal(v.Viewer.Scopes, []string{"READ", "JOBS"}) {
		t.Errorf("may %v", v.Viewer.Scopes)
	}
	for _, c := range []struct{ flag, value, say string }{
		{"--scopes", "READ,EDIT", `--scopes: holds "EDIT", which the role OPERATOR does not have`},
		{"--scopes", "ALL", "--scopes: holds"},
		{"--expires", "-1h", "--expires"},
	} {
		_, stderr, code := command(t, "token", "create", "--name", "wrong", "--role", "OPERATOR", c.flag, c.value, "--data-dir", dir)
		if code != 2 || !strings.Contains(stderr, c.say) {
			t.Errorf("%s %s: exit %d: %s", c.flag, c.value, code, stderr)
		}
	}
	checkTokenList(t, dir, `\nkey_\w+  narrow +OPERATOR  READ,JOBS  ACTIVE +\S+  system:cli  \S+Z +- +-`,
		`\nkey_\w+  viewer of the tests +VIEWER +all +ACTIVE +\S+  system:cli  - +- +-`)
	list, _, _ := command(t, "token", "list", "--data-dir", dir)
	for _, id := range regexp.MustCompile(`key_\w+`).FindAllString(list, -1) {
		for range 2 { // one that is revoked stays as it is
			if _, stderr, code := command(t, "token", "revoke", id, "--data-dir", dir); code != 0 {
				t.Error(stderr)
			}
		}
	}
	checkTokenList(t, dir, `\nkey_\w+  narrow +OPERATOR  READ,JOBS  REVOKED +\S+  system:cli  \S+Z +\S+Z +`)
	narrow.refused()
}

// checkTokenList checks that the list of tokens shows lines.
func checkTokenList(t *testing.T, dir string, lines ...string) {
	t.Helper()
	list, stderr, code := command(t, "token", "list", "--data-dir", dir)
	if code != 0 || !strings.HasPrefix(list, "ID ") {
		t.Fatalf("%s%s", list, stderr)
	}
	for _, line := range lines {
		if !regexp.MustCompile(line).MatchString(list) {
			t.Errorf("%s does not match\n%s", line, list)
		}
	}
}

// refused waits until the server does not take the token any more. It believes in one for two seconds.
func (p *process) refused() {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		res, body := p.request(http.MethodPost, "/graphql", "application/json", strings.NewReader(`{"query":"{ viewer { role } }"}`))
		if res.StatusCode == http.StatusUnauthorized {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			p.t.Fatalf("%d %s", res.StatusCode, body)
		}
	}
}
