package httpd_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"phoneregistry/registry"
)

// TestNoSimpleRequestRunsAnything: what a browser sends for a page of another site without asking first can change
// nothing, even where it bears a token and no header that tells where it comes from.
func TestNoSimpleRequestRunsAnything(t *testing.T) {
	a := newApp(t)
	const change = `mutation { upsertSource(input: {name: "forged", priority: 1}) { source { name } } }`
	const body = `{"query":"mutation { upsertSource(input: {name: \"forged\", priority: 1}) { source { name } } }"}`
	form := url.Values{"query": {change}}.Encode()
	for name, c := range map[string]struct{ method, path, contentType, body string }{
		"text":              {"POST", "/graphql", "text/plain", body},
		"text, as JSON":     {"POST", "/graphql", "text/plain; application/json", body},
		"text, with params": {"POST", "/graphql", "text/plain;charset=utf-8;x=application/json", body},
		"form":              {"POST", "/graphql", "application/x-www-form-urlencoded", form},
		"form in address":   {"POST", "/graphql?" + form, "application/x-www-form-urlencoded", ""},
		"multipart":         {"POST", "/graphql", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + body + "\r\n--x--\r\n"},
		"no type":           {"POST", "/graphql", "", body},
		"two types":         {"POST", "/graphql", "text/plain, application/json", body},
		"by GET":            {"GET", "/graphql?" + form, "", ""},
		"by HEAD":           {"HEAD", "/graphql?" + form, "", ""},
		"by GET, a stream":  {"GET", "/graphql?" + form, "", ""},
	} {
		header := []string{}
		if strings.HasSuffix(name, "a stream") {
			header = append(header, "Accept", "text/event-stream")
		}
		response := a.request(t, registry.RoleAdmin, c.method, c.path, c.contentType, strings.NewReader(c.body), header...)
		if text := readAll(t, response); response.StatusCode < 400 || strings.Contains(text, "forged") {
			t.Errorf("%s: %d %s", name, response.StatusCode, text)
		}
	}
	sources, err := a.service.Sources(asSystem(t))
	must(t, err)
	for _, s := range sources {
		if s.Name == "forged" {
			t.Error("a simple request has changed something")
		}
	}
}

// TestNoOtherSiteIsLetIn: no answer allows another site to read it, nor a preflight to send more than a simple request;
// and each says that it is data, to be kept by nobody and shown in no frame.
func TestNoOtherSiteIsLetIn(t *testing.T) {
	a := newApp(t)
	for name, c := range map[string]struct {
		method, path string
		header       []string
	}{
		"preflight": {"OPTIONS", "/graphql", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"}},
		"query":     {"GET", "/graphql?query=" + url.QueryEscape("{viewer{name}}"), []string{"Origin", "https://evil.example"}},
		"refusal":   {"GET", "/graphql?query=" + url.QueryEscape("{webhooks{totalCount}}"), nil},
		"error":     {"POST", "/graphql", []string{"Content-Type", "text/plain"}},
		"import":    {"GET", "/v1/imports/imp_0", []string{"Origin", "https://evil.example"}},
		"nowhere":   {"GET", "/v1/nowhere", nil},
		"health":    {"GET", "/healthz", nil},
	} {
		response := a.request(t, registry.RoleViewer, c.method, c.path, "", nil, c.header...)
		readAll(t, response)
		for header := range response.Header {
			if strings.HasPrefix(header, "Access-Control-") {
				t.Errorf("%s: %s: %s", name, header, response.Header.Get(header))
			}
		}
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
			"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		} {
			if got := response.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q; want %q", name, header, got, want)
			}
		}
		if c.method == http.MethodOptions && response.StatusCode < 400 {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
}
