package server

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/config"
	"github.com/ward-health/ward/engine/keys"
)

const maxSecret = 4096

// passphraseFile is the environment variable that names a file with the root key's passphrase; it goes before ward.json.
const passphraseFile = "WARD_PASSPHRASE_FILE"

// secretFrom reads a secret by reference: "file:PATH" (relative to the data directory), "env:NAME", "cred:NAME" (a systemd
// credential) or "prompt" (the terminal, without echo).
func secretFrom(dir, ref, prompt string) (keys.Secret, error) {
	if ref == "prompt" {
		return AskSecret(prompt)
	}
	if rest, ok := strings.CutPrefix(ref, "file:"); ok && !filepath.IsAbs(rest) {
		ref = "file:" + filepath.Join(dir, rest)
	}
	var s config.Secret
	if err := s.UnmarshalText([]byte(ref)); err != nil {
		return nil, err
	}
	return s.Resolve()
}

// AskSecret reads one line from the terminal with echo off.
func AskSecret(prompt string) (keys.Secret, error) {
	const op = "server.secret"
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, ward.E(ward.Unavailable, op, "the passphrase is asked for at a terminal and there is none; set "+
			passphraseFile+" to a file that holds it", err)
	}
	defer tty.Close()
	fd := int(tty.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, ward.E(ward.Unavailable, op, "the terminal cannot be set to read a passphrase", err)
	}
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return nil, ward.E(ward.Unavailable, op, "the terminal cannot be set to read a passphrase", err)
	}
	if _, err := io.WriteString(tty, prompt); err != nil {
		return nil, errors.Join(err, unix.IoctlSetTermios(fd, unix.TCSETS, old))
	}
	secret, err := readLine(tty)
	_, ended := io.WriteString(tty, "\n")
	return secret, errors.Join(err, ended, unix.IoctlSetTermios(fd, unix.TCSETS, old))
}

func readLine(r io.Reader) (keys.Secret, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		_, err := r.Read(one)
		if errors.Is(err, io.EOF) || one[0] == '\n' {
			break
		}
		if err != nil || len(line) >= maxSecret {
			return nil, ward.E(ward.Invalid, "server.secret", "the passphrase must have 1 to 4096 bytes", err)
		}
		line = append(line, one[0])
	}
	if len(line) == 0 {
		return nil, ward.E(ward.Invalid, "server.secret", "the passphrase must have 1 to 4096 bytes", nil)
	}
	return line, nil
}

// ReadSecret reads a secret from a file that others cannot read.
func ReadSecret(path string) (keys.Secret, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, ward.E(ward.Invalid, "server.secret", "the file of a secret has no absolute path", err)
	}
	return secretFrom("/", "file:"+path, "")
}

// unlock returns what opens the root key: exactly one of the two is set.
func (c Config) unlock() (passphrase, credential keys.Secret, err error) {
	if len(c.Passphrase) > 0 {
		return c.Passphrase, nil, nil
	}
	if path := os.Getenv(passphraseFile); path != "" {
		passphrase, err = ReadSecret(path)
		return passphrase, nil, err
	}
	if c.Root.Passphrase != "" {
		passphrase, err = secretFrom(c.Dir, c.Root.Passphrase, "Passphrase of the root key: ")
		return passphrase, nil, err
	}
	credential, err = secretFrom(c.Dir, c.Root.Credential, "Credential of the root key: ")
	return nil, credential, err
}
