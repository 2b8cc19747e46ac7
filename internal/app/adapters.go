package app

import (
	"errors"
	"os"
	"slices"
	"strings"

	"phoneregistry/internal/config"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/firstparty"
	"phoneregistry/workers/platform/rcs"
	"phoneregistry/workers/platform/simulator"
	"phoneregistry/workers/platform/twilio"
	"phoneregistry/workers/platform/webservice"
	"phoneregistry/workers/webcall"
)

// maker makes one kind of adapter.
type maker struct {
	kind string
	// platforms are those it can answer for.
	platforms []scoring.Platform
	// wanted reports whether the settings ask for it on a platform without naming its kind; nil: never.
	wanted func(scoring.Platform, *config.Adapters) bool
	make   func(scoring.Platform, *config.Adapters) (workers.Adapter, error)
}

// makers lists every kind of adapter. A new kind is one line here, and no other line of the program knows it.
func makers() []maker {
	return []maker{
		{"webservice", scoring.Checkable(), webserviceGiven, newWebservice},
		{"rcs", []scoring.Platform{scoring.Google}, rcsGiven, newRCS},
		{"twilio", []scoring.Platform{scoring.Line}, twilioGiven, newTwilio},
		{"firstparty", firstparty.Platforms(), nil, newFirstParty},
		{"simulator", scoring.Platforms(), nil, newSimulator},
	}
}

// unnamed is the kind of a platform for which the settings say nothing.
const unnamed = "simulator"

// adapterSet is who answers for each platform.
type adapterSet map[scoring.Platform]workers.Adapter

// newAdapters makes the adapter of every platform: of the kind that --adapter names, else of the kind whose own flags
// are given, else the simulator. Line has none unless it is asked for.
func newAdapters(c config.Adapters) (adapterSet, error) {
	named, err := c.Named()
	if err != nil {
		return nil, err
	}
	set := adapterSet{}
	for _, p := range scoring.Checkable() {
		m, err := choose(p, named[p], &c)
		if err != nil {
			set.close()
			return nil, err
		}
		if m == nil {
			continue
		}
		if set[p], err = m.make(p, &c); err != nil {
			delete(set, p)
			set.close()
			return nil, err
		}
	}
	return set, nil
}

// choose returns who makes the adapter of a platform; nil: it has none.
func choose(p scoring.Platform, named string, c *config.Adapters) (*maker, error) {
	all := makers()
	if named != "" {
		i := slices.IndexFunc(all, func(m maker) bool { return m.kind == named })
		if i < 0 {
			return nil, &config.Error{Field: "--adapter", Value: string(p) + "=" + named, Want: "names no kind of adapter, want one of " + kinds(all, p)}
		}
		if !slices.Contains(all[i].platforms, p) {
			return nil, &config.Error{Field: "--adapter", Value: string(p) + "=" + named, Want: "cannot answer for this platform, want one of " + kinds(all, p)}
		}
		return &all[i], nil
	}
	var wanted []maker
	for _, m := range all {
		if m.wanted != nil && slices.Contains(m.platforms, p) && m.wanted(p, c) {
			wanted = append(wanted, m)
		}
	}
	switch {
	case len(wanted) == 1:
		return &wanted[0], nil
	case len(wanted) > 1:
		return nil, &config.Error{Field: "--adapter", Want: "must say who answers for " + string(p) + ", for the flags of several kinds are given: " + kinds(wanted, p)}
	case !p.Scored():
		return nil, nil //nolint:nilnil // no adapter is not a mistake
	}
	return choose(p, unnamed, c)
}

// kinds lists what of these can answer for a platform.
func kinds(of []maker, p scoring.Platform) string {
	var names []string
	for _, m := range of {
		if slices.Contains(m.platforms, p) {
			names = append(names, m.kind)
		}
	}
	return strings.Join(names, ", ")
}

func newSimulator(p scoring.Platform, c *config.Adapters) (workers.Adapter, error) {
	settings, err := simulator.ParseConfig(c.Simulator)
	if err != nil {
		return nil, &config.Error{Field: "--simulator", Value: c.Simulator, Want: err.Error()}
	}
	return simulator.New(p, settings, nil)
}

func newFirstParty(p scoring.Platform, _ *config.Adapters) (workers.Adapter, error) {
	return firstparty.New(p)
}

func webserviceGiven(p scoring.Platform, c *config.Adapters) bool {
	services, err := c.Services()
	_, given := services[p]
	return err == nil && given
}

func newWebservice(p scoring.Platform, c *config.Adapters) (workers.Adapter, error) {
	services, err := c.Services()
	if err != nil {
		return nil, err
	}
	address, given := services[p]
	if !given {
		return nil, &config.Error{Field: "--webservice", Want: "is needed: give --webservice " + string(p) + "=URL, or leave out --adapter " + string(p) + "=webservice"}
	}
	token, err := readSecret("--webservice-token-file", c.WebserviceToken)
	if err != nil {
		return nil, err
	}
	adapter, err := webservice.New(webservice.Config{Platform: p, URL: address, Token: token})
	if err != nil {
		return nil, &config.Error{Field: "--webservice", Value: string(p), Want: err.Error()}
	}
	return adapter, nil
}

func rcsGiven(_ scoring.Platform, c *config.Adapters) bool { return c.RCSCredentials != "" }

func newRCS(_ scoring.Platform, c *config.Adapters) (workers.Adapter, error) {
	switch {
	case c.RCSCredentials == "":
		return nil, &config.Error{Field: "--rcs-credentials", Want: "is needed: give the key file of a service account, or leave out --adapter GOOGLE=rcs"}
	case c.RCSAgent == "":
		return nil, &config.Error{Field: "--rcs-agent", Want: "is needed with --rcs-credentials: give the id of the RCS agent that asks"}
	}
	key, err := readSecret("--rcs-credentials", c.RCSCredentials)
	if err != nil {
		return nil, err
	}
	adapter, err := rcs.New(rcs.Config{
		Credentials: []byte(key), Agent: c.RCSAgent, Region: rcs.Region(c.RCSRegion), Mode: rcs.Mode(c.RCSMode), TTL: c.RCSTTL,
		QueriesPerMinute: c.RCSQueriesPerMinute, BaseURL: c.RCSURL,
	})
	if err != nil {
		return nil, setting(err, "--rcs-")
	}
	return adapter, nil
}

func twilioGiven(_ scoring.Platform, c *config.Adapters) bool { return c.TwilioCredentials != "" }

func newTwilio(_ scoring.Platform, c *config.Adapters) (workers.Adapter, error) {
	if c.TwilioCredentials == "" {
		return nil, &config.Error{Field: "--twilio-credentials", Want: "is needed: give a file that holds SID:SECRET, or leave out --adapter LINE=twilio"}
	}
	login, err := readSecret("--twilio-credentials", c.TwilioCredentials)
	if err != nil {
		return nil, err
	}
	var fields []twilio.Field
	for _, f := range c.TwilioFields {
		fields = append(fields, twilio.Field(f))
	}
	adapter, err := twilio.New(twilio.Config{
		Credentials: login, Fields: fields, Mode: twilio.Mode(c.TwilioMode), TTL: c.TwilioTTL, Rate: c.TwilioRate, BaseURL: c.TwilioURL,
	})
	if err != nil {
		return nil, setting(err, "--twilio-")
	}
	return adapter, nil
}

// setting names the flag behind the field that an adapter complains about: the prefix of the adapter's flags, and the
// field in lower case, unless it is of several words.
func setting(err error, prefix string) error {
	e, ok := errors.AsType[*webcall.SettingError](err)
	if !ok {
		return err
	}
	name := strings.ToLower(e.Field)
	switch e.Field {
	case "BaseURL":
		name = "url"
	case "QueriesPerMinute":
		name = "queries-per-minute"
	}
	return &config.Error{Field: prefix + name, Want: e.Problem}
}

// readSecret reads a file that holds a secret; no path, no secret.
func readSecret(field, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", &config.Error{Field: field, Value: path, Want: "must be a readable file"}
	}
	return strings.TrimSpace(string(b)), nil
}

// platforms lists those that have an adapter.
func (a adapterSet) platforms() []scoring.Platform {
	return slices.DeleteFunc(scoring.Checkable(), func(p scoring.Platform) bool { return a[p] == nil })
}

// only keeps the adapters of some platforms, each of which must have one; field is the flag that names them.
func (a adapterSet) only(field string, platforms []scoring.Platform) (adapterSet, error) {
	out := adapterSet{}
	for _, p := range platforms {
		if a[p] == nil {
			return nil, &config.Error{Field: field, Value: string(p), Want: "has no adapter: give --adapter " + string(p) + "=KIND with one of " + kinds(makers(), p) + ", or the flags of one"}
		}
		out[p] = a[p]
	}
	return out, nil
}

// infos describes the platforms for the API.
func (a adapterSet) infos() []registry.PlatformInfo {
	out := make([]registry.PlatformInfo, 0, len(a))
	for _, p := range a.platforms() {
		info := a[p].Info()
		out = append(out, registry.PlatformInfo{Platform: p, Adapter: info.Name, Simulated: info.Simulated})
	}
	return out
}

// close ends what adapters hold open.
func (a adapterSet) close() {
	for _, adapter := range a {
		if c, ok := adapter.(interface{ Close() }); ok {
			c.Close()
		}
	}
}
