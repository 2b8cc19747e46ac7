package twilio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

// lookup is what Twilio says of one number. Codes of countries and networks, the national format and the address of the
// resource are not read: nothing needs them, and some repeat the number.
type lookup struct {
	CorrelationID    string   `json:"correlation_id"`
	TwilioErrorCode  int      `json:"twilio_error_code"`
	Valid            *bool    `json:"valid"`
	ValidationErrors []string `json:"validation_errors"`
	LineType         *struct {
		Type      string `json:"type"`
		Carrier   string `json:"carrier_name"`
		ErrorCode int    `json:"error_code"`
	} `json:"line_type_intelligence"`
	LineStatus *struct {
		Status    string `json:"status"`
		ErrorCode int    `json:"error_code"`
	} `json:"line_status"`
}

// lookups is the answer to a batch.
type lookups struct {
	PhoneNumbers []json.RawMessage `json:"phone_numbers"`
}

// read leaves out entries that cannot be read or tell nothing; the others still count.
func (l lookups) read() []lookup {
	out := make([]lookup, 0, len(l.PhoneNumbers))
	for _, raw := range l.PhoneNumbers {
		var one lookup
		if json.Unmarshal(raw, &one) == nil && one.told() {
			out = append(out, one)
		}
	}
	return out
}

// told reports whether there is anything in it. An answer of another service may be JSON too.
func (l lookup) told() bool {
	return l.Valid != nil || l.TwilioErrorCode != 0 || l.LineType != nil || l.LineStatus != nil
}

// details are the contract that the package's comment tells.
type details struct {
	LineType   numbering.LineType `json:"lineType,omitempty"`
	LineStatus string             `json:"lineStatus,omitempty"`
	Carrier    string             `json:"carrier,omitempty"`
}

// outcome turns an answer into evidence. The status is that of the line; its type and carrier are in the details,
// whatever the status.
func (a *Adapter) outcome(n numbering.Number, l lookup) workers.Outcome {
	o := workers.Outcome{Number: n, Status: scoring.Unknown, Reason: "Twilio did not tell whether the line is in service", TTL: a.cfg.TTL}
	if l.Valid != nil && !*l.Valid {
		o.Status, o.Reason = scoring.NotFound, "no number that a carrier can assign"+known(l.ValidationErrors)
		return o
	}
	if l.TwilioErrorCode != 0 {
		a.fail(&o, "the lookup", l.TwilioErrorCode)
		return o
	}
	var d details
	if l.LineType != nil {
		d.LineType, d.Carrier = lineType(l.LineType.Type), carrier(l.LineType.Carrier)
		if l.LineType.ErrorCode != 0 {
			a.fail(&o, string(LineType), l.LineType.ErrorCode)
		}
	}
	if l.LineStatus != nil && l.LineStatus.ErrorCode != 0 {
		a.fail(&o, string(LineStatus), l.LineStatus.ErrorCode)
	} else if l.LineStatus != nil {
		d.LineStatus = a.status(&o, l.LineStatus.Status)
	}
	if d != (details{}) {
		if raw, err := json.Marshal(d); err == nil { // of these types it always is
			o.Details = raw
		}
		if o.Status == scoring.Failed { // one package failed, the other told something: that is an answer
			o.Status, o.Permanent = scoring.Unknown, false
		}
	}
	return o
}

// status sets what a line status means and returns it as the details name it. The words are those of Twilio's page on
// Line Status.
func (a *Adapter) status(o *workers.Outcome, status string) string {
	status = strings.ToLower(status)
	o.Permanent = false
	switch status {
	case "reachable":
		o.Status, o.Strength, o.Reason = scoring.Active, 1, ""
	case "active": // in service, but not seen on the network just now
		o.Status, o.Strength, o.Reason = scoring.Active, 0.8, ""
	case "unreachable":
		o.Status, o.Reason = scoring.Inactive, "the line is in service, but its device is switched off or out of reach"
		o.TTL = min(o.TTL, unreachableTTL)
	case "inactive":
		o.Status, o.Reason = scoring.Inactive, "the line is assigned to nobody on the mobile network"
	case "unknown":
		o.Status, o.Reason = scoring.Unknown, "the carrier did not tell whether the line is in service"
	default: // a word that is not documented is no evidence
		return ""
	}
	return status
}

// lineType translates Twilio's kinds of line into those of the registry; "": none, or one that is not documented.
func lineType(kind string) numbering.LineType {
	switch kind {
	case "mobile":
		return numbering.Mobile
	case "landline":
		return numbering.FixedLine
	case "fixedVoip", "nonFixedVoip":
		return numbering.VoIP
	case "tollFree":
		return numbering.TollFree
	case "premium":
		return numbering.PremiumRate
	case "sharedCost":
		return numbering.SharedCost
	case "personal":
		return numbering.PersonalNumber
	case "pager":
		return numbering.Pager
	case "uan":
		return numbering.UAN
	case "voicemail":
		return numbering.Voicemail
	case "unknown":
		return numbering.Unknown
	}
	return ""
}

const maxCarrierBytes = 64

// carrier makes a carrier's name fit to be stored: printable, short, and nothing that could be a number.
func carrier(text string) string {
	digits := 0
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case !unicode.IsPrint(r):
			return -1
		case unicode.IsDigit(r):
			digits++
		}
		return r
	}, strings.ToValidUTF8(text, "")))
	if digits >= 7 { // no carrier's name has so many, every number has
		return ""
	}
	for len(text) > maxCarrierBytes {
		_, last := utf8.DecodeLastRuneInString(text)
		text = strings.TrimSpace(text[:len(text)-last])
	}
	return text
}

// known lists validation errors, of the documented ones.
func known(errors []string) string {
	documented := []string{"TOO_SHORT", "TOO_LONG", "INVALID_BUT_POSSIBLE", "INVALID_COUNTRY_CODE", "INVALID_LENGTH", "NOT_A_NUMBER"}
	kept := slices.DeleteFunc(slices.Clone(errors), func(e string) bool { return !slices.Contains(documented, e) })
	slices.Sort(kept)
	if kept = slices.Compact(kept); len(kept) == 0 {
		return ""
	}
	return ": " + strings.Join(kept, ", ")
}

// fail sets what an error code of a package, or of the whole lookup, means for one number. The codes are those of
// Twilio's list of errors.
func (a *Adapter) fail(o *workers.Outcome, what string, code int) {
	o.Reason = fmt.Sprintf("%s failed (Twilio error %d)", what, code)
	switch code {
	case 20429, 60611, 60616, 60626: // too many requests, quota used up, rate of the package, rate of the number
		o.Status, o.Reason = scoring.RateLimited, fmt.Sprintf("%s is refused for now (Twilio error %d)", what, code)
	case 60600, 60607, 60610: // not provisioned or not covered, country not supported, out of coverage
		o.Status, o.Reason = scoring.Unknown, fmt.Sprintf("%s does not cover this number (Twilio error %d)", what, code)
	case 60601, 60606, 60614, 60619: // no access to Canadian data, package not enabled, other region needed, not in this region
		o.Status, o.Permanent = scoring.Failed, true
		o.Reason = fmt.Sprintf("the account may not ask for %s (Twilio error %d)", what, code)
	default:
		o.Status = scoring.Failed
	}
}

// refused says what a refusal means to Twilio, whose own code is in its body.
func (a *Adapter) refused(answer *webcall.Answer) error {
	e := a.client.Refused(answer)
	var body struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(answer.Body, &body) != nil || body.Code <= 0 || body.Code > 99_999 {
		return e
	}
	e.Reason = fmt.Sprintf("%s; Twilio error %d", e.Reason, body.Code)
	switch {
	case answer.Status == http.StatusUnauthorized && body.Code == 20003:
		e.Reason += ": are SID and secret right, and of this region?"
	case body.Code == 60616 || body.Code == 60611 || body.Code == 60626: // limits that may come with another status
		e.RateLimited, e.Permanent = true, false
	}
	return e
}
