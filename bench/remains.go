package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// groups are the parts that an answer passes, by the functions that belong to them. The function nearest to where a core
// was working decides.
func groups() []group {
	return []group{
		{"PostgreSQL: sending, waiting, reading rows", []string{"phoneregistry/registry/postgres.", "github.com/jackc/"}},
		{"auth, limits, records", []string{
			"phoneregistry/internal/auth.", "phoneregistry/internal/limit.", "phoneregistry/graph/guard.", "phoneregistry/graph/access.",
			"phoneregistry/graph/reveal.", "phoneregistry/internal/accesslog.", "phoneregistry/graph/documents.", "phoneregistry/internal/httpd.",
		}},
		{"writing JSON", []string{
			"phoneregistry/graph/direct.", "phoneregistry/graph/scalar.", "encoding/json", "github.com/99designs/gqlgen/graphql.Marshal",
			"github.com/99designs/gqlgen/graphql.(*FieldSet).MarshalGQL", "github.com/99designs/gqlgen/graphql.Array.MarshalGQL",
			"github.com/99designs/gqlgen/graphql.writeQuotedString", "phoneregistry/graph.(*executionContext).marshal", "phoneregistry/graph.(*executionContext)._",
		}},
		{"executor and resolvers", []string{"phoneregistry/graph.", "phoneregistry/graph/", "phoneregistry/resolvers.", "phoneregistry/registry.", "phoneregistry/internal/opaque.", "github.com/99designs/", "github.com/vektah/"}},
		{"HTTP", []string{"net/http.", "net/textproto.", "mime.", "log/slog.", "github.com/prometheus/"}},
	}
}

type group struct {
	name     string
	prefixes []string
}

const (
	collecting = "collecting garbage"
	scheduling = "the scheduler"
)

// groupOf finds where a core was working; stack begins with the innermost function.
func groupOf(stack []string) string {
	for _, function := range stack {
		for _, g := range groups() {
			if slices.ContainsFunc(g.prefixes, func(p string) bool { return strings.HasPrefix(function, p) }) {
				return g.name
			}
		}
	}
	if slices.ContainsFunc(stack, func(f string) bool {
		return strings.HasPrefix(f, "runtime.gcBgMarkWorker") || strings.HasPrefix(f, "runtime.bgsweep") || strings.HasPrefix(f, "runtime.bgscavenge")
	}) {
		return collecting
	}
	return scheduling
}

// remains tells what cores did for an answer, when profiles are wanted: in the program by its profile, in PostgreSQL by
// what the system counts.
func (b *bench) remains(ctx context.Context, r read, callers []*caller) error {
	if b.profile == "" {
		return nil
	}
	for _, c := range callers {
		samples, err := readProfile(ctx, profilePath(b.profile, r, c))
		if err != nil {
			return err
		}
		b.report.note("%s; %s: of the core time of an answer, %s", r.what, c.who, samples.shares(c.trial.spent))
		b.report.note("%s; %s: functions with most of it, what they call included: %s", r.what, c.who, samples.top(12))
	}
	return nil
}

func profilePath(dir string, r read, c *caller) string {
	return filepath.Join(dir, profileName(r, c)+".cpu.prof")
}

func profileName(r read, c *caller) string { return r.name + "-" + strings.Fields(c.who)[0] }

// spell is how long cores were at a place.
type spell struct {
	took  time.Duration
	stack []string // innermost first
}

type spells []spell

// readProfile reads a CPU profile by the tool that comes with Go.
func readProfile(ctx context.Context, path string) (spells, error) {
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-raw", path).Output()
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	return parseProfile(out)
}

// parseProfile reads what pprof writes as -raw: samples as `count nanoseconds: location …`, then locations as
// `id: 0xaddress M=1 function file:line:column s=0`, with further lines for functions that were inlined there.
func parseProfile(raw []byte) (spells, error) {
	type found struct {
		took time.Duration
		at   []int
	}
	var (
		all       []found
		functions = map[int][]string{}
		part      string
		location  int
	)
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		fields := strings.Fields(text)
		switch {
		case text == "Samples:" || text == "Locations" || text == "Mappings":
			part = text
		case part == "Samples:" && len(fields) > 2 && strings.HasSuffix(fields[1], ":"):
			nanos, err := strconv.ParseInt(strings.TrimSuffix(fields[1], ":"), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read profile: %w", err)
			}
			f := found{took: time.Duration(nanos)}
			for _, id := range fields[2:] {
				if n, err := strconv.Atoi(id); err == nil {
					f.at = append(f.at, n)
				}
			}
			all = append(all, f)
		case part == "Locations" && len(fields) > 0:
			if id, err := strconv.Atoi(strings.TrimSuffix(fields[0], ":")); err == nil && strings.HasSuffix(fields[0], ":") {
				location, fields = id, fields[1:]
				for len(fields) > 0 && (strings.HasPrefix(fields[0], "0x") || strings.HasPrefix(fields[0], "M=")) {
					fields = fields[1:]
				}
			}
			if len(fields) > 0 {
				functions[location] = append(functions[location], fields[0])
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	read := make(spells, len(all))
	for i, f := range all {
		read[i].took = f.took
		for _, id := range f.at {
			read[i].stack = append(read[i].stack, functions[id]...)
		}
	}
	return read, nil
}

// shares tells how the time of an answer falls to PostgreSQL and the parts of the program.
func (s spells) shares(spent effort) string {
	by := map[string]time.Duration{}
	var sum time.Duration
	for _, one := range s {
		by[groupOf(one.stack)] += one.took
		sum += one.took
	}
	whole := float64(spent.server + spent.postgres)
	if sum == 0 || whole == 0 {
		return "nothing is known"
	}
	words := []string{fmt.Sprintf("%.0f%% in PostgreSQL itself", 100*float64(spent.postgres)/whole)}
	for _, name := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) }) {
		words = append(words, fmt.Sprintf("%.0f%% %s", 100*float64(by[name])/float64(sum)*float64(spent.server)/whole, name))
	}
	return strings.Join(words, ", ")
}

// top names the functions in which, and in what they call, most of the time of the program went. Those of the runtime and
// those that only pass on are left out.
func (s spells) top(most int) string {
	by := map[string]time.Duration{}
	var sum time.Duration
	for _, one := range s {
		sum += one.took
		seen := map[string]bool{}
		for _, f := range one.stack {
			if !seen[f] && !strings.HasPrefix(f, "runtime.") {
				seen[f] = true
				by[f] += one.took
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	var words []string
	for _, name := range names {
		if share := 100 * float64(by[name]) / float64(max(sum, 1)); share < 60 && !strings.Contains(name, ".func") && len(words) < most {
			words = append(words, fmt.Sprintf("%s %.0f%%", name[strings.LastIndexByte(name, '/')+1:], share))
		}
	}
	return strings.Join(words, ", ")
}
