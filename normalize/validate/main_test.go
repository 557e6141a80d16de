package validate_test

import (
	"testing"

	"github.com/ward-health/ward/engine/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
