package transport

import "encoding/json"

// message is a message of the protocol, in both directions.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// append appends the message as JSON. Its payload is JSON already, and not looked at again.
func (m message) append(b []byte) []byte {
	b = append(b, '{')
	if m.ID != "" {
		b = appendMember(b, "id", m.ID)
	}
	b = appendMember(b, "type", m.Type)
	if len(m.Payload) > 0 {
		b = append(appendName(b, "payload"), m.Payload...)
	}
	return append(b, '}')
}

// messageOf reads a message. Its payload is a part of the text; other members than its own are ignored.
func messageOf(text []byte) (m message, ok bool) {
	s := scanner{text: text}
	ok = true
	set := func(to *string, first byte, value span) {
		switch first {
		case '"':
			b := builder{scanner: scanner{text: text}}
			*to = b.unquoted(span{value.from + 1, value.to - 1})
		case 'n':
		default:
			ok = false
		}
	}
	f := s.members(0, func(name []byte, first byte) fault {
		from := s.at
		f := s.skip(1)
		value := span{from, s.at}
		if f != none {
			return f
		}
		switch string(name) {
		case "id":
			set(&m.ID, first, value)
		case "type":
			set(&m.Type, first, value)
		case "payload":
			m.Payload = text[value.from:value.to]
		}
		return none
	})
	return m, ok && f == none && s.ends()
}
