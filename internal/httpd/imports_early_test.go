package httpd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// TestARefusedUploadIsAnswered: also one whose client was told to go on and reads nothing until it has sent all of it, which
// is much more than has to be read to refuse it.
func TestARefusedUploadIsAnswered(t *testing.T) {
	a := newApp(t)
	file := bytes.Repeat([]byte("no line end "), 2<<20)
	for _, contentType := range []string{"text/csv", "multipart/form-data; boundary=x"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.url, "http://"))
		must(t, err)
		_, err = fmt.Fprintf(conn, "POST /v1/imports?source=web_forms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", a.tokens[registry.RoleOperator], contentType, len(file))
		must(t, err)
		reader := bufio.NewReader(conn)
		if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("%q, %v", line, err)
		}
		_, err = reader.ReadString('\n')
		must(t, err)
		if _, err = conn.Write(file); err != nil {
			t.Errorf("%s: it was cut off: %v", contentType, err)
		}
		response, err := http.ReadResponse(reader, nil)
		must(t, err)
		if text := readAll(t, response); response.StatusCode != http.StatusBadRequest || !strings.Contains(text, "INVALID_INPUT") {
			t.Errorf("%s: %d %s", contentType, response.StatusCode, text)
		}
		must(t, conn.Close())
	}
}

// patientServer waits for bodies longer than any test lasts.
func patientServer(a *app, _ *httpd.Config) {
	a.tune = func(s *http.Server) { s.ReadTimeout = time.Hour }
}

// raw opens a connection to the server and sends a text.
func (a *app) raw(t *testing.T, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.url, "http://"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, text)
	must(t, err)
	return conn, bufio.NewReader(conn)
}

// TestWhoIsRefusedIsToldBeforeTheBodyComes: of some requests the body never comes.
func TestWhoIsRefusedIsToldBeforeTheBodyComes(t *testing.T) {
	a := newApp(t, patientServer)
	const uploads = "/v1/imports?source=web_forms"
	for name, c := range map[string]struct {
		path, token string
		status      int
	}{
		"no valid token":  {uploads, "none", http.StatusUnauthorized},
		"the wrong role":  {uploads, a.tokens[registry.RoleViewer], http.StatusForbidden},
		"a wrong option":  {uploads + "&x=y", a.tokens[registry.RoleOperator], http.StatusBadRequest},
		"GraphQL":         {"/graphql", "none", http.StatusUnauthorized},
		"no such address": {"/v1/none", a.tokens[registry.RoleViewer], http.StatusNotFound},
		"tickets of none": {"/v1/stream-tickets", "none", http.StatusUnauthorized},
		"a wrong method":  {"/v1/imports/x", a.tokens[registry.RoleViewer], http.StatusMethodNotAllowed},
	} {
		for _, length := range []string{"Content-Length: 9", "Content-Length: 900000000", "Transfer-Encoding: chunked", "Content-Length: 9\r\nExpect: 100-continue"} {
			_, reader := a.raw(t, "POST "+c.path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+c.token+
				"\r\nContent-Type: text/csv\r\n"+length+"\r\n\r\n")
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, length, err)
			}
			if text := readAll(t, response); response.StatusCode != c.status || !strings.Contains(text, `"requestId"`) {
				t.Errorf("%s, %s: %d %s", name, length, response.StatusCode, text)
			}
		}
	}
}

// TestWhoIsRefusedMaySendOn: all of a body that nobody wants, before its sender reads why.
func TestWhoIsRefusedMaySendOn(t *testing.T) {
	a := newApp(t, patientServer)
	file := bytes.Repeat([]byte("no line end "), 2<<20)
	for name, c := range map[string]struct {
		token  string
		status int
	}{
		"no valid token": {"none", http.StatusUnauthorized},
		"the wrong role": {a.tokens[registry.RoleViewer], http.StatusForbidden},
		"a wrong file":   {a.tokens[registry.RoleOperator], http.StatusBadRequest},
	} {
		conn, reader := a.raw(t, fmt.Sprintf("POST /v1/imports?source=web_forms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: text/csv\r\nContent-Length: %d\r\n\r\n", c.token, len(file)))
		if _, err := conn.Write(file); err != nil {
			t.Errorf("%s: it was cut off: %v", name, err)
		}
		response, err := http.ReadResponse(reader, nil)
		must(t, err)
		if text := readAll(t, response); response.StatusCode != c.status || !response.Close {
			t.Errorf("%s: %d %s", name, response.StatusCode, text)
		}
	}
}

// TestShortRefusalsKeepTheConnection: who has sent all of a short body is answered on the same connection next.
func TestShortRefusalsKeepTheConnection(t *testing.T) {
	a := newApp(t)
	const refused = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	conn, reader := a.raw(t, refused)
	for range 3 {
		response, err := http.ReadResponse(reader, nil)
		must(t, err)
		if text := readAll(t, response); response.StatusCode != http.StatusUnauthorized || response.Close {
			t.Errorf("%d %s", response.StatusCode, text)
		}
		_, err = conn.Write([]byte(refused))
		must(t, err)
	}
}
