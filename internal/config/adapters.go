package config

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"phoneregistry/registry/scoring"
)

// Adapters says who answers for each platform. Which kinds of adapters there are is the business of package app.
type Adapters struct {
	Adapter         map[string]string `help:"Kind of adapter that answers for a platform, for example WHATSAPP=firstparty; may be repeated. docs/adapters tells the kinds. Default: the one whose flags are given, else the simulator." placeholder:"PLATFORM=KIND"`
	Simulator       string            `help:"Behaviour of the simulator, for example latency=20ms,jitter=10ms,errors=0.01,rate=500,seed=1." placeholder:"SPEC" default:""`
	Webservice      map[string]string `help:"Ask this validator service for a platform instead of the simulator; may be repeated." placeholder:"PLATFORM=URL"`
	WebserviceToken string            `name:"webservice-token-file" help:"File that holds the bearer token for the validator services." type:"path" placeholder:"FILE"`
	RCS
	Twilio
	Concurrency int `help:"Calls that are made to each platform at the same time, at most." default:"4"`
}

// RCS says as which agent Google's RCS Business Messaging is asked.
type RCS struct {
	RCSCredentials      string        `name:"rcs-credentials" help:"Key file of the service account that asks Google RCS, for GOOGLE." type:"path" placeholder:"FILE"`
	RCSAgent            string        `name:"rcs-agent" help:"Id of the RCS agent that asks." placeholder:"ID"`
	RCSRegion           string        `name:"rcs-region" help:"Region where Google keeps the agent: us, europe or asia." default:"us" placeholder:"REGION"`
	RCSMode             string        `name:"rcs-mode" help:"How to ask: single tells features, one number a query; batch tells only who is reachable, many numbers a query, all of the region." default:"single" placeholder:"MODE"`
	RCSTTL              time.Duration `name:"rcs-ttl" help:"How long an answer of Google RCS holds." default:"720h"`
	RCSQueriesPerMinute int           `name:"rcs-queries-per-minute" help:"Queries that Google grants the agent in a minute." default:"600"`
	RCSURL              string        `name:"rcs-url" help:"Ask at this address instead of the region's." placeholder:"URL" hidden:""`
}

// Twilio says as whom Twilio Lookup is asked.
type Twilio struct {
	TwilioCredentials string        `name:"twilio-credentials" help:"File that holds SID:SECRET of an API key of Twilio, for LINE." type:"path" placeholder:"FILE"`
	TwilioFields      []string      `name:"twilio-fields" help:"Packages of Twilio Lookup to pay for: line_type_intelligence, line_status." default:"line_type_intelligence,line_status" placeholder:"F,…"`
	TwilioMode        string        `name:"twilio-mode" help:"How to ask: single (one number a request) or batch (up to 50)." default:"single" placeholder:"MODE"`
	TwilioTTL         time.Duration `name:"twilio-ttl" help:"How long an answer of Twilio Lookup holds." default:"720h"`
	TwilioRate        float64       `name:"twilio-rate" help:"Numbers that Twilio Lookup is asked about in a second." default:"10"`
	TwilioURL         string        `name:"twilio-url" help:"Ask at this address instead of https://lookups.twilio.com, for another region of Twilio." placeholder:"URL"`
}

func (a *Adapters) check() error {
	if a.Concurrency < 1 || a.Concurrency > 256 {
		return &Error{"--concurrency", fmt.Sprint(a.Concurrency), "must be 1 to 256"}
	}
	if _, err := a.Named(); err != nil {
		return err
	}
	services, err := a.Services()
	if err != nil {
		return err
	}
	for p, address := range services {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
			return &Error{"--webservice", string(p), "must be PLATFORM=http(s)://host/path without user and password"}
		}
	}
	return nil
}

// Named returns the kinds that --adapter names, in lower case.
func (a *Adapters) Named() (map[scoring.Platform]string, error) {
	kinds, err := byPlatform("--adapter", a.Adapter)
	for p, kind := range kinds {
		kinds[p] = strings.ToLower(strings.TrimSpace(kind))
	}
	return kinds, err
}

// Services returns the addresses that --webservice names.
func (a *Adapters) Services() (map[scoring.Platform]string, error) {
	return byPlatform("--webservice", a.Webservice)
}

// byPlatform reads the keys of a flag PLATFORM=VALUE, in any case.
func byPlatform(field string, values map[string]string) (map[scoring.Platform]string, error) {
	out := make(map[scoring.Platform]string, len(values))
	for name, value := range values {
		platforms, err := ParsePlatforms(field, []string{name})
		if err != nil {
			return nil, err
		}
		if _, twice := out[platforms[0]]; twice {
			return nil, &Error{field, string(platforms[0]), "is given twice"}
		}
		out[platforms[0]] = value
	}
	return out, nil
}
