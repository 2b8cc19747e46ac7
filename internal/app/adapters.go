package app

import (
	"os"
	"strings"

	"phoneregistry/internal/config"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/simulator"
	"phoneregistry/workers/platform/webservice"
)

// adapterSet is who answers for each platform.
type adapterSet map[scoring.Platform]workers.Adapter

// newAdapters makes the adapter of every platform: the configured service, else the simulator. A new kind of adapter
// is wired here.
func newAdapters(c config.Adapters) (adapterSet, error) {
	simulated, err := simulator.ParseConfig(c.Simulator)
	if err != nil {
		return nil, &config.Error{Field: "--simulator", Value: c.Simulator, Want: err.Error()}
	}
	token, err := readSecret("--webservice-token-file", c.WebserviceToken)
	if err != nil {
		return nil, err
	}
	services := map[scoring.Platform]string{}
	for name, address := range c.Webservice {
		services[scoring.Platform(strings.ToUpper(name))] = address
	}
	set := adapterSet{}
	for _, p := range scoring.Platforms() {
		address, ok := services[p]
		if !ok {
			if set[p], err = simulator.New(p, simulated, nil); err != nil {
				return nil, err
			}
			continue
		}
		if set[p], err = webservice.New(webservice.Config{Platform: p, URL: address, Token: token}); err != nil {
			return nil, &config.Error{Field: "--webservice", Value: string(p), Want: err.Error()}
		}
	}
	return set, nil
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

// only keeps the adapters of some platforms.
func (a adapterSet) only(platforms []scoring.Platform) adapterSet {
	out := adapterSet{}
	for _, p := range platforms {
		out[p] = a[p]
	}
	return out
}

// infos describes the platforms for the API.
func (a adapterSet) infos() []registry.PlatformInfo {
	var out []registry.PlatformInfo
	for _, p := range scoring.Platforms() {
		info := registry.PlatformInfo{Platform: p}
		if adapter := a[p]; adapter != nil {
			info.Adapter, info.Simulated = adapter.Info().Name, adapter.Info().Simulated
		}
		out = append(out, info)
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
