package workers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
)

// cleanDetails makes details from outside fit to be stored as jsonb, which takes less than JSON allows: no NUL, no half
// of a surrogate pair, no number beyond all bounds; and to be shown to everybody: without the phone number that they are
// of, nor what looks like another. Its errors do not tell what the details hold.
func cleanDetails(raw json.RawMessage, of numbering.Number) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if len(raw) > 8*bus.MaxDetailsBytes {
		return nil, errTooLarge
	}
	var object map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		return nil, errors.New("details are not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("details hold more than one JSON object")
	}
	if !storable(object) {
		return nil, errors.New("details hold a NUL character or a number beyond all bounds")
	}
	clean, err := bus.Encode(hidden(object, tailOf(of)))
	if err != nil {
		return nil, errors.New("details cannot be written as JSON")
	}
	if len(clean) > bus.MaxDetailsBytes {
		return nil, errTooLarge
	}
	return clean, nil
}

var errTooLarge = fmt.Errorf("details are larger than %d bytes", bus.MaxDetailsBytes)

func storable(value any) bool {
	switch v := value.(type) {
	case string:
		return !strings.ContainsRune(v, 0)
	case json.Number:
		_, err := v.Float64()
		return err == nil
	case []any:
		for _, element := range v {
			if !storable(element) {
				return false
			}
		}
	case map[string]any:
		for key, element := range v {
			if !storable(key) || !storable(element) {
				return false
			}
		}
	}
	return true
}

// tailDigits is how many of its last digits tell a number in a text, however it is written there: with its country code
// or without, with signs between them, as a number of JSON.
const tailDigits = 7

// tailOf is by what a number is told in a text: its last digits, without the country code of a short one.
func tailOf(n numbering.Number) string {
	digits := strconv.FormatInt(int64(n), 10)
	if code := n.CallingCode(); code > 0 {
		digits = digits[len(strconv.Itoa(code)):]
	}
	return digits[max(0, len(digits)-tailDigits):]
}

// holdsTail reports whether a text holds a number, whatever stands between its digits.
func holdsTail(text, tail string) bool {
	if len(text) < len(tail) {
		return false
	}
	digits := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' {
			digits = append(digits, c)
		}
	}
	return bytes.Contains(digits, []byte(tail))
}

// hidden is a JSON value in which a mark stands for each text or number that holds a phone number.
func hidden(value any, tail string) any {
	switch v := value.(type) {
	case string:
		return hiddenText(v, tail)
	case json.Number:
		if holdsTail(string(v), tail) {
			return numberMark
		}
	case []any:
		for i := range v {
			v[i] = hidden(v[i], tail)
		}
	case map[string]any:
		for key, element := range v {
			v[key] = hidden(element, tail)
			if shown := hiddenText(key, tail); shown != key {
				v[shown] = v[key]
				delete(v, key)
			}
		}
	}
	return value
}

// hiddenText hides a text also for what begins like a number of somebody else: a plus sign and enough digits.
func hiddenText(text, tail string) string {
	if holdsTail(text, tail) {
		return numberMark
	}
	for at := strings.IndexByte(text, '+'); at >= 0; {
		if _, digits := numberRun(text[at:]); digits >= fewestDigits {
			return numberMark
		}
		next := strings.IndexByte(text[at+1:], '+')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return text
}
