package numbering

// maxNational is the longest national number the library reads; E.164 allows
// less, but a few plans (Germany, Japan) have longer ones.
const maxNational = 17

// digits is a short string of ASCII digits that lives on the stack.
type digits struct {
	n uint8
	d [31]byte
}

func (s *digits) bytes() []byte { return s.d[:s.n] }

// push appends more and reports whether it fitted.
func (s *digits) push(more ...byte) bool {
	if int(s.n)+len(more) > len(s.d) {
		return false
	}
	copy(s.d[s.n:], more)
	s.n += uint8(len(more))
	return true
}

func digitsOf(b ...[]byte) (s digits) {
	for _, part := range b {
		if !s.push(part...) {
			return digits{}
		}
	}
	return s
}

// parse reads digits the way the library's Parse does: international after a plus
// or the default region's exit code, else in the default region, with and without
// its calling code; then the trunk prefix is taken off. The number that it finds
// need not be valid. The reason is "" or why there is no number at all.
func (p *plan) parse(in []byte, plus bool, home *territory) (*callingPlan, digits, Reason) {
	if !plus && home == nil {
		return nil, digits{}, NoRegion
	}
	c, nsn, reason := p.international(in, plus, home)
	if reason == InvalidCountryCode && plus && home != nil {
		// A plus before something that is not international: read on without.
		if c, nsn, reason = p.international(in, false, home); reason == "" && c == nil {
			reason = InvalidCountryCode
		}
	}
	if reason != "" {
		return nil, digits{}, reason
	}
	t := home
	if c == nil {
		c, nsn = p.codes[home.code], in
	} else if home == nil || c.territories[0] != home {
		t = c.territories[0]
	}
	if len(nsn) < 2 {
		return nil, digits{}, TooShort
	}
	if len(nsn) > len(digits{}.d) {
		return nil, digits{}, TooLong
	}
	number := digitsOf(nsn)
	if bare, ok := t.withoutTrunk(nsn); ok {
		// Without the prefix it must still be long enough to be a number.
		if f := t.fit(int(bare.n)); f != fitShort && f != fitsLocal && f != fitsNot {
			number = bare
		}
	}
	if number.n < 2 {
		return nil, digits{}, TooShort
	}
	if number.n > maxNational {
		return nil, digits{}, TooLong
	}
	return c, number, ""
}

// international finds the calling code: after a plus or an exit code, or where a
// number starts with the calling code of the default region and is a better number
// without it. The plan is nil when there is no calling code.
func (p *plan) international(in []byte, plus bool, home *territory) (*callingPlan, []byte, Reason) {
	rest, abroad := in, plus
	if !plus && home != nil && home.ready() {
		if at := home.idd.match(in); at != nil && (at[1] == len(in) || in[at[1]] != '0') {
			rest, abroad = in[at[1]:], true
		}
	}
	if abroad {
		if len(rest) <= 2 {
			return nil, nil, TooShort
		}
		if c, nsn := p.split(rest); c != nil {
			return c, nsn, ""
		}
		return nil, nil, InvalidCountryCode
	}
	if home == nil {
		return nil, in, ""
	}
	c, nsn := p.split(in)
	if c == nil || c.code != home.code {
		return nil, in, ""
	}
	bare, ok := home.withoutTrunk(nsn)
	if !ok {
		bare = digitsOf(nsn)
	}
	if (!home.general(in) && home.general(bare.bytes())) || home.fit(len(in)) == fitLong {
		// The library tries the trunk prefix here and once more in parse.
		return c, append([]byte(nil), bare.bytes()...), ""
	}
	return nil, in, ""
}

// withoutTrunk takes off the territory's trunk prefix, and carrier code, or
// rewrites what is dialled into what is the number (Argentina's 15). It reports
// false when there is no prefix, or when it is part of a number that fits the plan
// as it stands and would not fit without.
func (t *territory) withoutTrunk(nsn []byte) (digits, bool) {
	if !t.ready() {
		return digits{}, false
	}
	at := t.trunk.match(nsn)
	if at == nil {
		return digits{}, false
	}
	bare := digitsOf(nsn[at[1]:])
	last := len(at) - 2
	if rule := t.meta.GetNationalPrefixTransformRule(); rule != "" && last > 0 && at[last] >= 0 {
		changed := t.trunk.exact.Expand(nil, []byte(rule), append([]byte(nil), nsn...), at)
		bare = digitsOf(changed, nsn[at[1]:])
	}
	if t.general(nsn) && !t.general(bare.bytes()) {
		return digits{}, false
	}
	return bare, true
}
