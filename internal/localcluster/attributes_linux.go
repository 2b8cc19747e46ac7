package localcluster

import "syscall"

// attributes keep Ctrl-C at the terminal from the child, which is ended in its turn, and end it with this process.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
