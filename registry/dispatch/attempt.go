package dispatch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// maxAnswer is how much of an answer is read, so that its connection can be used again. None of it is kept.
const maxAnswer = 4 << 10

// drainFor bounds how long that may take once the status is known.
const drainFor = time.Second

// errInterrupted is the cause when this program stops in the middle of an attempt.
var errInterrupted = errors.New("the server was stopped")

// attempt makes one attempt and says what became of it.
func (d *Dispatcher) attempt(ctx context.Context, a registry.Attempt) registry.AttemptOutcome {
	started := time.Now()
	answer := d.send(ctx, a)
	o := registry.AttemptOutcome{
		Delivery: a.Delivery, Webhook: a.Webhook, No: a.No, ResponseStatus: answer.status, Duration: time.Since(started),
	}
	switch {
	case answer.err == nil && answer.status/100 == 2:
		o.Status = registry.DeliveryDelivered
		return o
	case errors.Is(answer.err, errInterrupted):
		o.Status, o.Error = registry.DeliveryPending, errInterrupted.Error() // at once, by whoever runs then
		return o
	case errors.Is(answer.err, errUnrecorded):
		o.Status, o.Error, o.RetryIn, o.NotMade = registry.DeliveryPending, errUnrecorded.Error(), recordAgain, true
		return o
	case answer.err == nil && answer.status == http.StatusGone:
		o.Status, o.Gone, o.Error = registry.DeliveryDead, true, "the receiver answered 410 Gone: its webhook was paused"
		return o
	}
	o.Error = why(answer)
	o.HoldFor = answer.retryAfter
	wait, again := backoff(a.Try)
	if !again {
		o.Status = registry.DeliveryDead
		return o
	}
	o.Status, o.RetryIn = registry.DeliveryPending, max(wait, answer.retryAfter)
	return o
}

// answer is what a receiver answered: a status or an error.
type answer struct {
	status     int
	retryAfter time.Duration
	err        error
}

// send posts a message and waits for the status of the answer.
func (d *Dispatcher) send(ctx context.Context, a registry.Attempt) answer {
	if a.Unsigned && len(a.Secrets) == 0 {
		return answer{err: errUnsigned}
	}
	body, err := encode(a.Event)
	if err != nil {
		return answer{err: err}
	}
	// The time-out ends also what ends slowly: an answer that drips.
	ctx, cancel := context.WithTimeoutCause(ctx, d.Timeout, context.DeadlineExceeded)
	defer cancel()
	request, err := d.request(ctx, a, body)
	if err != nil {
		return answer{err: err}
	}
	if err := d.record(a); err != nil {
		return answer{err: err}
	}
	response, err := d.client.Do(request)
	if err != nil {
		if errors.Is(context.Cause(ctx), errInterrupted) {
			err = errInterrupted
		}
		return answer{err: err}
	}
	timer := time.AfterFunc(drainFor, cancel)
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer) // what it says does not matter
	_ = response.Body.Close()
	got := answer{status: response.StatusCode}
	if got.status == http.StatusTooManyRequests || got.status == http.StatusServiceUnavailable {
		got.retryAfter = retryAfter(response.Header, d.Now())
	}
	return got
}

func (d *Dispatcher) request(ctx context.Context, a registry.Attempt, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	if request.URL.Scheme != "https" && !d.AllowPrivate {
		return nil, errors.New("the address does not begin with https://")
	}
	id, timestamp := registry.MessageID(a.Event.ID, a.Event.Part), strconv.FormatInt(d.Now().Unix(), 10)
	signed, err := signatures(a.Secrets, id, timestamp, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", d.UserAgent)
	request.Header.Set(headerID, id)
	request.Header.Set(headerTimestamp, timestamp)
	request.Header.Set(headerSignature, signed)
	request.Header.Set(headerEvent, string(a.Event.Type))
	request.Header.Set(headerDelivery, opaque.UUID(registry.KindDelivery, a.Delivery))
	return request, nil
}

// why says in plain words why an attempt failed. It holds neither the address, which may carry a secret, nor anything
// that the receiver said.
func why(a answer) string {
	if a.err == nil {
		text := http.StatusText(a.status)
		if a.status/100 == 3 {
			text += ": redirects are not followed"
		}
		return fmt.Sprintf("the receiver answered %d %s", a.status, text)
	}
	var timeout net.Error
	switch {
	case errors.Is(a.err, errPrivate):
		return "the address is not public: this server calls no others unless it is allowed to"
	case errors.Is(a.err, errUnsigned):
		return errUnsigned.Error()
	case is[*net.DNSError](a.err):
		return "the host name could not be resolved"
	case isTLS(a.err):
		return "the certificate of the receiver was not accepted, or TLS failed"
	case errors.Is(a.err, context.DeadlineExceeded), errors.As(a.err, &timeout) && timeout.Timeout():
		return "the receiver did not answer in time"
	case errors.Is(a.err, syscall.ECONNREFUSED):
		return "the receiver refused the connection"
	case is[*net.OpError](a.err), errors.Is(a.err, io.EOF), errors.Is(a.err, io.ErrUnexpectedEOF):
		return "the connection failed"
	}
	return "the request failed"
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func isTLS(err error) bool {
	return is[*tls.CertificateVerificationError](err) || is[x509.UnknownAuthorityError](err) || is[x509.HostnameError](err) ||
		is[tls.RecordHeaderError](err) || is[tls.AlertError](err)
}
