package registry

import "time"

// AccessEntry is one read that showed whole numbers.
type AccessEntry struct {
	ID        int64 // set by the store; grows
	At        time.Time
	Actor     string
	Role      Role
	Purpose   string // "": none was told
	Operation string // the operation's name, or the address of a download without its ids; "": none
	Fields    []string
	Revealed  int64
	RequestID string
}

// AccessFilter is which reads. All conditions must hold; zero values mean no condition.
type AccessFilter struct {
	Actor       *string
	RequestID   *string
	Since       *time.Time
	Until       *time.Time // not included
	MinRevealed *int64
}
