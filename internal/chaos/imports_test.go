package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strconv"
	"time"

	"phoneregistry/internal/opaque"
)

// upload is a file that a server has accepted.
type upload struct {
	id   string
	rows int64
	at   time.Time // when the answer came
}

// sendFiles sends files of contacts until ctx ends, each until a server has accepted it.
func (l *load) sendFiles(ctx context.Context) {
	rng := rand.New(rand.NewPCG(l.w.seed, 99))
	for n := 0; ctx.Err() == nil; n++ {
		rows := 200 + rng.IntN(1500)
		file, err := exec.CommandContext(ctx, l.w.programs.Phoneregistry, "sample", "--rows", strconv.Itoa(rows),
			"--seed", strconv.FormatUint(l.w.seed*1000+uint64(n), 10)).Output()
		if err != nil {
			if ctx.Err() == nil {
				l.w.t.Errorf("sample: %v", err)
			}
			return
		}
		if id, ok := l.send(ctx, rng, file); ok {
			l.mu.Lock()
			l.uploads = append(l.uploads, upload{id: id, rows: int64(bytes.Count(file, []byte("\n"))) - 1, at: time.Now()})
			l.mu.Unlock()
		}
		pause(ctx, between(rng, [2]time.Duration{time.Second, 6 * time.Second}))
	}
}

// send uploads a file until one of the servers has accepted it. Sending it again, also to the other server, is the same
// import.
func (l *load) send(ctx context.Context, rng *rand.Rand, file []byte) (id string, ok bool) {
	for ctx.Err() == nil {
		url := l.w.listen[rng.IntN(len(l.w.listen))]
		status, body, err := l.w.client.post(ctx, url+"/v1/imports?source=web_forms&region=CO", "text/csv", file)
		var accepted struct{ ID string }
		switch {
		case err != nil, status >= http.StatusInternalServerError:
			pause(ctx, usualDelay)
		case status != http.StatusOK && status != http.StatusAccepted:
			l.w.t.Errorf("a file was refused with %d: %s", status, body)
			return "", false
		case json.Unmarshal(body, &accepted) != nil || accepted.ID == "":
			l.w.t.Errorf("an upload was answered with %s", body)
			return "", false
		default:
			return accepted.ID, true
		}
	}
	return "", false
}

func (a *api) post(ctx context.Context, url, contentType string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", contentType)
	response, err := a.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, err
}

// settleImports waits until every import has ended.
func (w *world) settleImports(ctx context.Context) error {
	for {
		var open int
		err := w.database.pool.QueryRow(ctx, `SELECT count(*) FROM import_batches WHERE status IN ('QUEUED', 'RUNNING')`).Scan(&open)
		if err == nil && open == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%d imports have not ended: %w", open, ctx.Err())
		}
		pause(ctx, usualDelay)
	}
}

// checkImports makes sure that every accepted file was read to its end, each row once.
func (w *world) checkImports(ctx context.Context) {
	w.load.mu.Lock()
	uploads := w.load.uploads
	w.load.mu.Unlock()
	rows := int64(0)
	for _, u := range uploads {
		id, err := opaque.ParseUUID("imp", u.id)
		if err != nil {
			w.t.Errorf("%s is no id", u.id)
			continue
		}
		var status, message string
		var read int64
		err = w.database.pool.QueryRow(ctx, `SELECT status::text, rows_read, error_message FROM import_batches WHERE id = $1`, id).Scan(&status, &read, &message)
		switch {
		case w.beforeRestore(u.at): // it may be undone, and its file may be gone
		case err != nil:
			w.t.Errorf("import %s was accepted and is not there: %v", u.id, err)
		case status != "COMPLETED" || read != u.rows:
			w.t.Errorf("import %s is %s (%s) after %d rows, want %d", u.id, status, message, read, u.rows)
		default:
			rows += read
		}
	}
	w.none(ctx, "imports whose rows are not kept once each", `
		SELECT b.id || ' ' || b.rows_read || ' kept ' || count(r.row_no) || ' different ' || count(DISTINCT r.row_no)
		FROM import_batches b LEFT JOIN source_records r ON r.batch_no = b.batch_no
		GROUP BY b.id HAVING b.rows_read <> count(r.row_no) OR b.rows_read <> count(DISTINCT r.row_no)`)
	w.none(ctx, "contacts that are not those which imports have created", `
		SELECT 'created ' || b.n || ' there ' || c.n FROM (SELECT coalesce(sum(contacts_created), 0) AS n FROM import_batches) b,
			(SELECT count(*) AS n FROM customer_phones) c WHERE b.n <> c.n`)
	w.say("%-9s %d files with %d rows were imported", "check", len(uploads), rows)
}
