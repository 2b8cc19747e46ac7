package config

import (
	"errors"
	"testing"
)

func TestGuessing(t *testing.T) {
	for failures, bad := range map[int]bool{0: false, 60: false, maxRate: false, -1: true, maxRate + 1: true} {
		err := (&Guessing{AuthFailures: failures}).check()
		wrong, ok := errors.AsType[*Error](err)
		if ok != bad || ok && wrong.Field != "--auth-failures" {
			t.Errorf("%d: %v", failures, err)
		}
	}
}
