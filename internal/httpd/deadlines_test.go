package httpd_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// hasty gives those who are in a hurry little time, and all others as much as they like.
func hasty(roles ...registry.Role) option {
	return func(_ *app, c *httpd.Config) {
		c.Deadline = func(role registry.Role) time.Duration {
			for _, r := range roles {
				if r == role {
					return 100 * time.Millisecond
				}
			}
			return time.Hour
		}
	}
}

// TestStartsOfSharedStreamsHaveDeadlines: many watch a job that cannot be read. Those who have little time are told so, by
// each transport; those who have more wait on, for the one look that there is for all of them.
func TestStartsOfSharedStreamsHaveDeadlines(t *testing.T) {
	a := newApp(t, hasty(registry.RoleViewer))
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	release := a.slow(t, "validation_jobs")
	patient := []*wsClient{
		a.subscribe(t, registry.RoleAnalyst, jobProgress, vars{"id": id}), a.subscribe(t, registry.RoleAnalyst, jobProgress, vars{"id": id}),
		a.subscribe(t, registry.RoleAdmin, jobProgress, vars{"id": id}),
	}
	a.eventually(t, func() bool { return a.waiters(t) == 1 }, "the job is not looked at")
	a.toldTimeout(t, registry.RoleViewer, id)
	if n := a.waiters(t); n != 1 {
		t.Errorf("%d look at the job for those who still wait; want one", n)
	}
	release()
	for i, c := range patient {
		if m := c.next(t); m.Type != "next" || !strings.Contains(string(m.Payload), `"validationJobProgress":{`) {
			t.Errorf("client %d, who has time, is told %s %s", i, m.Type, m.Payload)
		}
	}
}

// TestSharedStartsEndWithThoseWhoWait: when all have been told that it took too long PostgreSQL has nothing left to do, and
// who comes back is served by the same connections.
func TestSharedStartsEndWithThoseWhoWait(t *testing.T) {
	a := newApp(t, hasty(registry.RoleViewer))
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	release := a.slow(t, "validation_jobs")
	a.givenUp(t, "FROM validation_jobs", func() string {
		a.toldTimeout(t, registry.RoleViewer, id)
		return "" // the look is for no request, as it is shared
	})
	a.eventually(t, func() bool { return a.waiters(t) == 0 }, "PostgreSQL works on for those who were told TIMEOUT")
	release()
	if m := a.subscribe(t, registry.RoleAdmin, jobProgress, vars{"id": id}).next(t); m.Type != "next" {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
}

// toldTimeout has one role watch a job over both transports, and be told that it took too long.
func (a *app) toldTimeout(t *testing.T, role registry.Role, job string) {
	t.Helper()
	first, second := a.subscribe(t, role, jobProgress, vars{"id": job}), a.subscribe(t, role, jobProgress, vars{"id": job})
	response := a.stream(t.Context(), t, role, jobProgress, vars{"id": job})
	const want = `"deadlineSeconds":0.1`
	for _, c := range []*wsClient{first, second} {
		if m := c.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), `"TIMEOUT"`) || !strings.Contains(string(m.Payload), want) {
			t.Errorf("%s %s", m.Type, m.Payload)
		}
	}
	var all []string
	for event, data := range events(response.Body) {
		all = append(all, event, data)
	}
	if len(all) != 4 || all[0] != "next" || !strings.Contains(all[1], `"TIMEOUT"`) || !strings.Contains(all[1], want) || all[2] != "complete" {
		t.Errorf("the event stream has %q", all)
	}
}

// givenUp has something asked that waits in PostgreSQL, and finds that the statement with this text was given up there and
// that its session lives: nobody has let go of what it waits for. ask returns the id of its request. On a machine that has
// much to do the time may be over before the statement is sent; then it is asked again.
func (a *app) givenUp(t *testing.T, text string, ask func() (request string)) {
	t.Helper()
	var session uint32
	a.eventually(t, func() bool {
		request := ask()
		for _, one := range a.statements.with(text) {
			if one.request == request {
				session = one.session
			}
		}
		return session != 0
	}, "no statement with "+text+" is sent")
	a.eventually(t, func() bool {
		var rests bool
		err := a.pool.QueryRow(t.Context(), `SELECT state = 'idle' OR pid = pg_backend_pid() FROM pg_stat_activity WHERE pid = $1`, session).Scan(&rests)
		if errors.Is(err, pgx.ErrNoRows) {
			t.Fatal("a session was given up together with its statement")
		}
		must(t, err)
		return rests
	}, "PostgreSQL works on for one who was told TIMEOUT")
}

// TestShortRequestsHaveDeadlines: one role has little time for what waits in the database, another much.
func TestShortRequestsHaveDeadlines(t *testing.T) {
	a := newApp(t, hasty(registry.RoleViewer))
	_, batch := a.upload(t, registry.RoleOperator, "source=web_forms&region=CO&map=phone%3Dtelefono", "text/csv", strings.NewReader(contacts))
	for name, c := range map[string]struct {
		method, path, table, statement string
		done                           int
	}{
		"an import": {http.MethodGet, "/v1/imports/" + batch.ID, "import_batches", "FROM import_batches", http.StatusOK},
		"a ticket":  {http.MethodPost, "/v1/stream-tickets", "instance_keys", "FROM instance_keys", http.StatusCreated},
	} {
		t.Run(name, func(t *testing.T) {
			release := a.slow(t, c.table)
			a.givenUp(t, c.statement, func() string {
				response := a.request(t, registry.RoleViewer, c.method, c.path, "", nil)
				text, id := readAll(t, response), response.Header.Get("X-Request-Id")
				if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, `"code":"TIMEOUT"`) ||
					!strings.Contains(text, `"deadlineSeconds":0.1`) || !strings.Contains(text, `"requestId":"`+id+`"`) {
					t.Errorf("%d %s", response.StatusCode, text)
				}
				return id
			})
			slower := make(chan int, 1)
			go func() {
				response := a.request(t, registry.RoleAdmin, c.method, c.path, "", nil)
				_ = response.Body.Close()
				slower <- response.StatusCode
			}()
			a.eventually(t, func() bool { return a.waiters(t) == 1 }, "who has time does not wait")
			release()
			if got := <-slower; got != c.done {
				t.Errorf("who has time is answered %d", got)
			}
			a.eventually(t, func() bool {
				again := a.request(t, registry.RoleViewer, c.method, c.path, "", nil)
				must(t, again.Body.Close())
				return again.StatusCode == c.done
			}, "who was told TIMEOUT is not served later either")
		})
	}
	if strings.Contains(a.log.String(), `"level":"ERROR"`) {
		t.Errorf("it is logged as an error of ours: %s", a.log)
	}
}

// TestQuestionsOfUploadsHaveDeadlines: what an upload asks of the database waits, before its file is read and after that.
func TestQuestionsOfUploadsHaveDeadlines(t *testing.T) {
	a := newApp(t, hasty(registry.RoleOperator))
	const query = "source=web_forms&region=CO&map=phone%3Dtelefono"
	for table, statement := range map[string]string{"sources": "FROM sources", "import_batches": "import_batches"} {
		t.Run(table, func(t *testing.T) {
			release := a.slow(t, table)
			a.givenUp(t, statement, func() string {
				response := a.request(t, registry.RoleOperator, http.MethodPost, "/v1/imports?"+query, "text/csv", strings.NewReader(contacts))
				text, id := readAll(t, response), response.Header.Get("X-Request-Id")
				if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, `"code":"TIMEOUT"`) ||
					!strings.Contains(text, `"deadlineSeconds":0.1`) || !strings.Contains(text, `"requestId":"`+id+`"`) {
					t.Errorf("%d %s", response.StatusCode, text)
				}
				return id
			})
			release()
		})
	}
	response, _ := a.upload(t, registry.RoleAdmin, query, "text/csv", strings.NewReader(contacts)) // it was not registered before
	if response.StatusCode != http.StatusAccepted {
		t.Errorf("%d", response.StatusCode)
	}
	id := response.Header.Get("X-Request-Id")
	first, last := a.ends(t, id, "FROM sources"), a.ends(t, id, "import_batches")
	if first.IsZero() || !last.After(first) {
		t.Errorf("the first question has until %s, the last until %s; want a time for each", first, last)
	}
}

// ends is when the first statement of a request with this text is given up.
func (a *app) ends(t *testing.T, request, text string) time.Time {
	t.Helper()
	for _, one := range a.statements.with(text) {
		if one.request == request {
			return one.ends
		}
	}
	t.Fatalf("no statement with %s was sent", text)
	return time.Time{}
}

// TestLookUpsOfTokensEnd: nobody can say in time whose a token is, so that nobody's deadline is known.
func TestLookUpsOfTokensEnd(t *testing.T) {
	a := newApp(t, func(a *app, c *httpd.Config) {
		c.Auth = auth.New(auth.Config{Store: a.store, LookUp: 100 * time.Millisecond})
	})
	release := a.slow(t, "api_keys")
	a.givenUp(t, "token_hash = $1", func() string {
		response := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", "application/json", post(askRole))
		if text := readAll(t, response); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, `"UNAVAILABLE"`) {
			t.Errorf("%d %s", response.StatusCode, text)
		}
		return response.Header.Get("X-Request-Id")
	})
	socket := a.dial(t, nil)
	socket.send(t, "", "connection_init", vars{"Authorization": "Bearer " + a.tokens[registry.RoleViewer]})
	if code := socket.closed(t); code != websocket.CloseTryAgainLater {
		t.Errorf("a socket is closed with %d", code)
	}
	release()
	a.eventually(t, func() bool { return len(a.try(t, registry.RoleViewer, askRole, nil).Errors) == 0 }, "the token is not found later either")
}

// TestDownloadsThatDoNotBegin: the first thing that a file needs of the database waits.
func TestDownloadsThatDoNotBegin(t *testing.T) {
	a := newApp(t, hasty(registry.RoleAnalyst))
	job := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	_, batch := a.upload(t, registry.RoleOperator, "source=web_forms&region=CO&map=phone%3Dtelefono", "text/csv", strings.NewReader(contacts))
	for name, c := range map[string]struct{ table, path, statement string }{
		"which job":           {"validation_jobs", "/v1/jobs/" + job + "/failures.csv", "FROM validation_jobs"},
		"failures of the job": {"validation_failures", "/v1/jobs/" + job + "/failures.csv", "FROM validation_failures"},
		"which import":        {"import_batches", "/v1/imports/" + batch.ID + "/quarantine.csv", "FROM import_batches"},
		"rows of the import":  {"quarantine", "/v1/imports/" + batch.ID + "/quarantine.csv", "FROM quarantine"},
	} {
		t.Run(name, func(t *testing.T) {
			release := a.slow(t, c.table)
			defer release()
			a.givenUp(t, c.statement, func() string {
				response := a.request(t, registry.RoleAnalyst, http.MethodGet, c.path, "", nil)
				text := readAll(t, response)
				if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, `"code":"TIMEOUT"`) ||
					response.Header.Get("Content-Disposition") != "" || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
					t.Errorf("%d %v %s", response.StatusCode, response.Header, text)
				}
				return response.Header.Get("X-Request-Id")
			})
		})
	}
}

// TestEachPageOfADownloadHasItsOwnTime: the whole of a file has none, however long its reader takes. A page that is not
// found in time breaks the file off, so that nobody takes it for whole.
func TestEachPageOfADownloadHasItsOwnTime(t *testing.T) {
	var limit atomic.Int64
	limit.Store(int64(time.Hour))
	a := newApp(t, func(_ *app, c *httpd.Config) {
		c.Deadline = func(registry.Role) time.Duration { return time.Duration(limit.Load()) }
	})
	address, size := a.longQuarantine(t)
	response := a.request(t, registry.RoleAdmin, http.MethodGet, address, "", nil)
	if n, err := io.Copy(io.Discard, response.Body); n < size || err != nil {
		t.Errorf("%d bytes were read, and then: %v", n, err)
	}
	must(t, response.Body.Close())
	pages := a.statements.with("FROM quarantine")
	if len(pages) < 40_000/registry.MaxPageSize {
		t.Errorf("%d pages were read", len(pages))
	}
	for i, page := range pages {
		if page.ends.IsZero() || i > 0 && !page.ends.After(pages[i-1].ends) {
			t.Errorf("page %d ends at %s, the one before at %s; want a deadline for each", i, page.ends, pages[max(0, i-1)].ends)
			break
		}
	}

	response = a.request(t, registry.RoleAdmin, http.MethodGet, address, "", nil)
	defer response.Body.Close() //nolint:errcheck // it is read
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%d", response.StatusCode)
	}
	limit.Store(int64(100 * time.Millisecond)) // of pages to come: the reader stands still before its end
	release := a.slow(t, "quarantine")
	defer release()
	n, err := io.Copy(io.Discard, response.Body)
	var broken *net.OpError
	if n == 0 || n >= size || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &broken) {
		t.Errorf("%d bytes were read, and then: %v", n, err)
	}
	a.givenUp(t, "FROM quarantine", func() string { return response.Header.Get("X-Request-Id") })
}
