package numbering

import "strings"

// maxWireDigits is the length of the longest account name that is looked at: an
// E.164 number and a digit that a migration has taken away since.
const maxWireDigits = MaxDigits + 1

// Wire reads the digits by which a messaging service names an account, country
// code first, with or without a plus. Services keep forms that the numbering plan
// has given up (521… in Mexico, mobile numbers of Brazil without their 9) or leave
// a part out (the 9 of Argentina).
//
// The likely reading comes first; behind it those that the wire rules of the
// country make of the same digits, where another number is meant as often. Only
// valid numbers are returned: none when the name is no number.
func (z *Normalizer) Wire(id string) []Result {
	id = strings.TrimPrefix(id, "+")
	if len(id) < MinDigits || len(id) > maxWireDigits || strings.Trim(id, "0123456789") != "" || id[0] == '0' {
		return nil
	}
	var found []Result
	if first := z.Normalize("+"+id, Options{}); first.IsValid {
		found = append(found, first)
	}
	c, nsn := z.plan.split([]byte(id))
	if c == nil {
		return found
	}
	rules := z.rules.wire[c.code]
	for i := range rules {
		read := z.try(&rules[i], c, nsn)
		if !read.valid() {
			continue
		}
		other := z.Describe(read.number())
		other.Input, other.AppliedRule = id, rules[i].ID
		found = append(found, other)
	}
	return found
}
