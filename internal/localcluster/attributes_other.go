//go:build !linux

package localcluster

import "syscall"

// attributes keep Ctrl-C at the terminal from the child, which is ended in its turn.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
