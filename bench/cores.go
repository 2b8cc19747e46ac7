package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// coreTime is how long cores have worked for this process.
func coreTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0 // it fails for wrong arguments only
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// clockTick is the unit of times in /proc, which is the same on all systems that Go runs on.
const clockTick = 10 * time.Millisecond

// coreTimeOf is how long cores have worked for another process; 0 where the system does not tell.
func coreTimeOf(pid int) time.Duration {
	fields := statFields(strconv.Itoa(pid))
	if len(fields) < 15 {
		return 0
	}
	user, _ := strconv.Atoi(fields[13])
	system, _ := strconv.Atoi(fields[14])
	return time.Duration(user+system) * clockTick
}

// coreTimeBelow is the same for the children of a process that live.
func coreTimeBelow(parent int) time.Duration {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, dir := range all {
		if fields := statFields(filepath.Base(dir)); len(fields) > 3 && fields[3] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			sum += coreTimeOf(pid)
		}
	}
	return sum
}

// statFields reads /proc/PID/stat; nothing where there is none. The second field, a name in brackets, is one field.
func statFields(pid string) []string {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return nil
	}
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return nil
	}
	return append([]string{pid, ""}, strings.Fields(string(text[end+1:]))...)
}

// effort is the time that cores worked for a number of things: answers, rows, checks.
type effort struct {
	server, postgres time.Duration
	asking           time.Duration // of this process, which asks
	things           int
}

// measureEffort runs work and returns what the process with this id, and PostgreSQL, spent meanwhile.
func (b *bench) measureEffort(pid int, work func() (things int, err error)) (effort, error) {
	server, postgres, own := coreTimeOf(pid), coreTimeBelow(b.server.postgres.PID()), coreTime()
	things, err := work()
	return effort{
		server: coreTimeOf(pid) - server, postgres: coreTimeBelow(b.server.postgres.PID()) - postgres,
		asking: coreTime() - own, things: things,
	}, err
}

func (e effort) plus(other effort) effort {
	return effort{e.server + other.server, e.postgres + other.postgres, e.asking + other.asking, e.things + other.things}
}

// over is how many times as long cores worked for one thing as in the other case; 0 where that is not known.
func (e effort) over(other effort) float64 {
	if e.things == 0 || other.things == 0 || other.server+other.postgres == 0 {
		return 0
	}
	return (e.server + e.postgres).Seconds() / float64(e.things) / ((other.server + other.postgres).Seconds() / float64(other.things))
}

// String tells the time for one thing.
func (e effort) String() string {
	if e.things == 0 || e.server+e.postgres == 0 {
		return "unknown"
	}
	return e.each(e.server) + " + " + e.each(e.postgres) + " in PostgreSQL"
}

// each is the share of one thing in a time.
func (e effort) each(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", 1000*d.Seconds()/float64(e.things))
}
