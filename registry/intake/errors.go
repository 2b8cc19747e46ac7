package intake

import "fmt"

// Error says why a file cannot be read at all and what would be right. Its message is safe to show: it holds no phone
// number.
type Error struct {
	Field   string // the option that is wrong, such as "map"; "" when it is the file
	Message string
}

func (e *Error) Error() string { return e.Message }

func errorf(field, format string, args ...any) *Error {
	return &Error{Field: field, Message: fmt.Sprintf(format, args...)}
}
