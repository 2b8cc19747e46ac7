package numbering

import (
	"unicode"
	"unicode/utf8"
)

// Byte classes that folding makes of what is not plain ASCII.
const (
	foreignLetter = 0x7f // a letter without an ASCII base
	dropRune      = 0    // takes no place: zero-width, bidirectional, combining
	otherSymbol   = ';'  // anything else parts two numbers
)

// foldRune maps a character to the one ASCII byte that stands for it here: every
// decimal digit of Unicode to its value, letters to lower case without accents,
// the many dashes, spaces and brackets to the plain one.
func foldRune(r rune) byte {
	switch {
	case r < utf8.RuneSelf:
		return foldASCII(byte(r))
	case unicode.Is(unicode.Nd, r):
		return digitOf(r)
	case r >= 'Ａ' && r <= 'Ｚ':
		return byte(r-'Ａ') + 'a'
	case r >= 'ａ' && r <= 'ｚ':
		return byte(r-'ａ') + 'a'
	case unicode.IsLetter(r):
		return foldLetter(r)
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
		return dropRune
	case r == '\u2028', r == '\u2029', r == '\u0085':
		return '\n'
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Pd, r):
		return '-'
	}
	return foldSymbol(r)
}

func foldASCII(b byte) byte {
	switch {
	case b >= 'A' && b <= 'Z':
		return b + 'a' - 'A'
	case b == '\r' || b == '\v' || b == '\f':
		return '\n'
	case b == '\t' || b == '\'' || b == '"' || b == '=' || b == '`':
		return ' '
	case b == '[' || b == '{':
		return '('
	case b == ']' || b == '}':
		return ')'
	case b == '~' || b == '_':
		return '-'
	case b < ' ' || b == foreignLetter:
		return otherSymbol
	}
	return b
}

func foldSymbol(r rune) byte {
	switch r {
	case '＋', '﹢':
		return '+'
	case '−', '∼', '～', '⁓':
		return '-'
	case '／', '⁄', '∕':
		return '/'
	case '．', '·', '․':
		return '.'
	case '（', '［', '【':
		return '('
	case '）', '］', '】':
		return ')'
	case '，', '、', '､':
		return ','
	case '＃':
		return '#'
	case '：':
		return ':'
	case '‘', '’', '“', '”', '´':
		return ' '
	}
	return otherSymbol
}

// foldLetter takes the marks off a letter. Three Cyrillic ones are there because
// they spell the Russian word for extension.
func foldLetter(r rune) byte {
	switch r {
	case 'á', 'à', 'â', 'ã', 'ä', 'å', 'ā', 'ă', 'ą', 'Á', 'À', 'Â', 'Ã', 'Ä', 'Å', 'Ā', 'Ă', 'Ą', 'ª':
		return 'a'
	case 'б':
		return 'b'
	case 'ç', 'ć', 'č', 'Ç', 'Ć', 'Č':
		return 'c'
	case 'ď', 'đ', 'Ď', 'Đ', 'д':
		return 'd'
	case 'é', 'è', 'ê', 'ë', 'ē', 'ę', 'ě', 'É', 'È', 'Ê', 'Ë', 'Ē', 'Ę', 'Ě':
		return 'e'
	case 'ğ', 'Ğ':
		return 'g'
	case 'í', 'ì', 'î', 'ï', 'ī', 'ı', 'İ', 'Í', 'Ì', 'Î', 'Ï', 'Ī':
		return 'i'
	case 'ł', 'Ł':
		return 'l'
	case 'ñ', 'ń', 'ň', 'Ñ', 'Ń', 'Ň':
		return 'n'
	case 'ó', 'ò', 'ô', 'õ', 'ö', 'ø', 'ō', 'ő', 'Ó', 'Ò', 'Ô', 'Õ', 'Ö', 'Ø', 'Ō', 'Ő', 'о', 'º':
		return 'o'
	case 'ř', 'Ř':
		return 'r'
	case 'ś', 'ş', 'š', 'ß', 'Ś', 'Ş', 'Š':
		return 's'
	case 'ţ', 'ť', 'Ţ', 'Ť':
		return 't'
	case 'ú', 'ù', 'û', 'ü', 'ū', 'ů', 'ű', 'Ú', 'Ù', 'Û', 'Ü', 'Ū', 'Ů', 'Ű':
		return 'u'
	case 'ý', 'ÿ', 'Ý', 'Ÿ':
		return 'y'
	case 'ź', 'ż', 'ž', 'Ź', 'Ż', 'Ž':
		return 'z'
	}
	return foreignLetter
}

// digitOf returns the value of a decimal digit as ASCII. Unicode assigns decimal
// digits in runs of ten that begin with the zero.
func digitOf(r rune) byte {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte('0' + (r-rune(t.Lo))%10)
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte('0' + (r-rune(t.Lo))%10)
		}
	}
	return otherSymbol
}

// foldName folds the name of a place for look-up: letters and digits, words with
// one blank between.
func foldName(name string) string {
	out := make([]byte, 0, len(name))
	gap := false
	for _, r := range name {
		b := foldRune(r)
		switch {
		case b == dropRune:
		case isLetter(b) || isDigit(b):
			if gap && len(out) > 0 {
				out = append(out, ' ')
			}
			gap = false
			out = append(out, b)
		default:
			gap = true
		}
	}
	return string(out)
}

func isDigit(b byte) bool  { return b-'0' <= 9 }
func isLetter(b byte) bool { return b-'a' <= 'z'-'a' || b == foreignLetter }
