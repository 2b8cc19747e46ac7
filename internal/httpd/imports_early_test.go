package httpd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

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
