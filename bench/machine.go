package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine is what the numbers hang on.
type machine struct {
	Cores      int    `json:"cores"`
	CPU        string `json:"cpu,omitempty"`
	Memory     string `json:"memory,omitempty"`
	System     string `json:"system"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql"`
	LoadBefore string `json:"loadBefore,omitempty"` // of the last minute, five and fifteen
	LoadAfter  string `json:"loadAfter,omitempty"`
	Took       string `json:"took"`
}

func machineFacts(postgres string) machine {
	m := machine{
		Cores: runtime.NumCPU(), CPU: procValue("/proc/cpuinfo", "model name"), System: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), PostgreSQL: postgres, LoadBefore: loadAverage(),
	}
	var kib int64
	if _, err := fmt.Sscanf(procValue("/proc/meminfo", "MemTotal"), "%d kB", &kib); err == nil {
		m.Memory = fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
	}
	return m
}

// String tells it in two lines.
func (m machine) String() string {
	first := []string{fmt.Sprintf("%d cores", m.Cores)}
	for _, s := range []string{m.CPU, m.Memory} {
		if s != "" {
			first = append(first, s)
		}
	}
	second := []string{m.System, m.Go, "PostgreSQL " + m.PostgreSQL, "took " + m.Took}
	if m.LoadBefore != "" {
		second = append(second, "load average before "+m.LoadBefore+", after "+m.LoadAfter)
	}
	return strings.Join(first, ", ") + "\n" + strings.Join(second, ", ")
}

// procValue reads the first value of a name in a file of the form "name: value", where the system has it.
func procValue(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// loadAverage is how busy the machine was, where the system tells: numbers measured beside other work are worth less.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
