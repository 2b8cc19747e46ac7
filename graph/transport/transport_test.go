package transport

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestNegotiate(t *testing.T) {
	for accept, want := range map[string]string{
		"":    mediaJSON,
		"*/*": mediaJSON, "application/*": mediaJSON,
		mediaJSON: mediaJSON, mediaResponse: mediaResponse, mediaStream: mediaStream,
		mediaJSON + "," + mediaResponse:                    mediaResponse,
		mediaResponse + ";q=0.9," + mediaJSON + ";q=0.8":   mediaResponse,
		mediaResponse + ";q=0.1," + mediaJSON:              mediaJSON,
		"text/html," + mediaJSON + ";q=0.5":                mediaJSON,
		"*/*;q=0.1," + mediaResponse + ";q=0.1":            mediaResponse,
		mediaJSON + ";q=0":                                 "",
		mediaResponse + "; charset=utf-8":                  mediaResponse,
		mediaJSON + "; charset=latin1":                     "",
		"text/html":                                        "",
		";;;":                                              "",
		mediaStream + ", " + mediaJSON + ";q=0.9, */*;q=0": mediaStream,
		mediaStream + ", " + mediaJSON:                     mediaStream,
		mediaJSON + ", " + mediaStream:                     mediaJSON,
		mediaJSON + ";q=0, */*":                            mediaResponse,
		mediaJSON + ";q=0, application/*;q=0.5, */*;q=0":   mediaResponse,
		"application/*;q=0, */*":                           "",
		"*/*, " + mediaResponse + ";q=0.9":                 mediaJSON,
		"APPLICATION/GraphQL-Response+JSON":                mediaResponse,
		" , ":                                              mediaJSON,
		mediaResponse + ";q=NaN":                           mediaResponse,
		strings.Repeat("a/b, ", 300) + mediaResponse:       mediaResponse,
		strings.Repeat("a/b, ", 5000) + mediaResponse:      "",
	} {
		var header []string
		if accept != "" {
			header = []string{accept}
		}
		if got := negotiate(header); got != want {
			t.Errorf("%q: %q; want %q", accept, got, want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	for origin, want := range map[string]bool{
		"": true, "https://registry.example": true, "http://REGISTRY.example": true,
		"https://evil.example": false, "null": false, "https://registry.example.evil.example": false, "registry.example": false,
	} {
		r := &http.Request{Host: "registry.example", Header: http.Header{}}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := sameOrigin(r); got != want {
			t.Errorf("%q: %t; want %t", origin, got, want)
		}
	}
}

func TestResponsesAreJSON(t *testing.T) {
	for want, response := range map[string]*graphql.Response{
		`{}`:               {},
		`{"data":{"a":1}}`: {Data: json.RawMessage(`{"a":1}`)},
		`{"data":null}`:    {Data: json.RawMessage(`null`)},
		`{"errors":[{"message":"x"}],"data":null,"extensions":{"cost":1}}`: {
			Data: json.RawMessage(`null`), Errors: gqlerror.List{{Message: "x"}}, Extensions: map[string]any{"cost": 1},
		},
	} {
		if got := string(appendResponse(nil, response)); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

func TestStatusOfResults(t *testing.T) {
	data, errs := json.RawMessage(`null`), gqlerror.List{{Message: "x"}}
	away := gqlerror.List{{Message: "x", Extensions: map[string]any{"code": "UNAVAILABLE"}}}
	for _, c := range []struct {
		media    string
		response *graphql.Response
		want     int
	}{
		{mediaResponse, &graphql.Response{Data: data}, 200},
		{mediaResponse, &graphql.Response{Data: data, Errors: errs}, 294},
		{mediaResponse, &graphql.Response{Data: data, Errors: away}, 294}, // of a field; others may have answered
		{mediaResponse, &graphql.Response{Errors: errs}, 400},
		{mediaResponse, &graphql.Response{Errors: away}, 503},
		{mediaJSON, &graphql.Response{Data: data, Errors: errs}, 200},
		{mediaJSON, &graphql.Response{Errors: errs}, 200},
	} {
		if got := resultStatus(c.media, c.response); got != c.want {
			t.Errorf("%s %s, %d errors: %d; want %d", c.media, c.response.Data, len(c.response.Errors), got, c.want)
		}
	}
}

func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{a}"}`, `{"query":"{a}","variables":{"x":[1,{"y":null}]},"operationName":"o","extensions":{}}`,
		`[]`, ` [{"query":"{a}"}]`, `{"query":7}`, `{"variables":"x"}`, `null`, `""`, `{"query":"{a}"}{}`, "\ufeff{}", ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		params, wrong := newBodies(Config{MaxBody: 1 << 20}).params([]byte(body))
		if (params == nil) == (wrong == nil) {
			t.Fatalf("%q: neither params nor an error, or both", body)
		}
		if wrong != nil && (wrong.status < 400 || wrong.message == "" || (len(body) > 12 && strings.Contains(wrong.message, body))) {
			t.Errorf("%q: %+v", body, wrong)
		}
		m := message{ID: body, Type: "next", Payload: json.RawMessage(`{}`)}
		if text := m.append(nil); !json.Valid(text) {
			t.Errorf("%q makes a message that is not JSON: %s", body, text)
		}
	})
}
