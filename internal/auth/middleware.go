package auth

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"phoneregistry/registry"
)

// FromRequest returns the token of a request; "" when it bears none. One with several Authorization headers bears none: a
// proxy may have looked at another than we would.
func FromRequest(r *http.Request) string {
	if len(r.Header["Authorization"]) != 1 {
		return ""
	}
	return FromHeader(r.Header.Get("Authorization"))
}

// FromHeader returns the token of an Authorization header (RFC 6750); "" when it holds none.
func FromHeader(authorization string) string {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Middleware lets only requests with a valid token through, and puts the actor into their context, which ends with the
// token: then ErrExpired, ErrRevoked or ErrChanged is its cause. Others are answered 401, 403 for a token without a role,
// 429 from an address whose tokens were not valid too often, or 503 when the store could not be asked.
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := FromRequest(r)
		hash, b, err := a.find(r.Context(), token)
		if err != nil {
			a.refuse(w, r, token, err)
			return
		}
		a.serve(w, r, hash, b, next)
	})
}

// serve lets a request through for as long as its token lives.
func (a *Authenticator) serve(w http.ResponseWriter, r *http.Request, hash [32]byte, b bearer, next http.Handler) {
	ctx, release := a.hold(r.Context(), hash, b)
	if release != nil {
		defer release()
	}
	next.ServeHTTP(w, r.WithContext(ctx))
}

// Ends reports whether the context of a request ends with its token: that of the configuration lasts.
func Ends(ctx context.Context) bool { return registry.ActorFrom(ctx).Token != bootstrap }

// Ended returns why a context has ended, if that was the end of its token.
func Ended(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrExpired), errors.Is(cause, ErrRevoked), errors.Is(cause, ErrChanged):
		return cause
	}
	return nil
}

// refuse answers a request without a valid token, and counts the token.
func (a *Authenticator) refuse(w http.ResponseWriter, r *http.Request, token string, err error) {
	if wait := a.count(WithRemote(r.Context(), r.RemoteAddr), token, err); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		RefuseWith(w, r, http.StatusTooManyRequests, "RATE_LIMITED",
			"too many tokens from this address were not valid: wait, or send a valid one")
		return
	}
	switch {
	case errors.Is(err, ErrNoRole):
		RefuseWith(w, r, http.StatusForbidden, "FORBIDDEN", ErrNoRole.Error())
	case errors.Is(err, errTicketUse):
		challenge(w, r)
		RefuseWith(w, r, http.StatusUnauthorized, "UNAUTHENTICATED", errTicketUse.Error())
	case errors.Is(err, ErrUnauthenticated):
		challenge(w, r)
		RefuseWith(w, r, http.StatusUnauthorized, "UNAUTHENTICATED", "want a valid token: Authorization: Bearer TOKEN")
	default:
		a.tellUnchecked(r.Context(), err)
		RefuseWith(w, r, http.StatusServiceUnavailable, "UNAVAILABLE", "the token cannot be checked right now: try again")
	}
}

// tellUnchecked notes in the log why a token could not be checked. Of an issuer that is told once, by who asks it; that
// somebody did not wait for the answer is nobody's fault.
func (a *Authenticator) tellUnchecked(ctx context.Context, err error) {
	if errors.Is(err, ErrUnauthenticated) || errors.Is(err, ErrNoRole) || errors.Is(err, errNoKeys) || ctx.Err() != nil {
		return
	}
	a.log.ErrorContext(ctx, "a token cannot be checked", "error", err, "request_id", registry.ActorFrom(ctx).RequestID)
}

// Refuse answers a request whose token has ended before the answer began.
func Refuse(w http.ResponseWriter, r *http.Request, ended error) {
	challenge(w, r)
	RefuseWith(w, r, http.StatusUnauthorized, "UNAUTHENTICATED", ended.Error())
}

func challenge(w http.ResponseWriter, r *http.Request) {
	challenge := `Bearer realm="phoneregistry"`
	if r.Header.Get("Authorization") != "" {
		challenge += `, error="invalid_token"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
}

// graphQLPath is where GraphQL is asked for, and answered in its own form.
const graphQLPath = "/graphql"

// RefuseWith answers somebody who is not let in, in the form of the interface that was asked.
func RefuseWith(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	said := map[string]string{"code": code, "requestId": registry.ActorFrom(r.Context()).RequestID}
	var body map[string]any
	if r.URL.Path == graphQLPath {
		body = map[string]any{"errors": []any{map[string]any{"message": message, "extensions": said}}}
	} else {
		said["message"] = message
		body = map[string]any{"error": said}
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // texts only, which always can be written
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that has gone is no error of ours
}

// count notes that a token was not valid, and returns how long its sender has to wait, if there were too many of them.
// That none was sent is not counted, nor that one could not be checked.
func (a *Authenticator) count(ctx context.Context, token string, err error) time.Duration {
	remote, ok := ctx.Value(remoteKey{}).(string)
	if !ok || token == "" || !errors.Is(err, ErrUnauthenticated) {
		return 0
	}
	wait, first := a.throttle.failed(remote)
	if first { // the address itself is personal data: whoever keeps it finds it by the id of the request
		a.log.WarnContext(ctx, "many tokens from one address are not valid; more are answered 429 for a while",
			"request_id", registry.ActorFrom(ctx).RequestID)
	}
	return wait
}

type remoteKey struct{}

// WithRemote returns a context that tells Attend from which address a token comes: HOST:PORT.
func WithRemote(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, remoteKey{}, address)
}
