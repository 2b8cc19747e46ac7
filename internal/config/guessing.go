package config

import "fmt"

// Guessing bounds those who try tokens. Who sends a valid one is never held up.
type Guessing struct {
	AuthFailures int `help:"Tokens and tickets that are not valid, from one address (of IPv6: one network of 64 bits) in a minute, before more are answered 429; 0 for no limit." default:"60"`
}

func (g *Guessing) check() error {
	if g.AuthFailures < 0 || g.AuthFailures > maxRate {
		return &Error{"--auth-failures", fmt.Sprint(g.AuthFailures), fmt.Sprintf("must be 0 to %d", maxRate)}
	}
	return nil
}
