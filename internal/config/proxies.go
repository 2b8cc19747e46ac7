package config

import (
	"errors"

	"phoneregistry/internal/clientaddr"
)

// Proxies says which reverse proxies are before the public listener.
type Proxies struct {
	TrustedProxies []string `help:"Reverse proxies that are believed when they tell from which address a client comes: addresses, networks such as 10.1.0.0/16, loopback or private; several with commas. Default: none." placeholder:"CIDR"`
	ProxyHeader    string   `help:"The header in which they tell it, and which no client can send past them: ${enum}." enum:"X-Forwarded-For,Forwarded" default:"X-Forwarded-For"`
}

// Trusted returns who is believed, and in which header.
func (p *Proxies) Trusted() (clientaddr.Proxies, error) {
	trusted, err := clientaddr.New(p.TrustedProxies, p.ProxyHeader)
	if wrong, ok := errors.AsType[*clientaddr.SettingError](err); ok {
		return trusted, &Error{"--trusted-proxies", wrong.Value, wrong.Want}
	}
	return trusted, err
}

func (p *Proxies) check() error {
	_, err := p.Trusted()
	return err
}
