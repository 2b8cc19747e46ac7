package registry

import (
	"errors"
	"fmt"
)

// Code classifies errors by what the caller can do about them. Its text is the UserErrorCode of the API.
type Code string

// The codes of errors that a caller can cause and correct.
const (
	CodeInvalidNumber   Code = "INVALID_NUMBER"
	CodeInvalidInput    Code = "INVALID_INPUT"
	CodeNotFound        Code = "NOT_FOUND"
	CodeTooManyPhones   Code = "TOO_MANY_PHONES"
	CodeUnknownSource   Code = "UNKNOWN_SOURCE"
	CodeEmptyTarget     Code = "EMPTY_TARGET"
	CodePlatformMissing Code = "PLATFORM_NOT_AVAILABLE"
	CodeInvalidState    Code = "INVALID_STATE"
)

// Error is an error that the caller can cause and correct. Its message is safe to show: it says what was wrong and
// what would be right, and never holds a phone number.
type Error struct {
	Code    Code
	Message string
	Path    []string // where in the input, for example ["input", "number"]
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error. The message must not hold a phone number.
func Errorf(code Code, path []string, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Path: path}
}

// Errors is several errors of one input, shown together.
type Errors []*Error

func (es Errors) Error() string {
	if len(es) == 0 {
		return "no errors"
	}
	return es[0].Message
}

// UserErrors returns the errors in err that the caller can correct, and whether err is nothing but these.
func UserErrors(err error) ([]*Error, bool) {
	if es, ok := errors.AsType[Errors](err); ok {
		return es, true
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return []*Error{e}, true
	}
	return nil, false
}

// ErrNotFound is returned by stores when there is no such row.
var ErrNotFound = errors.New("not found")

// orNil is the errors as an error, nil when there are none.
func (es Errors) orNil() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// collect adds the user errors in err, if any.
func collect(es Errors, err error) Errors {
	found, _ := UserErrors(err)
	return append(es, found...)
}
