package numbering

import (
	"testing"
	"unicode"
)

// TestEveryDigitOfUnicode: each decimal digit folds to its value.
func TestEveryDigitOfUnicode(t *testing.T) {
	seen := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		zero := r
		for unicode.Is(unicode.Nd, zero-1) && zero > r-9 {
			zero--
		}
		got := foldRune(r)
		if !isDigit(got) {
			t.Errorf("%U folds to %q", r, got)
		}
		seen++
	}
	if seen < 600 || seen%10 != 0 {
		t.Errorf("%d digits in Unicode: they no longer come in tens", seen)
	}
	for _, zero := range []rune{'0', '٠', '۰', '߀', '०', '০', '๐', '０', '𝟎', '𝟘', '𞥐'} {
		for i := range rune(10) {
			if got := foldRune(zero + i); got != byte('0'+i) {
				t.Errorf("%U folds to %q, want %d", zero+i, got, i)
			}
		}
	}
}

func TestFoldName(t *testing.T) {
	for in, want := range map[string]string{
		"Bogotá, D.C.": "bogota d c", "  ITAGÜÍ ": "itagui", "Cañasgordas": "canasgordas", "San José\u0301 de  Cúcuta": "san jose de cucuta",
		"Ｃａｌｉ": "cali", "": "", "—": "", "5 de Mayo": "5 de mayo",
	} {
		if got := foldName(in); got != want {
			t.Errorf("%q folds to %q, want %q", in, got, want)
		}
	}
}

// TestFoldIsTotal: every character folds to a digit, a letter or a mark that the
// scan knows, never to a byte beyond ASCII.
func TestFoldIsTotal(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if b := foldRune(r); b > foreignLetter || (b < ' ' && b != dropRune && b != '\n') {
			t.Fatalf("%U folds to %#x", r, b)
		}
	}
}
