package keys

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ward-health/ward"
)

// Bounds of a root key file.
const (
	fileVersion      = 1
	fileRounds       = 600_000
	fileRoundsMax    = 20_000_000
	fileSizeMax      = 4096
	saltSize         = 32
	passphraseMin    = 14 // bytes: 112 bits, the least HMAC key of the approved mode
	secretMax        = 4096
	kindPassphrase   = "passphrase"
	kindCredential   = "credential"
	rootWrapperLabel = "ward/root/v1"
)

// file is the form on disk.
type file struct {
	Version int    `json:"version"`
	Kind    string `json:"kind"` // passphrase or credential
	Salt    []byte `json:"salt"`
	Rounds  int    `json:"rounds,omitempty"` // PBKDF2 only
	Root    string `json:"root"`             // random name of the root key, hex
	Wrapped []byte `json:"wrapped"`
}

// CreateFile makes a new root key file (mode 0600, fsynced, refused if it exists). Exactly one of the two secrets is
// given: with a passphrase of 14 or more bytes the key is wrapped under PBKDF2-HMAC-SHA-256 (600,000 rounds); with a
// credential of 32 or more random bytes (systemd LoadCredential, a file) under HKDF of it. Losing the file or the secret
// loses everything that was ever sealed. Errors: ward.Invalid for the secrets, ward.Conflict if the file exists.
func CreateFile(path string, passphrase, credential Secret) error {
	f := file{Version: fileVersion, Salt: make([]byte, saltSize)}
	switch {
	case len(passphrase) > 0 && len(credential) > 0:
		return ward.E(ward.Invalid, "keys.create", "give a passphrase or a credential, not both", nil)
	case len(passphrase) > 0:
		f.Kind, f.Rounds = kindPassphrase, fileRounds
	case len(credential) > 0:
		f.Kind = kindCredential
	default:
		return ward.E(ward.Invalid, "keys.create", "a passphrase or a credential must be given to protect the root key", nil)
	}
	name := make([]byte, 8)
	rand.Read(name)
	rand.Read(f.Salt)
	f.Root = hex.EncodeToString(name)
	w, err := f.wrapper(passphrase, credential)
	if err != nil {
		return err
	}
	root := NewKey()
	defer clear(root)
	if f.Wrapped, err = w.Wrap(f.aad(), root); err != nil {
		return err
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return ward.E(ward.Internal, "keys.create", "the root key file cannot be written", err)
	}
	return writeNew(path, append(text, '\n'))
}

// OpenFile opens a root key file. It refuses a file that others than its owner can read or write (ward.Denied). The
// secret that the file's kind does not need is ignored. A wrong passphrase or credential is ward.Unauthentic.
func OpenFile(path string, passphrase, credential Secret) (Root, error) {
	f, err := readFile(path)
	if err != nil {
		return nil, err
	}
	w, err := f.wrapper(passphrase, credential)
	if err != nil {
		return nil, err
	}
	root, err := w.Unwrap(f.aad(), f.Wrapped)
	if err != nil {
		return nil, ward.E(ward.Unauthentic, "keys.open", "the "+f.Kind+" does not open the root key file, or the file was changed", nil)
	}
	defer clear(root)
	wrapper, err := NewWrapper(root, rootWrapperLabel+"|"+f.Root)
	if err != nil {
		return nil, err
	}
	return &fileRoot{wrapper: wrapper, id: "file:" + f.Root + ":1"}, nil
}

type fileRoot struct {
	wrapper *Wrapper
	id      string
}

func (r *fileRoot) Wrap(_ context.Context, aad, key []byte) ([]byte, error) {
	return r.wrapper.Wrap(aad, key)
}

func (r *fileRoot) Unwrap(_ context.Context, aad, wrapped []byte) ([]byte, error) {
	return r.wrapper.Unwrap(aad, wrapped)
}

func (r *fileRoot) ID() string { return r.id }

// Format implements fmt.Formatter for every verb.
func (r *fileRoot) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.id) }

// aad binds every field that is not bound by deriving the wrapping key.
func (f file) aad() []byte {
	return fmt.Appendf(nil, "%d|%s|%d|%s", f.Version, f.Kind, f.Rounds, f.Root)
}

// wrapper derives the key that wraps the root key.
//
// SPEC(NIST SP 800-132 5): the passphrase is stretched by PBKDF2 with a random salt of at least 128 bits.
func (f file) wrapper(passphrase, credential Secret) (*Wrapper, error) {
	var key []byte
	var err error
	switch f.Kind {
	case kindPassphrase:
		if len(passphrase) < passphraseMin || len(passphrase) > secretMax {
			return nil, ward.E(ward.Invalid, "keys.passphrase", fmt.Sprintf("the root key file needs a passphrase of %d to %d bytes", passphraseMin, secretMax), nil)
		}
		key, err = pbkdf2.Key(sha256.New, string(passphrase), f.Salt, f.Rounds, KeySize)
	default:
		if len(credential) < KeySize || len(credential) > secretMax {
			return nil, ward.E(ward.Invalid, "keys.credential", fmt.Sprintf("the root key file needs a credential of %d to %d bytes", KeySize, secretMax), nil)
		}
		key, err = derive(credential, f.Salt, "ward/rootfile/v1", KeySize)
	}
	if err != nil {
		return nil, ward.E(ward.Internal, "keys.derive", "the key derivation is not available", err)
	}
	defer clear(key)
	return NewWrapper(key, "ward/rootfile/v1")
}

// readFile reads and bounds the file; nothing in it is believed before the wrapped key opens.
func readFile(path string) (file, error) {
	var f file
	bad := func(why string, err error) (file, error) {
		return file{}, ward.E(ward.Invalid, "keys.open", "the root key file "+why, err)
	}
	h, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, ward.E(ward.NotFound, "keys.open", "there is no root key file at the configured path; `ward init` makes one", err)
	} else if err != nil {
		return file{}, ward.E(ward.Unavailable, "keys.open", "the root key file cannot be opened", err)
	}
	defer h.Close()
	st, err := h.Stat()
	if err != nil {
		return bad("cannot be read", err)
	}
	if !st.Mode().IsRegular() {
		return bad("is not a regular file", nil)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return file{}, ward.E(ward.Denied, "keys.open", fmt.Sprintf("the root key file has mode %04o and others can reach it; set it to 0600", st.Mode().Perm()), nil)
	}
	text, err := io.ReadAll(io.LimitReader(h, fileSizeMax+1))
	if err != nil || len(text) > fileSizeMax {
		return bad(fmt.Sprintf("cannot be read whole or is larger than %d bytes", fileSizeMax), err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return bad("is not the JSON that `ward init` wrote", nil)
	}
	return f, f.check()
}

func (f file) check() error {
	why := ""
	switch {
	case f.Version != fileVersion:
		why = fmt.Sprintf("has version %d; this build reads %d", f.Version, fileVersion)
	case f.Kind != kindPassphrase && f.Kind != kindCredential:
		why = "has a kind that is neither passphrase nor credential"
	case f.Kind == kindPassphrase && (f.Rounds < fileRounds || f.Rounds > fileRoundsMax):
		why = fmt.Sprintf("asks for PBKDF2 rounds outside %d to %d", fileRounds, fileRoundsMax)
	case len(f.Salt) != saltSize || len(f.Root) != 16 || len(f.Wrapped) != KeySize+wrapOverhead:
		why = "has a salt, name or wrapped key of the wrong length"
	}
	if why == "" {
		return nil
	}
	return ward.E(ward.Invalid, "keys.open", "the root key file "+why, nil)
}

// writeNew writes a file that must not exist and makes it and its name durable. A file that could not be written whole
// is removed: it would stand in the way of the next attempt.
func writeNew(path string, text []byte) error {
	h, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ward.E(ward.Conflict, "keys.create", "a root key file exists already and is never overwritten", err)
	} else if err != nil {
		return ward.E(ward.Unavailable, "keys.create", "the root key file cannot be made", err)
	}
	_, err = h.Write(text)
	err = errors.Join(err, h.Chmod(0o600), h.Sync(), h.Close())
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(path))
		return ward.E(ward.Unavailable, "keys.create", "the root key file could not be made durable", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
