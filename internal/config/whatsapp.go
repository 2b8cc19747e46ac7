package config

import (
	"time"

	"phoneregistry/registry"
)

// WhatsApp says how notifications of the WhatsApp Business Platform are proven. Without it they are not taken.
type WhatsApp struct {
	WhatsAppToken    string        `name:"whatsapp-verify-token-file" help:"File that holds the token by which Meta registers the webhook /v1/webhooks/whatsapp. Off unless this and the secret are given." type:"path" placeholder:"FILE"`
	WhatsAppSecrets  []string      `name:"whatsapp-app-secret-file" help:"File that holds the secret of the Meta app, which signs notifications. Several, during a rotation: all of them are taken." type:"path" placeholder:"FILE"`
	WhatsAppHoldsFor time.Duration `name:"whatsapp-evidence-holds-for" help:"How long a message that was delivered, read or received shows that its number is on WhatsApp." default:"2160h"`
}

// check reports what is wrong, and fills in the default.
func (w *WhatsApp) check() error {
	if (w.WhatsAppToken == "") != (len(w.WhatsAppSecrets) == 0) {
		return &Error{"--whatsapp-verify-token-file", "", "goes with --whatsapp-app-secret-file: give both or none"}
	}
	if w.WhatsAppHoldsFor == 0 {
		w.WhatsAppHoldsFor = registry.DefaultHoldsFor
	}
	if h := w.WhatsAppHoldsFor; h < registry.MinHoldsFor || h > registry.MaxHoldsFor {
		return &Error{"--whatsapp-evidence-holds-for", h.String(), "must be 1s to 17520h (two years)"}
	}
	return nil
}
