package config

import (
	"fmt"
	"strconv"
	"strings"

	"phoneregistry/registry/scoring"
)

// Pace says how much is held and asked at the same time.
type Pace struct {
	Slots int               `help:"Chunks of a platform that are held at the same time. The calls (--concurrency) are shared fairly among the jobs that they are of." default:"16"`
	Limit map[string]string `help:"What a platform allows to all workers together, in place of what its adapter says: numbers a second, calls at the same time, numbers a day (UTC); 0 for no limit. May be repeated." placeholder:"PLATFORM=rate:50,concurrency:8,daily:100000"`
}

// Limit is what a platform allows. What is nil is as the adapter says.
type Limit struct {
	Rate        *float64 // numbers a second
	Concurrency *int     // calls at the same time
	Daily       *int64   // numbers a day (UTC)
}

const maxSlots = 256

// Limits reads what platforms allow.
func (p *Pace) Limits() (map[scoring.Platform]Limit, error) {
	limits := map[scoring.Platform]Limit{}
	for name, text := range p.Limit {
		platforms, err := ParsePlatforms("--limit", []string{name})
		if err != nil {
			return nil, err
		}
		limit, err := parseLimit(text)
		if err != nil {
			return nil, &Error{"--limit", name + "=" + text, err.Error()}
		}
		limits[platforms[0]] = limit
	}
	return limits, nil
}

func parseLimit(text string) (l Limit, err error) {
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), ":")
		switch name {
		case "rate":
			l.Rate, err = number(value, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
		case "concurrency":
			l.Concurrency, err = number(value, strconv.Atoi)
		case "daily":
			l.Daily, err = number(value, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
		default:
			return l, fmt.Errorf("%q is no limit; these are: rate, concurrency, daily, as in rate:50,daily:100000", name)
		}
		if err != nil {
			return l, fmt.Errorf("%s must be a number from 0, as in %s:50", name, name)
		}
	}
	return l, nil
}

func number[T int | int64 | float64](text string, read func(string) (T, error)) (*T, error) {
	v, err := read(text)
	if err == nil && !(v >= 0) {
		err = strconv.ErrRange
	}
	return &v, err
}

func (p *Pace) check() error {
	if p.Slots < 0 || p.Slots > maxSlots {
		return &Error{"--slots", strconv.Itoa(p.Slots), fmt.Sprintf("must be 1 to %d", maxSlots)}
	}
	_, err := p.Limits()
	return err
}
