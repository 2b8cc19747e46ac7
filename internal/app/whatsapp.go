package app

import (
	"fmt"

	"phoneregistry/internal/config"
	"phoneregistry/internal/httpd"
)

// Shortest secrets that are no easy guess.
const (
	minWhatsAppToken  = 8
	minWhatsAppSecret = 16
)

// newWhatsApp reads how the webhook of WhatsApp is proven; nil when it is not wanted.
func newWhatsApp(c config.WhatsApp) (*httpd.WhatsApp, error) {
	if c.WhatsAppToken == "" {
		return nil, nil //nolint:nilnil // off is the answer
	}
	token, err := readWhatsAppSecret("--whatsapp-verify-token-file", c.WhatsAppToken, minWhatsAppToken)
	if err != nil {
		return nil, err
	}
	w := &httpd.WhatsApp{VerifyToken: token, HoldsFor: c.WhatsAppHoldsFor}
	for _, path := range c.WhatsAppSecrets {
		secret, err := readWhatsAppSecret("--whatsapp-app-secret-file", path, minWhatsAppSecret)
		if err != nil {
			return nil, err
		}
		w.AppSecrets = append(w.AppSecrets, secret)
	}
	return w, nil
}

// readWhatsAppSecret reads a secret that must not be empty: whoever guesses it writes into the registry.
func readWhatsAppSecret(field, path string, least int) (string, error) {
	secret, err := readSecret(field, path)
	if err == nil && len(secret) < least {
		err = &config.Error{Field: field, Value: path, Want: fmt.Sprintf("must hold at least %d characters", least)}
	}
	return secret, err
}
