package rcs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

const (
	// renewBefore is how long before its end a token is no longer used.
	renewBefore = time.Minute
	// failurePause is how long a failed renewal is answered for: those that waited for it must not each fail anew.
	failurePause = time.Second
	// maxToken is the longest access token that is taken.
	maxToken = 8 << 10
)

// tokens keeps one access token and renews it, one renewal at a time.
type tokens struct {
	account *account
	client  *webcall.Client
	now     func() time.Time

	turn     chan struct{} // holds one place; whoever fills it may look at what follows
	token    string
	until    time.Time
	failure  error
	failedAt time.Time
}

func newTokens(a *account, client *webcall.Client, now func() time.Time) *tokens {
	return &tokens{account: a, client: client, now: now, turn: make(chan struct{}, 1)}
}

// get returns a token that holds for a while. refused is one that was just refused, and is not returned again.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", &workers.CallError{Reason: "no token from Google in time", Err: ctx.Err()}
	}
	defer func() { <-t.turn }()
	now := t.now()
	if t.token != "" && t.token != refused && now.Before(t.until) {
		return t.token, nil
	}
	if t.failure != nil && now.Sub(t.failedAt) < failurePause {
		return "", t.failure
	}
	token, life, err := t.renew(ctx, now)
	if ctx.Err() != nil && err != nil { // it failed because of one caller; the next one tries
		return "", err
	}
	t.token, t.until = token, now.Add(life-renewBefore)
	t.failure, t.failedAt = err, t.now()
	return token, err
}

// renew asks for a new token. A token is used until renewBefore its end; one that lives shorter serves one call.
func (t *tokens) renew(ctx context.Context, now time.Time) (string, time.Duration, error) {
	assertion, err := t.account.assertion(now)
	if err != nil {
		return "", 0, &workers.CallError{Reason: "the service account's key cannot sign", Permanent: true, Err: err}
	}
	answer, err := t.client.Do(ctx, webcall.Request{Method: http.MethodPost, URL: t.account.tokenURL, Body: url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion},
	}})
	if err != nil {
		return "", 0, err
	}
	if answer.Status != http.StatusOK {
		return "", 0, t.refused(answer)
	}
	var got struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := t.client.Decode(answer, &got); err != nil {
		return "", 0, err
	}
	if !sendable(got.AccessToken) || got.ExpiresIn <= 0 {
		return "", 0, t.client.Malformed()
	}
	return got.AccessToken, webcall.Seconds(got.ExpiresIn), nil
}

// refused says why there is no token. The error codes are those of RFC 6749, section 5.2.
func (t *tokens) refused(answer *webcall.Answer) error {
	e := t.client.Refused(answer)
	var body struct {
		Error string `json:"error"`
	}
	if e.RateLimited || !e.Permanent || json.Unmarshal(answer.Body, &body) != nil {
		return e
	}
	switch body.Error {
	case "invalid_grant":
		e.Reason = "Google refused the service account (invalid_grant): was its key deleted, or is this machine's clock wrong?"
	case "invalid_client", "unauthorized_client", "invalid_scope", "access_denied":
		e.Reason = "Google refused the service account (" + body.Error + "): may it use RCS Business Messaging?"
	}
	return e
}

// sendable reports whether a token can stand in a header.
func sendable(token string) bool {
	if token == "" || len(token) > maxToken {
		return false
	}
	for _, b := range []byte(token) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}
