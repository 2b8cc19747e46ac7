package clientaddr

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxTrusted is how many networks may be named: each request is compared with them, one by one.
const maxTrusted = 256

// SettingError says which value of a setting is wrong, and what would be right.
type SettingError struct{ Value, Want string }

func (w *SettingError) Error() string { return fmt.Sprintf("%q %s", w.Value, w.Want) }

// named are networks that have a name.
func named(name string) []netip.Prefix {
	switch strings.ToLower(name) {
	case "loopback":
		return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	case "private": // RFC 1918 and RFC 4193
		return []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
			netip.MustParsePrefix("fc00::/7"),
		}
	}
	return nil
}

// New returns the proxies at the given addresses: networks such as 10.1.0.0/16, single addresses, loopback or private.
// header is the one header that they write; "" is XForwardedFor. The error is a *SettingError.
func New(trusted []string, header string) (Proxies, error) {
	if header == "" {
		header = XForwardedFor
	}
	if header != XForwardedFor && header != Forwarded {
		return Proxies{}, &SettingError{header, "must be " + XForwardedFor + " or " + Forwarded}
	}
	p := Proxies{header: header}
	for _, text := range trusted {
		networks, err := networks(strings.TrimSpace(text))
		if err != nil {
			return Proxies{}, err
		}
		for _, n := range networks {
			if !slices.Contains(p.trusted, n) {
				p.trusted = append(p.trusted, n)
			}
		}
	}
	if len(p.trusted) > maxTrusted {
		return Proxies{}, &SettingError{fmt.Sprint(len(p.trusted)), fmt.Sprintf("networks are too many: name at most %d", maxTrusted)}
	}
	return p, nil
}

// networks reads one value of the setting.
func networks(text string) ([]netip.Prefix, error) {
	if known := named(text); known != nil {
		return known, nil
	}
	if address, err := netip.ParseAddr(text); err == nil {
		if address.Zone() != "" {
			return nil, &SettingError{text, "must not have a zone: name the address without it"}
		}
		address = plain(address)
		return []netip.Prefix{netip.PrefixFrom(address, address.BitLen())}, nil
	}
	given, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, &SettingError{text, "must be an address, a network such as 10.1.0.0/16 or 2001:db8::/48, loopback or private"}
	}
	network := given
	if given.Addr().Is4In6() && given.Bits() >= 96 {
		network = netip.PrefixFrom(given.Addr().Unmap(), given.Bits()-96)
	}
	switch {
	case network.Bits() == 0:
		return nil, &SettingError{text, "would believe everybody: name the addresses of the proxies alone"}
	case network.Masked() != network:
		return nil, &SettingError{text, fmt.Sprintf("must be the network %s, or the address %s", network.Masked(), network.Addr())}
	}
	return []netip.Prefix{network}, nil
}
