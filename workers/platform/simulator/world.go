package simulator

import (
	"hash/fnv"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// line is a class of numbers that answer alike.
type line int

const (
	mobileCO line = iota
	mobileMX
	mobileUS
	mobileElsewhere
	fixed // a fixed line anywhere: an office, a shop, a landline at home
	lines
)

// shares is how the numbers of a class answer on a platform, in parts of a thousand. What is left is NOT_FOUND.
type shares struct{ active, inactive, unknown, notCheckable int }

// neverNo reports whether the platform never says that there is no account.
func (s shares) neverNo() bool { return s.active+s.inactive+s.unknown == 1000 }

// answers returns how each class of numbers answers on a platform. The figures are made up to look plausible: which
// platforms people use differs by country, and a fixed line is rarely on any of them.
func answers(p scoring.Platform) [lines]shares {
	switch p {
	case scoring.WhatsApp:
		return [lines]shares{mobileCO: {880, 25, 5, 0}, mobileMX: {860, 30, 5, 0}, mobileUS: {330, 40, 10, 0}, mobileElsewhere: {620, 40, 10, 0}, fixed: {45, 5, 5, 0}}
	case scoring.Instagram:
		return [lines]shares{mobileCO: {470, 90, 120, 0}, mobileMX: {450, 95, 120, 0}, mobileUS: {520, 80, 110, 0}, mobileElsewhere: {400, 90, 120, 0}, fixed: {20, 5, 40, 0}}
	case scoring.Facebook:
		return [lines]shares{mobileCO: {610, 140, 60, 0}, mobileMX: {660, 130, 50, 0}, mobileUS: {540, 150, 60, 0}, mobileElsewhere: {480, 140, 60, 0}, fixed: {60, 10, 30, 0}}
	case scoring.Google: // a capability check: that a number does not answer tells nothing
		return [lines]shares{mobileCO: {520, 0, 480, 0}, mobileMX: {560, 0, 440, 0}, mobileUS: {450, 0, 550, 0}, mobileElsewhere: {420, 0, 580, 0}, fixed: {0, 0, 1000, 0}}
	default: // Apple
		return [lines]shares{mobileCO: {130, 20, 90, 0}, mobileMX: {210, 25, 90, 0}, mobileUS: {550, 30, 60, 0}, mobileElsewhere: {260, 25, 90, 0}, fixed: {2, 0, 8, 900}}
	}
}

// unusedShare is the share of mobile numbers, in parts of a thousand, that nobody uses: they are on no platform.
const unusedShare = 60

// classify tells the class of a number by its digits. Mexico and North America do not tell mobile from fixed lines by
// number, and of other countries nothing is known here: there the hash decides, at the same share for every seed.
func classify(n numbering.Number, hash uint64) line {
	const ten = 10_000_000_000 // ten national digits
	chance := int(hash % 1000)
	national := n % ten
	switch n / ten {
	case 57:
		return either(national/1_000_000_000 == 3, mobileCO)
	case 52:
		return either(chance < 800, mobileMX)
	case 1:
		return either(chance < 720 && !tollFree(int(national/10_000_000)), mobileUS)
	}
	return either(chance < 700, mobileElsewhere)
}

func either(mobile bool, class line) line {
	if mobile {
		return class
	}
	return fixed
}

func tollFree(area int) bool {
	switch area {
	case 800, 833, 844, 855, 866, 877, 888:
		return true
	}
	return false
}

// salt makes a platform's answers independent of those of the others.
func salt(p scoring.Platform) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p)) // never fails
	return h.Sum64()
}

// mix spreads the bits of x evenly: the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom
// Number Generators, OOPSLA 2014). It must stay as it is: the answers hang on it.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// share turns a hash into an even share from 0 to less than 1.
func share(hash uint64) float64 { return float64(hash>>11) / (1 << 53) }
