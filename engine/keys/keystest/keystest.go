// Package keystest makes root keys for tests: a real file provider in a temporary directory. Tests only.
package keystest

import (
	"path/filepath"
	"testing"

	"github.com/ward-health/ward/engine/keys"
)

// Root makes a root key file under a random credential and opens it.
func Root(t testing.TB) keys.Root {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.json")
	credential := keys.Secret(keys.NewKey())
	if err := keys.CreateFile(path, nil, credential); err != nil {
		t.Fatal(err)
	}
	root, err := keys.OpenFile(path, nil, credential)
	if err != nil {
		t.Fatal(err)
	}
	return root
}
