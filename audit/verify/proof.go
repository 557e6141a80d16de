package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const proofHeader = "c2sp.org/tlog-proof@v1"

// MaxProof bounds the length of a proof in bytes.
const MaxProof = 256 << 10

// Inclusion is a proof that an entry stands at an index under a checkpoint.
type Inclusion struct {
	Index      int64
	Path       []Hash // from the leaf's sibling up
	Checkpoint []byte // signed note, verbatim
}

// Text returns the proof's text.
//
// SPEC(C2SP tlog-proof, Format): header, index, one hash a line, empty line, checkpoint verbatim.
func (p Inclusion) Text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nindex %d\n", proofHeader, p.Index)
	for _, h := range p.Path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return []byte(b.String())
}

// ParseProof reads a C2SP tlog-proof. The unauthenticated extra line is skipped.
func ParseProof(b []byte) (Inclusion, error) {
	if len(b) > MaxProof {
		return Inclusion{}, fmt.Errorf("proof is longer than %d bytes", MaxProof)
	}
	head, checkpoint, ok := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHeader {
		return Inclusion{}, errors.New("not a C2SP tlog-proof: the first line must be " + proofHeader)
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if _, err := base64.StdEncoding.DecodeString(lines[0][len("extra "):]); err != nil {
			return Inclusion{}, errors.New("proof: extra is not base64")
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return Inclusion{}, errors.New("proof: the line with the index is missing")
	}
	number := lines[0][len("index "):]
	index, err := strconv.ParseInt(number, 10, 64)
	if err != nil || index < 0 || strconv.FormatInt(index, 10) != number {
		return Inclusion{}, errors.New("proof: index is not a number")
	}
	if len(lines)-1 > 63 {
		return Inclusion{}, errors.New("proof: more than 63 hashes")
	}
	p := Inclusion{Index: index, Checkpoint: []byte(checkpoint)}
	for i, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return Inclusion{}, fmt.Errorf("proof: hash %d is %w", i+1, err)
		}
		p.Path = append(p.Path, h)
	}
	return p, nil
}

// Proof checks a C2SP tlog-proof of a leaf offline. Size and root are believed only under the signature of vkey.
func Proof(proof []byte, vkey string, leaf []byte) error {
	p, err := ParseProof(proof)
	if err != nil {
		return err
	}
	c, err := OpenCheckpoint(p.Checkpoint, vkey)
	if err != nil {
		return err
	}
	if p.Index >= c.Size {
		return fmt.Errorf("proof: index %d is outside the log of %d entries", p.Index, c.Size)
	}
	path := make(tlog.RecordProof, len(p.Path))
	for i, h := range p.Path {
		path[i] = tlog.Hash(h)
	}
	if err := tlog.CheckRecord(path, c.Size, tlog.Hash(c.Root), p.Index, tlog.Hash(LeafHash(leaf))); err != nil {
		return fmt.Errorf("proof: the leaf is not entry %d of the log with the signed root", p.Index)
	}
	return nil
}

// Consistency checks that the tree of the older checkpoint is a prefix of the newer one's. Both roots must have been
// taken from checkpoints whose signatures were checked.
func Consistency(path []Hash, older, newer Checkpoint) error {
	if older.Origin != newer.Origin {
		return fmt.Errorf("checkpoints of two logs: %q and %q", older.Origin, newer.Origin)
	}
	if older.Size == 0 {
		return nil
	}
	if older.Size > newer.Size {
		return fmt.Errorf("the newer checkpoint is smaller: %d after %d entries", newer.Size, older.Size)
	}
	proof := make(tlog.TreeProof, len(path))
	for i, h := range path {
		proof[i] = tlog.Hash(h)
	}
	if err := tlog.CheckTree(proof, newer.Size, tlog.Hash(newer.Root), older.Size, tlog.Hash(older.Root)); err != nil {
		return fmt.Errorf("the log of %d entries does not continue the one of %d", newer.Size, older.Size)
	}
	return nil
}
