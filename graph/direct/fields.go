package direct

import (
	"bytes"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/model"
	"phoneregistry/graph/reveal"
	"phoneregistry/graph/scalar"
)

// phones is how the plain fields of Phone are written.
func phones() table[model.Phone] {
	return table[model.Phone]{
		types: []string{"Phone", "Node"}, shows: reveal.PhoneNumber,
		number: func(b []byte, p *model.Phone, whole bool) []byte { return scalar.AppendE164(b, p.Number, whole) },
		fields: map[string]appender[model.Phone]{
			"__typename": func(b []byte, _ *model.Phone) []byte { return text(b, "Phone") },
			"id":         func(b []byte, p *model.Phone) []byte { return text(b, p.ID()) },
			"region":     func(b []byte, p *model.Phone) []byte { return orNull(b, p.Region()) },
			"lineType":   func(b []byte, p *model.Phone) []byte { return enum(b, p.LineType) },
			"lineTypeSource": func(b []byte, p *model.Phone) []byte {
				return enum(b, p.LineTypeSource())
			},
			"originalCarrier": func(b []byte, p *model.Phone) []byte { return orNull(b, p.OriginalCarrier()) },
			"location":        func(b []byte, p *model.Phone) []byte { return orNull(b, p.Location()) },
			"timezones":       func(b []byte, p *model.Phone) []byte { return texts(b, p.TimeZones) },
			"isValid":         func(b []byte, p *model.Phone) []byte { return boolean(b, p.Valid) },
			"planVersion":     func(b []byte, p *model.Phone) []byte { return text(b, p.PlanVersion) },
			"createdAt":       func(b []byte, p *model.Phone) []byte { return moment(b, p.CreatedAt) },
			"updatedAt":       func(b []byte, p *model.Phone) []byte { return moment(b, p.UpdatedAt) },
		},
	}
}

// contacts is how the plain fields of CustomerPhone are written.
func contacts() table[model.CustomerPhone] {
	return table[model.CustomerPhone]{
		types: []string{"CustomerPhone"}, shows: reveal.CustomerPhoneNumber,
		number: func(b []byte, c *model.CustomerPhone, whole bool) []byte {
			return scalar.AppendE164(b, c.Number, whole)
		},
		fields: map[string]appender[model.CustomerPhone]{
			"__typename":         func(b []byte, _ *model.CustomerPhone) []byte { return text(b, "CustomerPhone") },
			"customerId":         func(b []byte, c *model.CustomerPhone) []byte { return text(b, c.CustomerID) },
			"isPrimary":          func(b []byte, c *model.CustomerPhone) []byte { return boolean(b, c.IsPrimary) },
			"isVerified":         func(b []byte, c *model.CustomerPhone) []byte { return boolean(b, c.IsVerified) },
			"verificationMethod": func(b []byte, c *model.CustomerPhone) []byte { return orNull(b, c.VerificationMethod()) },
			"confidence": func(b []byte, c *model.CustomerPhone) []byte {
				return marshaled(b, graphql.MarshalFloat(c.Confidence))
			},
			"source":      func(b []byte, c *model.CustomerPhone) []byte { return text(b, c.Source) },
			"extension":   func(b []byte, c *model.CustomerPhone) []byte { return orNull(b, c.Extension()) },
			"firstSeenAt": func(b []byte, c *model.CustomerPhone) []byte { return moment(b, c.FirstSeenAt) },
			"lastSeenAt":  func(b []byte, c *model.CustomerPhone) []byte { return moment(b, c.LastSeenAt) },
		},
	}
}

// customers is how the plain fields of Customer are written.
func customers() table[model.Customer] {
	return table[model.Customer]{
		types: []string{"Customer", "Node"},
		fields: map[string]appender[model.Customer]{
			"__typename": func(b []byte, _ *model.Customer) []byte { return text(b, "Customer") },
			"id":         func(b []byte, c *model.Customer) []byte { return text(b, c.ID()) },
			"customerId": func(b []byte, c *model.Customer) []byte { return text(b, c.CustomerID()) },
		},
	}
}

const null = "null"

// text appends a text as the executor writes it. Most hold nothing that has to be escaped.
func text(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return marshaled(b, graphql.MarshalString(s))
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func orNull(b []byte, s *string) []byte {
	if s == nil {
		return append(b, null...)
	}
	return text(b, *s)
}

func texts(b []byte, all []string) []byte {
	b = append(b, '[')
	for i, s := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = text(b, s)
	}
	return append(b, ']')
}

// enum appends the name of an enum value; no value is null.
func enum[E ~string](b []byte, v E) []byte {
	if v == "" {
		return append(b, null...)
	}
	return text(b, string(v))
}

func boolean(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

func moment(b []byte, t time.Time) []byte { return scalar.AppendTime(b, t) }

// marshaled appends what the executor would write.
func marshaled(b []byte, m graphql.Marshaler) []byte {
	w := bytes.NewBuffer(b)
	m.MarshalGQL(w)
	return w.Bytes()
}
