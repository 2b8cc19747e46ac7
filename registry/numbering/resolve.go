package numbering

// A form is how digits were written.
type form struct {
	plus bool
	// exit is how many digits stand apart in front; an exit code with its carrier
	// written apart ("009 1 415…") is meant as such.
	exit int
}

// A reading is what a query was found to be. It is valid when reason is "".
type reading struct {
	code     *callingPlan
	nsn      digits
	home     *territory // where the number belongs
	lineType LineType
	rule     string
	reason   Reason
	possible bool
}

func (r *reading) valid() bool { return r.reason == "" && r.code != nil }

// number returns the E.164 number of a reading.
func (r *reading) number() Number {
	n := Number(r.code.code)
	for _, d := range r.nsn.bytes() {
		n = n*10 + Number(d-'0')
	}
	return n
}

// resolve reads one written number. Readings are tried from the plainest to the
// most inventive, and the first that the numbering plan knows wins: as it stands,
// by the region's dialling rules, by a rewrite rule, as a local number. home is the
// default region and may be nil; without areas local numbers are not completed.
func (z *Normalizer) resolve(in []byte, how form, home *territory, areas *areaHint) reading {
	if len(in) == 0 {
		return reading{reason: NotANumber}
	}
	if len(in) >= 5 && sameDigits(in) {
		return reading{reason: RepeatedDigits}
	}
	if how.plus && len(in) > 2 && in[0] == '0' && in[1] == '0' {
		in = in[2:] // +0057…
	}
	var r reading
	if how.plus {
		if r = z.exact(in); r.valid() {
			return r
		}
		r = z.native(in, true, home)
	} else {
		r = z.national(in, how.exit, home)
	}
	if r.valid() {
		return r
	}
	if fixed := z.byRule(in, how.plus, home, &r); fixed.valid() {
		return fixed
	}
	if areas != nil && home != nil {
		full := z.byArea(in, how.plus, home, areas)
		if full.valid() {
			return full
		}
		if r.reason == NoArea {
			r.reason = full.reason
		}
	}
	return r
}

// national reads a number without a plus. Two leading zeros are the world's usual
// exit code; where the region's own plan makes something else of them (in Colombia
// 00 and a carrier's digit: 0057… would be a call to Russia) they still stand for a
// plus, if that gives a valid number and the carrier is not written apart.
func (z *Normalizer) national(in []byte, exit int, home *territory) reading {
	native := z.native(in, false, home)
	if len(in) < 2+MinDigits || in[0] != '0' || in[1] != '0' {
		return native
	}
	if native.valid() && exit > 2 && isExitCode(in[:exit], home) {
		return native
	}
	abroad := z.exact(in[2:])
	if !abroad.valid() {
		abroad = z.native(in[2:], true, nil)
	}
	if !abroad.valid() {
		if native.valid() {
			return native
		}
		if fixed := z.byRule(in[2:], true, nil, &abroad); fixed.valid() {
			return fixed
		}
		return native
	}
	if !native.valid() || native.number() != abroad.number() {
		abroad.rule = ruleIDD00
	}
	return abroad
}

// isExitCode tells whether digits are, as a whole, a way out of the region.
func isExitCode(digits []byte, home *territory) bool {
	if home == nil || !home.ready() {
		return false
	}
	at := home.idd.match(digits)
	return at != nil && at[1] == len(digits)
}

// exact reads international digits as they stand, without looking for a trunk
// prefix. So a number in E.164 form is always itself.
func (z *Normalizer) exact(in []byte) reading {
	c, nsn := z.plan.split(in)
	if c == nil || len(nsn) < 2 || len(nsn) > maxNational {
		return reading{reason: InvalidCountryCode}
	}
	return judge(c, digitsOf(nsn), "")
}

// native reads digits as the library does.
func (z *Normalizer) native(in []byte, plus bool, home *territory) reading {
	c, nsn, reason := z.plan.parse(in, plus, home)
	if reason != "" {
		return reading{reason: reason}
	}
	return judge(c, nsn, "")
}

// judge asks the plan about a national number and says why it is not valid.
func judge(c *callingPlan, nsn digits, rule string) reading {
	r := reading{code: c, nsn: nsn, lineType: Unknown, rule: rule}
	main := c.territories[0]
	f := main.fit(int(nsn.n))
	r.possible = f == fits || f == fitsLocal
	if t, lt := c.classify(nsn.bytes()); lt != Unknown {
		switch total := codeLength(c.code) + int(nsn.n); {
		case total > MaxDigits:
			r.reason = TooLong
		case total < MinDigits:
			r.reason = TooShort
		case sameDigits(nsn.bytes()):
			r.reason = RepeatedDigits
		default:
			r.home, r.lineType, r.possible = t, lt, true
		}
		return r
	}
	switch f {
	case fits:
		r.reason = InvalidForRegion
	case fitsLocal:
		r.reason = NoArea
		if nsn.n < 5 {
			r.reason = TooShort
		}
	case fitShort:
		r.reason = TooShort
	case fitLong:
		r.reason = TooLong
	default:
		r.reason = InvalidLength
	}
	return r
}

// byRule tries the rewrite rules of the country: on the digits as written after
// the country code, and on what the library made of them (so far).
func (z *Normalizer) byRule(in []byte, plus bool, home *territory, sofar *reading) reading {
	c, nsn := z.plan.split(in)
	withCode := plus
	if !plus {
		if home == nil {
			return reading{reason: NoRegion}
		}
		if c == nil || c.code != home.code {
			c, nsn = z.plan.codes[home.code], nil
		} else {
			withCode = true
		}
	}
	if c == nil {
		return reading{reason: InvalidCountryCode}
	}
	rules := z.rules.byCode[c.code]
	for i := range rules {
		rule := &rules[i]
		if !plus && rule.Form == "" {
			if r := z.try(rule, c, in); r.valid() {
				return r
			}
		}
		if withCode {
			if r := z.try(rule, c, nsn); r.valid() {
				return r
			}
		}
		if sofar.code == c && (rule.Form == "" || plus || int(sofar.nsn.n) < len(in)) {
			if r := z.try(rule, c, sofar.nsn.bytes()); r.valid() {
				return r
			}
		}
	}
	return reading{reason: InvalidForRegion}
}

func (z *Normalizer) try(rule *compiledRule, c *callingPlan, nsn []byte) reading {
	if rewritten, ok := rule.rewrite(nsn, ""); ok {
		return judge(c, rewritten, rule.ID)
	}
	return reading{reason: InvalidForRegion}
}

// byArea completes a local number with the first of the known areas that makes it
// valid. The reason is NoArea when none is known.
func (z *Normalizer) byArea(in []byte, plus bool, home *territory, areas *areaHint) reading {
	c, nsn := z.plan.split(in)
	if c == nil || c.code != home.code {
		if plus {
			return reading{reason: InvalidForRegion}
		}
		nsn = nil
	}
	local := z.rules.local[home.id]
	main := z.plan.codes[home.code]
	none := NoArea
	for _, area := range areas.candidates(z, home) {
		none = InvalidForRegion
		for i := range local {
			for _, written := range [...][]byte{in, nsn} {
				if written == nil || (plus && len(written) == len(in)) {
					continue
				}
				full, ok := local[i].rewrite(written, area)
				if !ok {
					continue
				}
				if r := judge(main, full, local[i].ID); r.valid() {
					return r
				}
			}
		}
		if len(local) == 0 && !plus && in[0] != '0' && len(area) > 0 && home.fit(len(in)) != fitLong {
			full := digitsOf([]byte(area), in)
			if full.n == 0 {
				continue
			}
			if r := z.native(full.bytes(), false, home); r.valid() && r.code == main {
				r.rule = ruleAreaLocal
				return r
			}
		}
	}
	return reading{reason: none}
}

func codeLength(code int) int {
	switch {
	case code < 10:
		return 1
	case code < 100:
		return 2
	}
	return 3
}

func sameDigits(b []byte) bool {
	for _, d := range b {
		if d != b[0] {
			return false
		}
	}
	return true
}
