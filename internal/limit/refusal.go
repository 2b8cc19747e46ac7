package limit

import (
	"net/http"
	"strconv"
	"time"
)

// Policies, as headers, refusals and metrics name them.
const (
	PolicyReads         = "reads"
	PolicyWrites        = "writes"
	PolicyMessages      = "messages"
	PolicyConnections   = "connections"
	PolicySubscriptions = "subscriptions"
	PolicyOperations    = "operations"
	PolicyPending       = "pending-writes"
	PolicyReceiving     = "receiving"
)

// Codes of refusals.
const (
	CodeRate          = "RATE_LIMITED"
	CodeConnections   = "TOO_MANY_CONNECTIONS"
	CodeSubscriptions = "TOO_MANY_SUBSCRIPTIONS"
	CodeOperations    = "TOO_MANY_OPERATIONS"
	CodePending       = "TOO_MANY_PENDING_WRITES"
)

// Refusal says why something is not done now. Its texts hold nothing of the request.
type Refusal struct {
	Code      string
	Policy    string
	Own       bool // what the token itself asks is too much; else it is what all ask together
	Limit     int
	Remaining int // of a rate
	After     time.Duration
	message   string
}

// full makes the refusal of what has no place left, and counts it.
func (l *Limiter) full(what int, own bool, limit int) *Refusal {
	no := &Refusal{Own: own, Limit: limit, After: time.Second}
	var name string
	switch what {
	case connections:
		no.Code, no.Policy, name = CodeConnections, PolicyConnections, "WebSockets"
	case subscriptions:
		no.Code, no.Policy, name = CodeSubscriptions, PolicySubscriptions, "subscriptions"
	case operations:
		no.Code, no.Policy, name = CodeOperations, PolicyOperations, "operations"
	case receiving:
		no.Code, no.Policy, name = CodeOperations, PolicyReceiving, "requests on their way"
	default:
		no.Code, no.Policy, name = CodePending, PolicyPending, "changes"
	}
	if own {
		no.message = "too many " + name + " of this token at the same time: at most " + strconv.Itoa(limit) + " are allowed; end some, then try again"
	} else {
		no.message = "the server holds as many " + name + " as it may: try again"
	}
	return l.count(no)
}

// late makes the refusal of what is over a rate, and counts it.
func (l *Limiter) late(policy string, r rate, left, wait int64) *Refusal {
	no := &Refusal{
		Code: CodeRate, Policy: policy, Own: true, Limit: int(r.limit), Remaining: int(left), After: time.Duration(wait),
	}
	no.message = "too many " + policy + " of this token: at most " + strconv.Itoa(no.Limit) + " a minute are allowed; try again in " +
		strconv.Itoa(no.Seconds()) + " s"
	return l.count(no)
}

func (l *Limiter) count(no *Refusal) *Refusal {
	l.refused.WithLabelValues(no.Policy, no.of()).Inc()
	return no
}

func (no *Refusal) of() string {
	if no.Own {
		return "token"
	}
	return "server"
}

// Seconds is how long to wait, in whole seconds, rounded up.
func (no *Refusal) Seconds() int { return int(max(1, (no.After+time.Second-1)/time.Second)) }

// Status is the status of an answer over HTTP.
func (no *Refusal) Status() int {
	if no.Own {
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}

// Message says in words what is too much, what would be right, and when to try again.
func (no *Refusal) Message() string { return no.message }

// Extensions are the extensions of an error in GraphQL.
func (no *Refusal) Extensions() map[string]any {
	return map[string]any{
		"code": no.Code, "policy": no.Policy, "of": no.of(), "limit": no.Limit, "remaining": no.Remaining, "retryAfterSeconds": no.Seconds(),
	}
}
