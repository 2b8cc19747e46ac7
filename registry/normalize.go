package registry

import (
	"context"

	"phoneregistry/registry/numbering"
)

// Normalize returns what the numbering rules make of a raw text. A text that is no number is a Result with a Reason,
// not an error; *Error INVALID_INPUT for a text that is too long or not UTF-8, or a region that is not known.
func (s *Service) Normalize(_ context.Context, raw, region, area string) (numbering.Result, error) {
	o, err := checkReading(raw, region, area)
	if err != nil {
		return numbering.Result{}, err
	}
	return s.numbers.Normalize(raw, o), nil
}

// NormalizeCell returns every number in a text that may hold several. Errors as of Normalize.
func (s *Service) NormalizeCell(_ context.Context, raw, region, area string) ([]numbering.Result, error) {
	o, err := checkReading(raw, region, area)
	if err != nil {
		return nil, err
	}
	return s.numbers.NormalizeAll(raw, o), nil
}

func checkReading(raw, region, area string) (numbering.Options, error) {
	var es Errors
	es = collect(es, checkRaw(raw, pathTo("input")))
	known, err := checkRegion(region, pathTo("region"))
	es = collect(es, err)
	if len(area) > MaxArea || !storable(area) {
		es = append(es, Errorf(CodeInvalidInput, pathTo("area"), "the area has %d bytes: want an area code such as 601, at most %d", len(area), MaxArea))
	}
	return numbering.Options{Region: known, Area: area}, es.orNil()
}

// PhoneOf is the row of the registry for a valid number that was read under the plan of planVersion.
func PhoneOf(r numbering.Result, planVersion string) Phone {
	region := r.Region
	if region == "" {
		region = NoRegion
	}
	return Phone{
		Number: r.Number, Region: region, LineType: r.LineType, Valid: r.IsValid, OriginalCarrier: r.OriginalCarrier,
		Location: r.Location, TimeZones: r.TimeZones, PlanVersion: planVersion,
	}
}

// WhyInvalid says in a few words why a text is not a valid number, and what would be right. It never quotes the text.
func WhyInvalid(reason numbering.Reason) string {
	switch reason {
	case numbering.Empty:
		return "there is no number"
	case numbering.TooLongInput:
		return "the text is too long to be a number"
	case numbering.TooManyNumbers:
		return "the text holds too many numbers"
	case numbering.NotANumber:
		return "the text is not a phone number"
	case numbering.Letters:
		return "the number is mixed with letters"
	case numbering.TooShort:
		return "the number has too few digits for its country"
	case numbering.TooLong:
		return "the number has too many digits for its country"
	case numbering.InvalidLength:
		return "no number of its country has so many digits"
	case numbering.InvalidCountryCode:
		return "the number begins with no country code that is in use"
	case numbering.NoRegion:
		return "the number has no country code: give it one, or name the region"
	case numbering.NoArea:
		return "the number is a local one: add its area code"
	case numbering.InvalidForRegion:
		return "the numbering plan of its country does not assign such a number"
	case numbering.PrecisionLost:
		return "a spreadsheet has rounded digits of the number away"
	case numbering.RepeatedDigits:
		return "the number is one digit over and over, a placeholder"
	case numbering.Fragment:
		return "these are a few digits left over beside other numbers"
	}
	return "the number is not valid"
}
