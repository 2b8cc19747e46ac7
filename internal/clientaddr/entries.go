package clientaddr

import (
	"net/netip"
	"strings"
)

// maxEntry is how many bytes of an entry are read; with more it is no good one. One of Forwarded may name a host too.
const maxEntry = 512

// entries takes the entries of a header from the end, which the nearest proxy has written. What lies left of an entry
// has no influence on how it is read, so that a client can't spoil what proxies add to its header.
type entries struct {
	lines     []string // that are not begun yet
	line      string   // what is left of the line that is being read
	begun     bool
	forwarded bool
}

// last returns the address in the last entry that was not taken yet; !ok when there is none, or no address in it. Then
// there is nothing more to take.
func (e *entries) last() (address netip.Addr, ok bool) {
	if !e.begun {
		if len(e.lines) == 0 {
			return address, false
		}
		end := len(e.lines) - 1
		e.line, e.lines, e.begun = e.lines[end], e.lines[:end], true
	}
	comma, ok := lastComma(e.line, e.forwarded)
	if !ok {
		return address, false
	}
	entry := trim(e.line[comma+1:])
	e.line, e.begun = e.line[:max(comma, 0)], comma >= 0
	if e.forwarded {
		if entry, ok = forNode(entry); !ok {
			return address, false
		}
	}
	return parse(entry)
}

// lastComma returns where the last comma is, outside of quotes where there may be some; -1 when there is none. !ok when
// the entry behind it is too long, or its quotes are not in order.
func lastComma(line string, quotes bool) (at int, ok bool) {
	quoted := false
	for i := len(line) - 1; i >= 0; i-- {
		switch c := line[i]; {
		case c == ',' && !quoted:
			return i, true
		case len(line)-i > maxEntry:
			return 0, false
		case c == '"' && quotes:
			if i > 0 && line[i-1] == '\\' { // no address has such a thing, and from the end it can't be told what it means
				return 0, false
			}
			quoted = !quoted
		}
	}
	return -1, !quoted
}

// forNode returns what an entry of Forwarded has as "for". !ok when it has none, or two, or is not well-formed.
func forNode(entry string) (node string, ok bool) {
	for rest := entry; ; {
		name, value, found := strings.Cut(rest, "=")
		if !found {
			return "", false
		}
		if value, rest, found = cutValue(value); !found {
			return "", false
		}
		if strings.EqualFold(trim(name), "for") {
			if ok {
				return "", false
			}
			node, ok = value, true
		}
		if rest = trim(rest); rest == "" {
			return node, ok
		}
		if rest[0] != ';' {
			return "", false
		}
		rest = rest[1:]
	}
}

// cutValue takes a value, in quotes or not, from the beginning of the rest of an entry.
func cutValue(s string) (value, rest string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = strings.Cut(s[1:], `"`)
		return value, rest, ok && !strings.Contains(value, `\`)
	}
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	value = trim(s[:end])
	return value, s[end:], !strings.Contains(value, `"`)
}

// parse reads an address, of IPv6 with brackets or without, with a port or without.
func parse(s string) (address netip.Addr, ok bool) {
	v4, v6 := true, true
	switch {
	case strings.HasPrefix(s, "["):
		var port string
		if s, port, ok = strings.Cut(s[1:], "]"); !ok || port != "" && (port[0] != ':' || !isPort(port[1:])) {
			return address, false
		}
		v4 = false
	case strings.Count(s, ":") == 1:
		var port string
		if s, port, _ = strings.Cut(s, ":"); !isPort(port) {
			return address, false
		}
		v6 = false
	}
	s, zone, zoned := strings.Cut(s, "%")
	address, err := netip.ParseAddr(s)
	if err != nil || zoned && (zone == "" || address.Is4()) || address.Is4() && !v4 || address.Is6() && !v6 {
		return netip.Addr{}, false
	}
	return plain(address), true
}

// isPort tells a port from other text: a number, or one of the names that RFC 7239 lets proxies make up.
func isPort(s string) bool {
	digits := strings.TrimLeft(s, "0123456789") == ""
	return s != "" && (digits && len(s) <= 5 || s[0] == '_' && len(s) > 1)
}

func trim(s string) string { return strings.Trim(s, " \t") }
