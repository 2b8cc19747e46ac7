package httpd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// TestUploadsEndWithTheirToken: a file of which the end never comes is answered when the token is revoked.
func TestUploadsEndWithTheirToken(t *testing.T) {
	a := newApp(t)
	key := a.newKey(t, registry.RoleOperator, time.Time{})
	file, end := io.Pipe()
	defer end.Close()                //nolint:errcheck // nobody reads any more
	go io.WriteString(end, contacts) //nolint:errcheck // the answer tells
	revoked := a.revokeWhenBusy(t, key)
	response := a.request(t, registry.RoleOperator, http.MethodPost, "/v1/imports?source=web_forms", "text/csv", file)
	text := readAll(t, response)
	<-revoked
	if response.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "the token is revoked") {
		t.Errorf("%d %s", response.StatusCode, text)
	}
	var kept int
	must(t, a.pool.QueryRow(t.Context(), "SELECT count(*) FROM import_batches").Scan(&kept))
	if kept != 0 {
		t.Error("part of a file was taken in")
	}
	if strings.Contains(a.log.String(), `"level":"ERROR"`) {
		t.Errorf("it is logged as an error of ours: %s", a.log)
	}
}

// revokeWhenBusy revokes a key once it was looked up for a request: who comes later is told that the token is not valid, and
// that is another test. The channel is closed when that was done.
func (a *app) revokeWhenBusy(t *testing.T, key uuid.UUID) <-chan struct{} {
	done, before := make(chan struct{}), a.statements.lookUps.Load()
	go func() {
		defer close(done)
		for a.statements.lookUps.Load() == before {
			select {
			case <-t.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		if _, err := a.store.RevokeAPIKey(context.Background(), key); err != nil {
			t.Error(err)
		}
	}()
	return done
}

// TestSlowAnswersEndWithTheirToken: requests that wait for the database are answered when their token ends.
func TestSlowAnswersEndWithTheirToken(t *testing.T) {
	a := newApp(t)
	job := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	graphQL, err := json.Marshal(vars{"query": `{ validationJobs { nodes { id } } }`})
	must(t, err)
	for name, ask := range map[string]func() *http.Response{
		"a query": func() *http.Response {
			return a.request(t, registry.RoleAnalyst, http.MethodPost, "/graphql", "application/json", bytes.NewReader(graphQL))
		},
		"a download": func() *http.Response {
			return a.request(t, registry.RoleAnalyst, http.MethodGet, "/v1/jobs/"+job+"/failures.csv", "", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			key := a.newKey(t, registry.RoleAnalyst, time.Time{})
			tx, err := a.pool.Begin(t.Context())
			must(t, err)
			defer tx.Rollback(context.Background()) //nolint:errcheck // only its lock was wanted
			_, err = tx.Exec(t.Context(), "LOCK TABLE validation_jobs IN ACCESS EXCLUSIVE MODE")
			must(t, err)
			revoked := a.revokeWhenBusy(t, key)
			response := ask()
			text := readAll(t, response)
			<-revoked
			if response.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "the token is revoked") ||
				response.Header.Get("Content-Disposition") != "" || response.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%d %v %s", response.StatusCode, response.Header, text)
			}
		})
	}
}

// longQuarantine makes an import of which more was not accepted than waits anywhere on the way to a reader. It returns the
// address of that, and how many bytes it has at least.
func (a *app) longQuarantine(t testing.TB) (address string, bytes int64) {
	t.Helper()
	const query = "source=web_forms&region=CO&file_name=a.csv&map=phone%3Dtelefono"
	_, batch := a.upload(t, registry.RoleOperator, query, "text/csv", strings.NewReader(contacts))
	imported := a.subscribe(t, registry.RoleViewer, `subscription($id: ID!) { importProgress(id: $id) { status } }`, vars{"id": batch.ID})
	imported.last(t)
	must(t, imported.Close()) // only requests that matter are under way
	id, err := opaque.ParseUUID("imp", batch.ID)
	must(t, err)
	const rows, size = 40_000, 1000
	_, err = a.pool.Exec(t.Context(), `INSERT INTO quarantine (batch_no, row_no, reason, message, raw, created_at)
		SELECT batch_no, 1000 + i, 'NO_NUMBER', 'no number', convert_to(repeat('x', $2), 'UTF8'), now()
		FROM import_batches, generate_series(1, $3::bigint) i WHERE id = $1`, id, size, rows)
	must(t, err)
	return "/v1/imports/" + batch.ID + "/quarantine.csv", rows * size
}

// TestDownloadsEndWithTheirToken: the reader of a long file stops in its middle, and the token is revoked. What he reads
// then ends in an error, so that he cannot take it for whole.
func TestDownloadsEndWithTheirToken(t *testing.T) {
	a := newApp(t)
	address, size := a.longQuarantine(t)
	key := a.newKey(t, registry.RoleAdmin, time.Time{})
	response := a.request(t, registry.RoleAdmin, http.MethodGet, address, "", nil)
	defer response.Body.Close() //nolint:errcheck // it is read
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%d", response.StatusCode)
	}
	a.revoke(t, key)
	a.eventually(t, func() bool { return a.gauge(t, "http_requests_in_flight 0") }, "the download goes on")
	n, err := io.Copy(io.Discard, response.Body)
	var broken *net.OpError
	if n >= size || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &broken) {
		t.Errorf("%d bytes were read, and then: %v", n, err)
	}
}
