package httpd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

const contacts = "cliente,telefono\nc1,300 123 4567\nc2,123\nc3,310 765 4321\n"

// uploaded is the answer to an upload.
type uploaded struct {
	ID, Status      string
	AlreadyImported bool
	Error           struct {
		Code, Message, RequestID string
		Path                     []string
	}
}

func (a *app) upload(t testing.TB, role registry.Role, query, contentType string, body io.Reader) (*http.Response, uploaded) {
	t.Helper()
	response := a.request(t, role, http.MethodPost, "/v1/imports?"+query, contentType, body)
	text := readAll(t, response)
	var got uploaded
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%d %s: %v", response.StatusCode, text, err)
	}
	return response, got
}

func TestUpload(t *testing.T) {
	a := newApp(t)
	const query = "source=web_forms&region=CO&file_name=a.csv&map=phone%3Dtelefono"
	response, first := a.upload(t, registry.RoleOperator, query, "text/csv", strings.NewReader(contacts))
	if response.StatusCode != http.StatusAccepted || !strings.HasPrefix(first.ID, "imp_") || first.AlreadyImported ||
		response.Header.Get("Location") != "/v1/imports/"+first.ID {
		t.Fatalf("%d %+v", response.StatusCode, first)
	}
	states := a.subscribe(t, registry.RoleViewer, `subscription($id: ID!) { importProgress(id: $id) {
		sequence status percent import { rowsRead rowsAccepted rowsRejected fileName rejections { reason count } }
	} }`, vars{"id": first.ID})
	last := states.last(t)
	for _, want := range []string{`"status":"COMPLETED","percent":100`, `"rowsRead":3,"rowsAccepted":2,"rowsRejected":1,"fileName":"a.csv"`} {
		if !strings.Contains(last, want) {
			t.Errorf("want %s in %s", want, last)
		}
	}
	response, again := a.upload(t, registry.RoleOperator, query, "application/octet-stream", strings.NewReader(contacts))
	if response.StatusCode != http.StatusOK || !again.AlreadyImported || again.ID != first.ID || again.Status != "COMPLETED" {
		t.Errorf("again: %d %+v", response.StatusCode, again)
	}
	shown := readAll(t, a.request(t, registry.RoleViewer, http.MethodGet, "/v1/imports/"+first.ID, "", nil))
	var batch map[string]any
	must(t, json.Unmarshal([]byte(shown), &batch))
	for member, want := range map[string]any{
		"id": first.ID, "status": "COMPLETED", "rowsRead": 3.0, "phonesCreated": 2.0, "createdBy": "operator", "errorMessage": nil,
	} {
		if batch[member] != want {
			t.Errorf("%s: %v; want %v", member, batch[member], want)
		}
	}
	a.checkQuarantine(t, first.ID)
}

func (a *app) checkQuarantine(t *testing.T, id string) {
	t.Helper()
	csv := a.request(t, registry.RoleAdmin, http.MethodGet, "/v1/imports/"+id+"/quarantine.csv", "", nil)
	text := readAll(t, csv)
	if csv.StatusCode != http.StatusOK || !strings.HasPrefix(text, "row,reason,message,raw\n2,") || !strings.Contains(text, "c2,123") ||
		!strings.HasPrefix(csv.Header.Get("Content-Type"), "text/csv") || !strings.HasPrefix(csv.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %v %s", csv.StatusCode, csv.Header, text)
	}
	for reason, want := range map[string]struct {
		status int
		text   string
	}{
		"TOO_SHORT": {http.StatusOK, "\n2,TOO_SHORT,"}, "NO_REGION": {http.StatusOK, "row,reason,message,raw\n"}, "+573001234567": {http.StatusBadRequest, `"path":["reason"]`},
	} {
		of := a.request(t, registry.RoleAdmin, http.MethodGet, "/v1/imports/"+id+"/quarantine.csv?reason="+url.QueryEscape(reason), "", nil)
		if body := readAll(t, of); of.StatusCode != want.status || !strings.Contains(body, want.text) || strings.Contains(body, "3001234567") {
			t.Errorf("%s: %d %s", reason, of.StatusCode, body)
		}
	}
	refused := a.request(t, registry.RoleViewer, http.MethodGet, "/v1/imports/"+id+"/quarantine.csv", "", nil)
	if body := readAll(t, refused); refused.StatusCode != http.StatusForbidden || !strings.Contains(body, "EXPORT") {
		t.Errorf("a viewer: %d %s", refused.StatusCode, body)
	}
	for _, role := range []registry.Role{registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator} { // no purpose was told
		masked := a.request(t, role, http.MethodGet, "/v1/imports/"+id+"/quarantine.csv", "", nil)
		if body := readAll(t, masked); masked.StatusCode != http.StatusOK || strings.Contains(body, "c2,123") || !strings.Contains(body, "\n2,") {
			t.Errorf("%s: %d %s", role, masked.StatusCode, body)
		}
	}
	const query = `query($id: ID!) { import(id: $id) { quarantine(first: 1) { totalCount nodes { row reason message raw } } } }`
	for role, raw := range map[registry.Role]string{registry.RoleViewer: `"raw":null`, registry.RoleAdmin: `"raw":"c2,123"`} {
		if got := a.try(t, role, query, vars{"id": id}); len(got.Errors) > 0 || !strings.Contains(string(got.Data), raw) {
			t.Errorf("%s: %s %+v; want %s", role, got.Data, got.Errors, raw)
		}
	}
}

func TestUploadAsAForm(t *testing.T) {
	a := newApp(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(t, form.WriteField("comment", "what the browser adds"))
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="form.csv"`}, "Content-Type": {"text/csv"},
	})
	must(t, err)
	_, err = io.WriteString(part, contacts)
	must(t, err)
	must(t, form.Close())
	response, got := a.upload(t, registry.RoleOperator, "source=web_forms&region=CO", form.FormDataContentType(), &body)
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %+v", response.StatusCode, got)
	}
	if shown := readAll(t, a.request(t, registry.RoleViewer, http.MethodGet, "/v1/imports/"+got.ID, "", nil)); !strings.Contains(shown, `"fileName":"form.csv"`) {
		t.Errorf("%s", shown)
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.MaxImportBytes = 1 << 20 })
	for name, c := range map[string]struct {
		role               registry.Role
		query, contentType string
		body               string
		status             int
		code               string
	}{
		"wrong role":         {registry.RoleSteward, "source=web_forms", "text/csv", contacts, 403, "FORBIDDEN"},
		"no source":          {registry.RoleOperator, "", "text/csv", contacts, 400, ""},
		"unknown source":     {registry.RoleOperator, "source=nowhere", "text/csv", contacts, 400, "UNKNOWN_SOURCE"},
		"unknown region":     {registry.RoleOperator, "source=web_forms&region=Atlantis", "text/csv", contacts, 400, "INVALID_INPUT"},
		"unknown parameter":  {registry.RoleOperator, "source=web_forms&regoin=CO", "text/csv", contacts, 400, "INVALID_INPUT"},
		"half a query":       {registry.RoleOperator, "source=web_forms&region=%zz", "text/csv", contacts, 400, "INVALID_INPUT"},
		"two regions":        {registry.RoleOperator, "source=web_forms&region=CO&region=MX", "text/csv", contacts, 400, "INVALID_INPUT"},
		"bad map":            {registry.RoleOperator, "source=web_forms&map=telefono", "text/csv", contacts, 400, "INVALID_INPUT"},
		"map to no column":   {registry.RoleOperator, "source=web_forms&map=phone%3Dnada", "text/csv", contacts, 400, "INVALID_INPUT"},
		"JSON":               {registry.RoleOperator, "source=web_forms", "application/json", contacts, 415, "INVALID_INPUT"},
		"no content type":    {registry.RoleOperator, "source=web_forms", "", contacts, 415, "INVALID_INPUT"},
		"empty":              {registry.RoleOperator, "source=web_forms", "text/csv", "", 400, "INVALID_INPUT"},
		"no phones":          {registry.RoleOperator, "source=web_forms", "text/csv", "a,b\n1,2\n", 400, "INVALID_INPUT"},
		"form without file":  {registry.RoleOperator, "source=web_forms", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n", 400, "INVALID_INPUT"},
		"form of a header":   {registry.RoleOperator, "source=web_forms", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" + strings.Repeat("f", 100<<10) + "\"\r\n\r\n" + contacts + "\r\n--x--\r\n", 400, "INVALID_INPUT"},
		"form of a field":    {registry.RoleOperator, "source=web_forms", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n" + strings.Repeat("f", 100<<10) + "\r\n--x\r\nContent-Disposition: form-data; name=\"g\"; filename=\"a.csv\"\r\n\r\n" + contacts + "\r\n--x--\r\n", 400, "INVALID_INPUT"},
		"form that breaks":   {registry.RoleOperator, "source=web_forms", "multipart/form-data; boundary=x", "--x\r\nContent-Disp", 400, "INVALID_INPUT"},
		"larger than wanted": {registry.RoleOperator, "source=web_forms", "text/csv", contacts + strings.Repeat("c,3001234567\n", 100_000), 413, "LIMIT_EXCEEDED"},
	} {
		t.Run(name, func(t *testing.T) {
			response, got := a.upload(t, c.role, c.query, c.contentType, strings.NewReader(c.body))
			if response.StatusCode != c.status || got.Error.Message == "" || (c.code != "" && got.Error.Code != c.code) ||
				got.Error.RequestID != response.Header.Get("X-Request-Id") {
				t.Errorf("%d %+v; want %d %s", response.StatusCode, got, c.status, c.code)
			}
		})
	}
	if got := ask[struct{ Imports struct{ TotalCount int } }](t, a, registry.RoleViewer, `{ imports { totalCount nodes { id } } }`, nil); got.Imports.TotalCount != 0 {
		t.Errorf("%d imports are registered", got.Imports.TotalCount)
	}
}

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	a := newApp(t)
	body, write := io.Pipe()
	go func() {
		_, _ = io.WriteString(write, contacts)
		_ = write.CloseWithError(fmt.Errorf("the client went away"))
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/v1/imports?source=web_forms&region=CO", body)
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+a.tokens[registry.RoleOperator])
	request.Header.Set("Content-Type", "text/csv")
	if response, err := a.client.Do(request); err == nil {
		t.Errorf("answered %d", response.StatusCode)
		_ = response.Body.Close()
	}
	if got := ask[struct{ Imports struct{ TotalCount int } }](t, a, registry.RoleViewer, `{ imports { totalCount nodes { id } } }`, nil); got.Imports.TotalCount != 0 {
		t.Errorf("%d imports are registered", got.Imports.TotalCount)
	}
}

func TestImportsThatAreNotThere(t *testing.T) {
	a := newApp(t)
	for _, path := range []string{
		"/v1/imports/imp_00000000000000000000000000000000", "/v1/imports/x", "/v1/imports/job_00000000000000000000000000000000",
		"/v1/imports/imp_00000000000000000000000000000000/quarantine.csv", "/v1/imports/x/quarantine.csv", "/v1/nothing",
	} {
		response := a.request(t, registry.RoleAdmin, http.MethodGet, path, "", nil)
		if body := readAll(t, response); response.StatusCode != http.StatusNotFound || !strings.Contains(body, `"code":"NOT_FOUND"`) {
			t.Errorf("%s: %d %s", path, response.StatusCode, body)
		}
	}
}

// TestNoRefusedUploadRepeatsANumber: whatever parameter a number was put into by mistake.
func TestNoRefusedUploadRepeatsANumber(t *testing.T) {
	a := newApp(t)
	for _, query := range []string{
		"source=573001234567", "source=%2B573001234567", "source=web_forms&region=573001234567", "source=web_forms&format=573001234567",
		"source=web_forms&map=phone%3D573001234567", "source=web_forms&map=573001234567%3Dtelefono", "source=web_forms&573001234567=1",
	} {
		response, got := a.upload(t, registry.RoleOperator, query, "text/csv", strings.NewReader(contacts))
		if response.StatusCode != http.StatusBadRequest || got.Error.Message == "" || strings.Contains(got.Error.Message, "573001234567") {
			t.Errorf("%s: %d %+v", query, response.StatusCode, got)
		}
	}
	if strings.Contains(a.log.String(), "573001234567") {
		t.Error("the log holds the number")
	}
}
