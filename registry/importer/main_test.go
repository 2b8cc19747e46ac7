package importer_test

import (
	"testing"

	"phoneregistry/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
