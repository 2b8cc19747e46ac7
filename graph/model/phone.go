package model

import (
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// Kinds of global ids.
const (
	KindPhone    = "pho"
	KindCustomer = "cus"
	KindJob      = "job"
	KindImport   = "imp"
	KindSchedule = "sch"
)

// Phone is a number in the master registry.
type Phone struct {
	registry.Phone
	Siblings *Phones
}

// Evidence is the evidence on the numbers of a list.
type Evidence = Lazy[map[registry.Number][]registry.Validation]

// Phones is the phones of one list.
type Phones struct {
	Codec    *opaque.Codec
	Numbers  []registry.Number
	ByNumber map[registry.Number]*Phone
	Evidence *Evidence
	Scores   Lazy[*LeadScores]
	Holders  HolderPages
}

// NewPhones makes the phones of one list.
func NewPhones(codec *opaque.Codec, phones []registry.Phone) (*Phones, []*Phone) {
	set := &Phones{
		Codec:    codec,
		Evidence: &Evidence{},
		Numbers:  make([]registry.Number, len(phones)),
		ByNumber: make(map[registry.Number]*Phone, len(phones)),
	}
	all := make([]*Phone, len(phones))
	for i, p := range phones {
		all[i] = &Phone{Phone: p, Siblings: set}
		set.Numbers[i] = p.Number
		set.ByNumber[p.Number] = all[i]
	}
	return set, all
}

// IsNode marks a type with a global id.
func (*Phone) IsNode() {}

// ID is the global id. It does not show the number.
func (p *Phone) ID() string { return p.Siblings.Codec.Int(KindPhone, int64(p.Number)) }

// Region is null for numbers that belong to no country or region.
func (p *Phone) Region() *string {
	if p.Phone.Region == "ZZ" {
		return nil
	}
	return optional(p.Phone.Region)
}

// OriginalCarrier is null when it is not known.
func (p *Phone) OriginalCarrier() *string { return optional(p.Phone.OriginalCarrier) }

// Location is null when it is not known.
func (p *Phone) Location() *string { return optional(p.Phone.Location) }

// NormalizedPhone is what the numbering rules make of a raw text.
type NormalizedPhone struct{ numbering.Result }

// Number is null when none could be read.
func (n *NormalizedPhone) Number() *registry.Number {
	if n.Result.Number == 0 {
		return nil
	}
	return &n.Result.Number
}

// Region is null when it is not known.
func (n *NormalizedPhone) Region() *string { return optional(n.Result.Region) }

// Reason is null when the number is valid.
func (n *NormalizedPhone) Reason() *string { return optional(string(n.Result.Reason)) }

// AppliedRule is null when the text could be read as it stood.
func (n *NormalizedPhone) AppliedRule() *string { return optional(n.Result.AppliedRule) }

// Extension is null when there was none.
func (n *NormalizedPhone) Extension() *string { return optional(n.Result.Extension) }

// OriginalCarrier is null when it is not known.
func (n *NormalizedPhone) OriginalCarrier() *string { return optional(n.Result.OriginalCarrier) }

// Location is null when it is not known.
func (n *NormalizedPhone) Location() *string { return optional(n.Result.Location) }

// NationalFormat is null when no number could be read.
func (n *NormalizedPhone) NationalFormat() *string { return optional(n.Result.NationalFormat) }

// InternationalFormat is null when no number could be read.
func (n *NormalizedPhone) InternationalFormat() *string {
	return optional(n.Result.InternationalFormat)
}
