package numbering

import "github.com/nyaruka/phonenumbers/v2/metadata"

// ShownDigits returns how many of the first digits of a prefix show in the masked form of every number that can begin
// with it: what may be told of masked numbers. The digits come without a plus.
func ShownDigits(prefix string) int {
	digits := []byte(prefix)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0
		}
	}
	code := callingCodeLength(digits)
	switch {
	case code == 0 && len(digits) < 3: // the calling code is not told to its end
		return len(digits)
	case code == 0 || hasShortNumbers(digits[:code]):
		return min(code, len(digits))
	}
	return min(code+maskedFront, len(digits))
}

// hasShortNumbers reports whether numbers of a calling code can be so short that only the code shows.
func hasShortNumbers(digits []byte) bool {
	code := 0
	for _, d := range digits {
		code = code*10 + int(d-'0')
	}
	for _, id := range metadata.CountryCodeToRegion()[code] {
		meta, ok := metadata.RegionMetadata(id)
		if id == nonGeographic {
			meta, ok = metadata.NonGeoMetadata(code)
		}
		if !ok {
			return true
		}
		for _, n := range meta.GetGeneralDesc().GetPossibleLength() {
			if n > 0 && n < maskedShortest {
				return true
			}
		}
	}
	return false
}
