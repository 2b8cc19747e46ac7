package transport

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// bodiesToRead are bodies of requests, of about the length that they are named by.
func bodiesToRead() map[string]string {
	const asks = `{"query":"query ($id: String!) { customer(customerId: $id) { customerId phones { number isPrimary confidence phone { region lineType } } } }",`
	return map[string]string{
		"300B":         asks + `"variables":{"id":"c-000001","input":{"name":"x","tags":["a","b"],"limit":25,"strict":true}},"operationName":null,"extensions":{"cost":true}}`,
		"64KiB":        asks + `"variables":{"ids":[` + strings.Repeat(`"customer-00001",`, 3800) + `"c"]}}`,
		"1MB-values":   asks + `"variables":{"ids":[` + strings.Repeat(`"customer-00001",`, 60_000) + `"c"]}}`,
		"1MB-text":     asks + `"variables":{"id":"` + strings.Repeat("customer", 120_000) + `"}}`,
		"1MB-document": `{"query":"{ viewer { name } } #` + strings.Repeat("x", 1_000_000) + `"}`,
	}
}

// How long it takes to read a body, beside io.ReadAll and encoding/json.
func BenchmarkBodies(b *testing.B) {
	reader := newBodies(Config{MaxBody: 1 << 20, MaxDocument: 64 << 10})
	for name, body := range bodiesToRead() {
		run := func(how string, read func(w http.ResponseWriter, r *http.Request)) {
			b.Run(name+"/"+how, func(b *testing.B) {
				from := strings.NewReader(body)
				r, w := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", from), httptest.NewRecorder()
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					from.Reset(body)
					read(w, r)
				}
			})
		}
		run("ours", func(w http.ResponseWriter, r *http.Request) {
			if _, wrong := reader.read(w, r); wrong != nil {
				b.Fatal(wrong.message)
			}
		})
		run("library", func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
			if err != nil {
				b.Fatal(err)
			}
			if _, message := byLibrary(text); message != "" {
				b.Fatal(message)
			}
		})
	}
}
