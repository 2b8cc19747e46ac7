package config_test

import (
	"strings"
	"testing"

	"phoneregistry/internal/config"
)

func TestLimitsCheck(t *testing.T) {
	for field, spoil := range map[string]struct {
		set   func(s *config.Serve, value int)
		right int
	}{
		"--max-document-bytes": {func(s *config.Serve, v int) { s.MaxDocumentBytes = v }, 65536},
		"--max-tokens":         {func(s *config.Serve, v int) { s.MaxTokens = v }, 2000},
		"--max-depth":          {func(s *config.Serve, v int) { s.MaxDepth = v }, 15},
		"--max-aliases":        {func(s *config.Serve, v int) { s.MaxAliases = v }, 30},
		"--max-directives":     {func(s *config.Serve, v int) { s.MaxDirectives = v }, 50},
		"--max-root-fields":    {func(s *config.Serve, v int) { s.MaxRootFields = v }, 20},
		"--max-fields":         {func(s *config.Serve, v int) { s.MaxFields = v }, 1000},
		"--max-work":           {func(s *config.Serve, v int) { s.MaxWork = v }, 20_000},
		"--max-entries":        {func(s *config.Serve, v int) { s.MaxEntries = v }, 20_000},
		"--max-page":           {func(s *config.Serve, v int) { s.MaxPage = v }, 500},
		"--max-cost":           {func(s *config.Serve, v int) { s.MaxCost = v }, 250_000},
	} {
		for _, value := range []int{spoil.right, 0, -1, 1 << 40} {
			s := good()
			spoil.set(&s, value)
			err := s.Check()
			if right := value == spoil.right || value == 0; right != (err == nil) {
				t.Errorf("%s %d: %v", field, value, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), field+" ") {
				t.Errorf("%s %d: %v; want its name", field, value, err)
			}
		}
	}
}
