package config

// TLS says with which certificate the public listener answers. Without one it speaks plain HTTP.
type TLS struct {
	TLSCert string `name:"tls-cert" help:"Certificate (PEM, with what leads to its root) of the API and the user interface, which then speak TLS 1.3 only; goes with --tls-key. Read again when it changes." type:"path" placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"Private key (PEM) of --tls-cert." type:"path" placeholder:"FILE"`
}

// check reports one that lacks the other.
func (t *TLS) check() error {
	switch {
	case t.TLSCert == "" && t.TLSKey != "":
		return &Error{"--tls-cert", "", "is required with --tls-key"}
	case t.TLSKey == "" && t.TLSCert != "":
		return &Error{"--tls-key", "", "is required with --tls-cert"}
	}
	return nil
}
