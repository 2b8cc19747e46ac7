package chaos

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// checkLogs looks for panics and for phone numbers in the logs of the program and of PostgreSQL, and tells how often each
// process was started and how it ended when nobody had told it to.
func (w *world) checkLogs() {
	number := regexp.MustCompile(strings.TrimSuffix(numberOf(firstNumber).String(), "0000")[1:] + `\d{4}`)
	broken := regexp.MustCompile(`^panic: |^fatal error: |^goroutine \d+ \[`)
	paths := []string{filepath.Join(w.database.dir, "postgres.log")}
	for _, u := range w.units() {
		paths = append(paths, w.logOf(u.name))
	}
	for _, path := range paths {
		w.checkLog(path, number, broken)
	}
	for _, u := range append(w.units(), w.nats...) {
		u.mu.Lock()
		ends := slices.Compact(slices.Sorted(slices.Values(u.unexpected)))
		w.say("%-9s %s was started %d times; ended by itself %d times %v", "check", u.name, u.starts, len(u.unexpected), ends)
		u.mu.Unlock()
	}
}

func (w *world) checkLog(path string, number, broken *regexp.Regexp) {
	f, err := os.Open(path)
	if err != nil {
		w.t.Error(err)
		return
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	told := 0
	for lines.Scan() {
		at := number.FindIndex(lines.Bytes())
		switch {
		case broken.Match(lines.Bytes()):
			w.t.Errorf("%s: %s", filepath.Base(path), lines.Text())
			told++
		case at != nil:
			w.t.Errorf("%s holds a phone number: %s", filepath.Base(path), lines.Text())
			told++
		}
		if told >= 5 {
			return
		}
	}
	if err := lines.Err(); err != nil {
		w.t.Errorf("%s: %v", filepath.Base(path), err)
	}
}
