package pgembed

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return assumedMemory
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// commandLine returns the arguments that a process was started with, and its working directory where that may be
// seen. Both are empty when there is no such process, or only what is left of one that nobody has waited for.
func commandLine(pid int) (args []string, dir string) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(content) == 0 {
		return nil, ""
	}
	dir, _ = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)) // refused for processes of others
	return strings.Split(strings.TrimRight(string(content), "\x00"), "\x00"), dir
}

// processesIn lists the processes that work in a folder. Those of PostgreSQL all work in its data directory.
func processesIn(dir string) []int {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is well-formed
	var pids []int
	for _, link := range links {
		target, err := os.Readlink(link) // refused for processes of others
		if err != nil || !sameFolder(target, dir) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// dieWithParent makes the kernel stop PostgreSQL (immediate mode) when the thread that started it ends.
func dieWithParent(attributes *syscall.SysProcAttr) {
	attributes.Pdeathsig = syscall.SIGQUIT
}

// smallSharedMemory tells whether /dev/shm is missing or too small for parallel queries, as in many containers.
func smallSharedMemory() bool {
	var stat unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &stat); err != nil {
		return true
	}
	return int64(stat.Blocks)*stat.Bsize < 256<<20
}
