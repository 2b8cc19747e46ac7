package httpd

import (
	"encoding/json"
	"net/http"
	"strconv"

	"phoneregistry/registry"
)

// writeJSON answers with a JSON value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of this package are written, which always can be
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is no error of ours
}

// errorBody is the answer of a REST request that went wrong.
type errorBody struct {
	Error errorInfo `json:"error"`
}

type errorInfo struct {
	Code            string   `json:"code"`
	Message         string   `json:"message"`
	Path            []string `json:"path,omitempty"`            // the parameter that was wrong
	DeadlineSeconds float64  `json:"deadlineSeconds,omitempty"` // of TIMEOUT: the time there was
	RequestID       string   `json:"requestId"`
}

func writeError(w http.ResponseWriter, r *http.Request, status int, code, message string, path ...string) {
	writeJSON(w, status, errorBody{errorInfo{
		Code: code, Message: message, Path: path, RequestID: registry.ActorFrom(r.Context()).RequestID,
	}})
}
