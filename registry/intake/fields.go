package intake

import "strings"

// Split cuts the text of one record into its fields, by the rules by which scan finds its end: quotes around a field
// and the blanks outside them are taken away, doubled quotes inside are halved, text behind a closing quote is kept.
// Fields without quotes are kept as they are, blanks included.
func (d Dialect) Split(text string) []string {
	if strings.IndexByte(text, '"') < 0 {
		if d.Delimiter == NoDelimiter {
			return []string{text}
		}
		return strings.Split(text, string(d.Delimiter))
	}
	fields := make([]string, 0, 16)
	for {
		field, rest, found := d.cut(text)
		fields = append(fields, field)
		if !found {
			return fields
		}
		text = rest
	}
}

// cut takes the first field off a text.
func (d Dialect) cut(text string) (field, rest string, found bool) {
	s := 0
	for s < len(text) && d.blank(text[s]) {
		s++
	}
	if s == len(text) || text[s] != '"' {
		return d.cutPlain(text)
	}
	quoted := text[s+1:]
	end, halve := len(quoted), false
	for p := 0; p < len(quoted); p++ {
		i := strings.IndexByte(quoted[p:], '"')
		if i < 0 {
			break
		}
		p += i
		if p+1 == len(quoted) || quoted[p+1] != '"' {
			end = p
			break
		}
		halve = true
		p++
	}
	field = quoted[:end]
	if halve {
		field = strings.ReplaceAll(field, `""`, `"`)
	}
	if end == len(quoted) {
		return field, "", false
	}
	tail, rest, found := d.cutPlain(quoted[end+1:])
	if t := strings.TrimFunc(tail, func(c rune) bool { return c < 0x80 && d.blank(byte(c)) }); t != "" {
		field += strings.TrimRight(tail, " \t\r")
	}
	return field, rest, found
}

func (d Dialect) cutPlain(text string) (field, rest string, found bool) {
	if d.Delimiter == NoDelimiter {
		return text, "", false
	}
	return strings.Cut(text, string(d.Delimiter))
}
