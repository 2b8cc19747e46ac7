// Package scoring turns the evidence of platforms into a lead score from 0 to 100, its tier and its explanation.
// It is pure: no I/O, no clock, no state.
package scoring

import "time"

// Platform is a platform on which a number may answer; its text is the name in the API.
type Platform string

// The platforms, in the order in which lists show them.
const (
	WhatsApp  Platform = "WHATSAPP"
	Instagram Platform = "INSTAGRAM"
	Facebook  Platform = "FACEBOOK"
	Google    Platform = "GOOGLE"
	Apple     Platform = "APPLE"
	// Line is the line itself, as a lookup service of the telephone network sees it: its type, whether it is in
	// service. It is checked like a platform and counts in no score.
	Line Platform = "LINE"
)

// Platforms lists the platforms that count in a score, in the order in which lists show them.
func Platforms() []Platform { return []Platform{WhatsApp, Instagram, Facebook, Google, Apple} }

// Checkable lists what a number can be checked on: Platforms, and Line behind them.
func Checkable() []Platform { return append(Platforms(), Line) }

// Valid reports whether p is one that a number can be checked on.
func (p Platform) Valid() bool { return p.Scored() || p == Line }

// Scored reports whether p is one of the platforms that count in a score.
func (p Platform) Scored() bool {
	switch p {
	case WhatsApp, Instagram, Facebook, Google, Apple:
		return true
	}
	return false
}

// Status is what a platform said of a number; its text is the name in the API.
type Status string

// The statuses. Only Active, Inactive and NotFound count in a score.
const (
	Active       Status = "ACTIVE"
	Inactive     Status = "INACTIVE"
	NotFound     Status = "NOT_FOUND"
	RateLimited  Status = "RATE_LIMITED"
	Failed       Status = "ERROR"
	Unknown      Status = "UNKNOWN"
	NotCheckable Status = "NOT_CHECKABLE"
)

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool {
	switch s {
	case Active, Inactive, NotFound, RateLimited, Failed, Unknown, NotCheckable:
		return true
	}
	return false
}

// Answered reports whether the platform gave an answer, be it that nothing can be told. Only RATE_LIMITED and ERROR
// are no answers: they make a check fail.
func (s Status) Answered() bool { return s != RateLimited && s != Failed }

// Tells reports whether the answer tells something of the number.
func (s Status) Tells() bool { return s == Active || s == Inactive || s == NotFound }

// Tier is a class of lead scores.
type Tier string

// The tiers, best first.
const (
	TierPremium Tier = "PREMIUM"
	TierHigh    Tier = "HIGH"
	TierMedium  Tier = "MEDIUM"
	TierLow     Tier = "LOW"
	TierPoor    Tier = "POOR"
	TierUnknown Tier = "UNKNOWN"
)

// Evidence is the newest word of one platform on one number.
type Evidence struct {
	Platform  Platform
	Status    Status
	Strength  float64 // worth of an ACTIVE, 0 to 1
	Method    string
	Simulated bool
	CheckedAt time.Time
	ExpiresAt time.Time // zero: does not run out
}

// Component is what one platform contributed to a score.
type Component struct {
	Platform  Platform
	Weight    float64
	Points    *float64 // nil: the platform does not count
	Status    Status   // "": never checked
	Method    string
	CheckedAt time.Time // zero: never checked
	Reason    string
}

// Score is how good a lead a number is.
type Score struct {
	Total         int     // 0 to 100
	Coverage      float64 // 0 to 1
	Tier          Tier
	Components    []Component // one for each platform of the model, in its order
	Simulated     bool        // any evidence that counts came from the simulator
	EvidenceUntil time.Time   // when the first evidence that counts runs out; zero: never
}
