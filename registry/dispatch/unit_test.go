package dispatch

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestStandardVector: the example that libraries for Standard Webhooks are tested with.
func TestStandardVector(t *testing.T) {
	const secret, want = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	got, err := signatures([]string{secret, secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if err != nil || got != want+" "+want {
		t.Errorf("%q, %v; want %q twice", got, err, want)
	}
	for _, secrets := range [][]string{nil, {""}, {"whsec_"}, {"whsec_%"}, {secret, "whsec_%"}} {
		if got, err := signatures(secrets, "a", "1", nil); err == nil {
			t.Errorf("signed with %d unreadable secrets: %q", len(secrets), got)
		}
	}
}

// TestBackoff: waits grow, with a jitter of a tenth, and there are as many as promised.
func TestBackoff(t *testing.T) {
	if len(waits()) != MaxTries-1 {
		t.Fatalf("%d waits for %d attempts", len(waits()), MaxTries)
	}
	rapid.Check(t, func(t *rapid.T) {
		try := rapid.IntRange(-2, MaxTries+3).Draw(t, "try")
		wait, again := backoff(try)
		if again != (try >= 1 && try < MaxTries) {
			t.Fatalf("again %t behind try %d", again, try)
		}
		if !again {
			return
		}
		if base := waits()[try-1]; wait < base*9/10 || wait > base*11/10 {
			t.Fatalf("%s behind try %d, want about %s", wait, try, base)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "120": 2 * time.Minute, "999999999999999": maxHold, "99999999999999999999999": 0, "soon": 0, "1.5": 0,
		"Sat, 21 Nov 2026 12:10:00 GMT": 10 * time.Minute, "Sat, 21 Nov 2026 11:00:00 GMT": 0, "Sun, 21 Nov 2027 12:00:00 GMT": maxHold,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After: %q is %s, want %s", text, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"120", "-1", "Sat, 21 Nov 2026 12:10:00 GMT", "9223372036854775807", "\x00"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got < 0 || got > maxHold {
			t.Errorf("%q is %s", text, got)
		}
	})
}
