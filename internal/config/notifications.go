package config

// Notifications says where webhooks may be.
type Notifications struct {
	WebhookAllowPrivate bool `name:"webhook-allow-private" help:"Let webhooks be at private addresses and be called without TLS, for receivers in one's own network. Without it only public addresses are called, over https."`
}
