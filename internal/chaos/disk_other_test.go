//go:build !linux

package chaos

import "errors"

var errNoMount = errors.New("small disks are mounted on Linux only")

func mountSmall(string, int) error { return errNoMount }

func unmount(string) error { return nil }

func small(string) bool { return false }

func fill(string) (func(), error) { return func() {}, errNoMount }
