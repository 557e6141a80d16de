package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is a signed tree head.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// MaxCheckpoint bounds the length of a signed checkpoint in bytes.
const MaxCheckpoint = 64 << 10

// Text returns the body that is signed.
//
// SPEC(C2SP tlog-checkpoint, Note text): origin, size in decimal without leading zeros, root in base64, one a line.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// OpenCheckpoint checks the signature of a checkpoint with vkey, a C2SP note verifier key whose name must be the
// origin, and reads it. Signatures by other keys are ignored; none by vkey is an error.
func OpenCheckpoint(signed []byte, vkey string) (Checkpoint, error) {
	v, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return Checkpoint{}, errors.New("the key is not a C2SP note verifier key (name+hash+base64)")
	}
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, fmt.Errorf("checkpoint is longer than %d bytes", MaxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint is not signed by %s with the given key: %w", v.Name(), err)
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != v.Name() {
		return Checkpoint{}, fmt.Errorf("checkpoint has the origin %q, the key is for %q", c.Origin, v.Name())
	}
	return c, nil
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return Checkpoint{}, errors.New("checkpoint has fewer than three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, errors.New("checkpoint line 2 is not a tree size")
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errors.New("checkpoint line 3 is not a SHA-256 hash in base64")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

func parseHash(s string) (Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 32 || len(s) != 44 {
		return Hash{}, errors.New("not a SHA-256 hash in base64")
	}
	return Hash(b), nil
}
