package intake

import "phoneregistry/registry"

// errorf makes an error about a file, or about the option that is wrong.
func errorf(option, format string, args ...any) *registry.Error {
	path := []string{"file"}
	if option != "" {
		path = []string{option}
	}
	return registry.Errorf(registry.CodeInvalidInput, path, format, args...)
}
