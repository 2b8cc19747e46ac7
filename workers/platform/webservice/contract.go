package webservice

import "encoding/json"

// Version is the version of the contract, sent with every request. docs/validator-openapi.yaml describes it.
const Version = 1

// Request is the body of a request: numbers to check on a platform.
type Request struct {
	Version  int      `json:"version"`
	Platform string   `json:"platform"`
	Numbers  []string `json:"numbers"` // E.164 with the plus, each once
}

// Response is the body of an answer with status 200.
type Response struct {
	Version int      `json:"version"`
	Results []Result `json:"results"` // one for each number of the request, in any order
}

// Result is what the service says of one number.
type Result struct {
	Number   string   `json:"number"` // as it was asked
	Status   string   `json:"status"` // a ValidationStatus of the API
	Strength *float64 `json:"strength,omitempty"`
	Method   string   `json:"method,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	// Details is a JSON object; what does not fit bus.MaxDetailsBytes is dropped.
	Details           json.RawMessage `json:"details,omitempty"`
	TTLSeconds        int64           `json:"ttlSeconds,omitempty"`
	RetryAfterSeconds int64           `json:"retryAfterSeconds,omitempty"`
	Permanent         bool            `json:"permanent,omitempty"`
}
