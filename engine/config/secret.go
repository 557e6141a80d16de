package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/keys"
)

// secretMax bounds a secret.
const secretMax = 64 << 10

// Secret is a reference to a secret that lies elsewhere: "file:/absolute/path", "env:NAME", or "cred:NAME" for the file
// NAME in $CREDENTIALS_DIRECTORY (systemd LoadCredential). The zero Secret is none. It does not print with fmt, slog or
// JSON; Print writes the reference, which is no secret, into the listing of settings.
type Secret struct{ ref string }

// IsZero reports whether no secret is referred to.
func (s Secret) IsZero() bool { return s.ref == "" }

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[secret]") }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText refuses.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("config: a secret is not marshalled")
}

// UnmarshalText reads a reference; a secret itself is refused, and not repeated.
func (s *Secret) UnmarshalText(b []byte) error {
	scheme, rest, _ := strings.Cut(string(b), ":")
	ok := false
	switch scheme {
	case "file":
		ok = filepath.IsAbs(rest) && len(rest) <= 4096 && !strings.ContainsRune(rest, 0)
	case "env", "cred":
		ok = validRef(rest)
	}
	if !ok {
		return ward.E(ward.Invalid, "config.secret", `a secret is given by reference: "file:/absolute/path", "env:NAME" or "cred:NAME"`, nil)
	}
	s.ref = string(b)
	return nil
}

// validRef accepts a plain name: no separator, so that no other directory is reached.
func validRef(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// Resolve reads the secret; nil for the zero Secret. One line break at the end of a text is left out. A missing, empty or
// too large secret is ward.Invalid; a file that others than owner and group can read, or others than the owner can write,
// is ward.Denied.
func (s Secret) Resolve() (keys.Secret, error) {
	const op = "config.secret"
	scheme, rest, _ := strings.Cut(s.ref, ":")
	var b []byte
	var err error
	switch scheme {
	case "":
		return nil, nil
	case "env":
		b = []byte(os.Getenv(rest))
	case "cred":
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return nil, ward.E(ward.Invalid, op, "a secret is given as cred:, but $CREDENTIALS_DIRECTORY is not set; start the node by a systemd unit with LoadCredential=", nil)
		}
		b, err = readSecret(filepath.Join(dir, rest))
	default:
		b, err = readSecret(rest)
	}
	if err != nil {
		return nil, err
	}
	b = trimText(b)
	if len(b) == 0 {
		return nil, ward.E(ward.Invalid, op, "the secret that "+scheme+": refers to is missing or empty", nil)
	}
	return keys.Secret(b), nil
}

func readSecret(path string) ([]byte, error) {
	const op = "config.secret"
	f, err := os.Open(path)
	if err != nil {
		return nil, ward.E(ward.Invalid, op, "the file of a secret cannot be opened", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil, ward.E(ward.Invalid, op, "the file of a secret is not a regular file", err)
	}
	if st.Mode().Perm()&0o027 != 0 {
		return nil, ward.E(ward.Denied, op, fmt.Sprintf("the file of a secret has mode %04o; others must not read it and only its owner may write it: set it to 0400", st.Mode().Perm()), nil)
	}
	b, err := io.ReadAll(io.LimitReader(f, secretMax+1))
	if err != nil || len(b) > secretMax {
		return nil, ward.E(ward.Invalid, op, fmt.Sprintf("the file of a secret cannot be read or is larger than %d bytes", secretMax), err)
	}
	return b, nil
}

// trimText takes one line break off the end of a text that an editor or echo wrote; random bytes stay as they are.
func trimText(b []byte) []byte {
	text, ok := strings.CutSuffix(string(b), "\n")
	if !ok {
		return b
	}
	text = strings.TrimSuffix(text, "\r")
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return b
	}
	return []byte(text)
}
