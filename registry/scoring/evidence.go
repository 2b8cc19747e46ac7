package scoring

import "time"

// Expired reports whether the evidence has run out at that moment. It holds until ExpiresAt, that moment excluded.
func (e Evidence) Expired(at time.Time) bool {
	return !e.ExpiresAt.IsZero() && !at.Before(e.ExpiresAt)
}

// Supersedes reports whether e, found later, takes the place of old, evidence of the same platform on the same number,
// at the given moment. The better word wins, and among equals the newer one:
//
//   - an answer of the platform that has not run out is better than a check that failed (ERROR, RATE_LIMITED) and than
//     any evidence that has run out: a failed attempt does not unmake what is known;
//   - a real answer is better than one that the simulator made up;
//   - of these, an answer that tells something is better than one that does not (UNKNOWN, NOT_CHECKABLE): that nothing
//     can be told today does not unmake what was told before, as long as that holds.
//
// It is a total preorder: whatever order evidence comes in, the same remains.
func (e Evidence) Supersedes(old Evidence, at time.Time) bool {
	if mine, theirs := e.rank(at), old.rank(at); mine != theirs {
		return mine > theirs
	}
	return !e.CheckedAt.Before(old.CheckedAt)
}

// rank is how good the word is: 3 and 4 a real answer, 1 and 2 a simulated one, of each the higher one tells something;
// 0 none.
func (e Evidence) rank(at time.Time) int {
	if !e.Status.Answered() || e.Expired(at) {
		return 0
	}
	rank := 1
	if !e.Simulated {
		rank = 3
	}
	if e.Status.Tells() {
		rank++
	}
	return rank
}
