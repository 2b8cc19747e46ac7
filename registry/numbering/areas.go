package numbering

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// An areaTable knows the area codes of places, to complete local numbers with.
type areaTable struct {
	version string
	regions map[string]*regionAreas
}

type regionAreas struct {
	// length is how long an area code is, short lists the exceptions.
	length int
	short  []string
	// wholeStates tells that a state's area holds for every place in it.
	wholeStates bool
	states      map[string]int // folded name → index
	stateArea   []string
	places      map[string][]place // folded name → where it is
}

type place struct {
	area  string
	state int
	first bool // the one that is meant when several share the name
}

func loadAreas() (*areaTable, error) {
	raw, err := dataFiles.ReadFile("data/areas.json")
	if err != nil {
		return nil, fmt.Errorf("area data: %w", err)
	}
	var file struct {
		Version string `json:"version"`
		About   string `json:"about"`
		Regions map[string]struct {
			AreaLength  int      `json:"areaLength"`
			ShortAreas  []string `json:"shortAreas"`
			WholeStates bool     `json:"wholeStates"`
			Source      string   `json:"source"`
			States      []struct {
				Names  []string            `json:"names"`
				Area   string              `json:"area"`
				Places map[string][]string `json:"places"`
			} `json:"states"`
		} `json:"regions"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("area data: %w", err)
	}
	table := &areaTable{version: file.Version, regions: map[string]*regionAreas{}}
	for id, region := range file.Regions {
		r := &regionAreas{length: region.AreaLength, short: region.ShortAreas, wholeStates: region.WholeStates,
			states: map[string]int{}, places: map[string][]place{}}
		table.regions[id] = r
		for i, state := range region.States {
			r.stateArea = append(r.stateArea, state.Area)
			for _, name := range state.Names {
				r.states[foldName(name)] = i
			}
			for area, names := range state.Places {
				for _, name := range names {
					key := foldName(name)
					r.places[key] = append(r.places[key], place{area, i, strings.HasSuffix(name, "*")})
				}
			}
		}
	}
	return table, nil
}

// areaOf returns the area code that a national number of the region begins with,
// "" when it has none.
func (t *areaTable) areaOf(region string, nsn []byte) string {
	r := t.regions[region]
	if r == nil || len(nsn) <= r.length {
		return ""
	}
	for _, short := range r.short {
		if bytes.HasPrefix(nsn, []byte(short)) {
			return short
		}
	}
	return string(nsn[:r.length])
}

// normalArea brings an area code given by hand into the form of the region's plan:
// digits only, without trunk prefix; in Colombia 1 is 601.
func normalArea(region, area string) string {
	out := make([]byte, 0, len(area))
	for _, r := range area {
		if b := foldRune(r); isDigit(b) {
			out = append(out, b)
		}
	}
	s := strings.TrimLeft(string(out), "0")
	if region == "CO" && len(s) == 1 {
		return "60" + s
	}
	return s
}

// find returns the area codes a local number of the place may belong to, in order
// of likelihood. Names of several places yield those that the length of a local
// number tells apart; fallback (the file's area) decides where it is one of them.
func (t *areaTable) find(region, city, fallback string) []string {
	r := t.regions[region]
	if r == nil || city == "" {
		return nil
	}
	if found := r.named(foldName(city), -1); len(found) > 0 {
		return r.choose(found, fallback)
	}
	state, parts := -1, strings.FieldsFunc(city, func(c rune) bool {
		return strings.ContainsRune(",/()-;|", c)
	})
	for i, part := range parts {
		parts[i] = foldName(part)
		if at, ok := r.states[parts[i]]; ok && len(parts) > 1 {
			state = at
		}
	}
	for _, part := range parts {
		if _, isState := r.states[part]; isState && state >= 0 {
			continue
		}
		if found := r.named(part, state); len(found) > 0 {
			return r.choose(found, fallback)
		}
	}
	if state >= 0 && r.stateArea[state] != "" && (r.wholeStates || slices.Contains(r.short, r.stateArea[state])) {
		return []string{r.stateArea[state]}
	}
	if state >= 0 {
		return nil
	}
	for _, part := range parts {
		if found := r.named(part, -1); len(found) > 0 {
			return r.choose(found, fallback)
		}
	}
	return nil
}

// named returns the places of that name, in one state or (-1) in any; a state of
// that name counts as a place, and first.
func (r *regionAreas) named(name string, state int) []place {
	var found []place
	if at, ok := r.states[name]; ok && state < 0 && r.stateArea[at] != "" {
		found = append(found, place{r.stateArea[at], at, true})
	}
	for _, p := range r.places[name] {
		if state < 0 || p.state == state {
			found = append(found, p)
		}
	}
	return found
}

// choose picks among places of one name.
func (r *regionAreas) choose(found []place, fallback string) []string {
	var areas []string
	for _, p := range found {
		if p.area == fallback {
			return []string{fallback}
		}
		if !slices.Contains(areas, p.area) {
			areas = append(areas, p.area)
		}
	}
	if len(areas) == 1 {
		return areas
	}
	for _, p := range found {
		if p.first {
			return []string{p.area}
		}
	}
	// Keep those that are alone in their length: the local number tells them apart.
	return slices.DeleteFunc(slices.Clone(areas), func(a string) bool {
		same := 0
		for _, b := range areas {
			if len(a) == len(b) {
				same++
			}
		}
		return same > 1
	})
}

// An areaHint is what a text says about the area of its local numbers: the area of
// a number before it in the same cell, the row's city, the file's default.
type areaHint struct {
	nearby, city, area string
	both               [8]string
}

type hintKey struct{ region, city, area string }

// candidates returns the areas to try, the nearest first. The hint's own memory is
// used for them.
func (h *areaHint) candidates(z *Normalizer, home *territory) []string {
	var known []string
	if h.city != "" || h.area != "" {
		key := hintKey{home.id, h.city, h.area}
		var ok bool
		if known, ok = z.hints.get(key); !ok {
			known = z.areas.known(key)
			if len(key.city)+len(key.area) <= MaxInput {
				z.hints.put(key, known)
			}
		}
	}
	out := h.both[:0]
	if h.nearby != "" {
		out = append(out, h.nearby)
	}
	return append(out, known...)
}

// known returns what the table makes of a city and a default area: the city's
// areas or, where the table does not know the city, the default.
func (t *areaTable) known(key hintKey) []string {
	fallback := normalArea(key.region, key.area)
	found := t.find(key.region, key.city, fallback)
	if len(found) == 0 && fallback != "" && !t.isPlace(key.region, key.city) {
		return []string{fallback}
	}
	return found
}

// isPlace tells whether the table has a place of that name, though perhaps too many.
func (t *areaTable) isPlace(region, city string) bool {
	r := t.regions[region]
	return r != nil && city != "" && len(r.named(foldName(city), -1)) > 0
}
