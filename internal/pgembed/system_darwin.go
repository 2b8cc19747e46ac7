package pgembed

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func machineMemory() int64 {
	size, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return assumedMemory
	}
	return int64(size)
}

// commandLine returns the arguments that a process was started with. The working directory is not to be had.
func commandLine(pid int) (args []string, dir string) {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil, ""
	}
	return strings.Fields(string(out)), ""
}

// processesIn finds nothing: the system does not tell. Sessions of a killed PostgreSQL end with their statement.
func processesIn(string) []int { return nil }

// dieWithParent does nothing: the system has no such service. Tests that are killed may leave a PostgreSQL behind.
func dieWithParent(*syscall.SysProcAttr) {}

func smallSharedMemory() bool { return false }
