package pgembed

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// assumedMemory stands in where the system does not tell.
const assumedMemory = 4 << 30

// availableMemory is the memory in bytes that this process may use: that of the machine, or the limit of its control
// group (a container) when that is lower.
func availableMemory() int64 {
	memory := machineMemory()
	for _, path := range cgroupLimits() {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // another kind of control group, or none
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
		if err == nil && limit > 0 { // "max" means no limit
			memory = min(memory, limit)
		}
	}
	return memory
}

func cgroupLimits() []string {
	paths := []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}
	content, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return paths
	}
	for line := range strings.Lines(string(content)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch parts[1] {
		case "":
			paths = append(paths, filepath.Join("/sys/fs/cgroup", parts[2], "memory.max"))
		case "memory":
			paths = append(paths, filepath.Join("/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes"))
		}
	}
	return paths
}
