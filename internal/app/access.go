package app

import "phoneregistry/internal/auth"

// newAuth makes what finds out who calls, and runs what ends streams with their tokens.
func (s *Server) newAuth() *auth.Authenticator {
	a := auth.New(auth.Config{Store: s.store, BootstrapToken: s.token, Logger: s.log})
	s.parts.loop("access", a.Run)
	return a
}
