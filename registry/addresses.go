package registry

import "net/netip"

// PublicAddress reports whether an address is one of the public Internet: not of this machine, of a private network or
// of the link, where services of the installation and the metadata of cloud machines are, nor set aside for something
// else. The lists are the special-purpose address registries of IANA (RFC 6890). Addresses of IPv6 that carry one of
// IPv4 are not public, because it could be any.
func PublicAddress(a netip.Addr) bool {
	a = a.Unmap()
	if a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return a.Is4() || globalIPv6.Contains(a)
}

// globalIPv6 is what IANA has given to global unicast so far.
var globalIPv6 = netip.MustParsePrefix("2000::/3") //nolint:gochecknoglobals // a constant

var reserved = []netip.Prefix{ //nolint:gochecknoglobals // a constant
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT, and the metadata of some clouds
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("64:ff9b::/96"),    // carries an address of IPv4
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4: carries an address of IPv4
	netip.MustParsePrefix("3fff::/20"),       // documentation
}
