package twilio_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/workers/platform/twilio"
)

func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestConfig(t *testing.T) {
	good := twilio.Config{Credentials: sid + ":" + secret}
	tests := []struct {
		name   string
		change func(*twilio.Config)
		field  string // "": it is right
		want   string
	}{
		{"as it is", func(*twilio.Config) {}, "", ""},
		{"the account itself", func(c *twilio.Config) { c.Credentials = " AC0123:" + secret + "\r\n" }, "", ""},
		{"another region", func(c *twilio.Config) { c.BaseURL = "https://lookups.dublin.ie1.twilio.com" }, "", ""},
		{"no credentials", func(c *twilio.Config) { c.Credentials = "" }, "Credentials", "SID:SECRET"},
		{"secret alone", func(c *twilio.Config) { c.Credentials = secret }, "Credentials", "SID:SECRET"},
		{"SID alone", func(c *twilio.Config) { c.Credentials = sid + ":" }, "Credentials", "SID:SECRET"},
		{"wrong way round", func(c *twilio.Config) { c.Credentials = secret + ":" + sid }, "Credentials", "begin with no SID"},
		{"SID of more", func(c *twilio.Config) { c.Credentials = "SK-" + secret + ":x" }, "Credentials", "letters and digits"},
		{"two lines", func(c *twilio.Config) { c.Credentials += "\nX" }, "Credentials", "blanks"},
		{"no such package", func(c *twilio.Config) { c.Fields = []twilio.Field{"sim_swap"} }, "Fields", "sim_swap"},
		{"paid twice", func(c *twilio.Config) { c.Fields = []twilio.Field{twilio.LineType, twilio.LineType} }, "Fields", "twice"},
		{"no such mode", func(c *twilio.Config) { c.Mode = "both" }, "Mode", "both"},
		{"batch too large", func(c *twilio.Config) { c.MaxBatch = 101 }, "MaxBatch", "100"},
		{"evidence that has run out", func(c *twilio.Config) { c.TTL = -1 }, "TTL", "more than 0"},
		{"negative rate", func(c *twilio.Config) { c.Rate = -1 }, "Rate", "more than 0"},
		{"endless", func(c *twilio.Config) { c.Timeout = time.Hour }, "Timeout", "5m0s"},
		{"in the open", func(c *twilio.Config) { c.BaseURL = "http://lookups.example" }, "BaseURL", "not encrypted"},
		{"secret in the address", func(c *twilio.Config) { c.BaseURL = "https://user:" + secret + "@lookups.example" }, "BaseURL", "user name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			a, err := twilio.New(cfg)
			if tt.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				a.Close()
				return
			}
			adaptertest.CheckSettingError(t, err, "twilio", tt.field, tt.want)
		})
	}
	for _, text := range []string{fmt.Sprint(good), fmt.Sprintf("%+v", good), fmt.Sprintf("%#v", good)} {
		if text != "twilio lookup at https://lookups.twilio.com" {
			t.Errorf("printed as %s", text)
		}
	}
}
