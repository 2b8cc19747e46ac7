package config

// NATSTLS says whom to trust and who one is on the way to NATS. A tls:// address alone uses the roots of the system.
type NATSTLS struct {
	NATSCA   string `name:"nats-ca" help:"Certificates (PEM) that NATS may be signed by, in place of those of the system." type:"path" placeholder:"FILE"`
	NATSCert string `name:"nats-cert" help:"Certificate (PEM) to show to NATS; goes with --nats-key." type:"path" placeholder:"FILE"`
	NATSKey  string `name:"nats-key" help:"Private key (PEM) of --nats-cert." type:"path" placeholder:"FILE"`
}

// check says what is wrong; external tells whether NATS is a server of its own.
func (t *NATSTLS) check(external bool) error {
	switch {
	case t.NATSCert == "" && t.NATSKey != "":
		return &Error{"--nats-cert", "", "is required with --nats-key"}
	case t.NATSKey == "" && t.NATSCert != "":
		return &Error{"--nats-key", "", "is required with --nats-cert"}
	case !external && (t.NATSCA != "" || t.NATSCert != ""):
		return &Error{"--nats-url", "", "is required with --nats-ca and --nats-cert"}
	}
	return nil
}
