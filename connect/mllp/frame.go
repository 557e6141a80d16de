package mllp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ward-health/ward"
)

// SPEC(HL7 MLLP release 1, block format): a block is the start block character, the content, the end block character and a
// carriage return.
const (
	startBlock     = 0x0b // VT
	endBlock       = 0x1c // FS
	carriageReturn = 0x0d
)

// Append appends frame, framed, to dst: VT frame FS CR. It does not look at the content; Check does.
func Append(dst, frame []byte) []byte {
	dst = append(dst, startBlock)
	dst = append(dst, frame...)
	return append(dst, endBlock, carriageReturn)
}

// Check says whether content can be framed: it is not empty, has at most max bytes and holds neither the start nor the
// end block character, which would end the frame early. The error is ward.Invalid or ward.TooLarge.
func Check(content []byte, max int) error {
	switch {
	case blank(content):
		return ward.E(ward.Invalid, "mllp.check", "a frame without content cannot be sent; give at least one byte that is not blank", nil)
	case len(content) > max:
		return ward.E(ward.TooLarge, "mllp.check", fmt.Sprintf("a frame of %d bytes is over the bound of %d", len(content), max), nil)
	}
	for _, c := range []byte{startBlock, endBlock} {
		if i := bytes.IndexByte(content, c); i >= 0 {
			return ward.E(ward.Invalid, "mllp.check", fmt.Sprintf("the content holds the block character %#02x, which MLLP cannot carry; "+
				"escape or remove it", c), nil).At(fmt.Sprintf("byte %d", i))
		}
	}
	return nil
}

// filler may stand between two frames without harm: NULs, blanks, line ends, and end blocks that close nothing (double
// framing, and the CR that some senders leave out or double).
const filler = "\x00\t\n\r \x1c"

func isFiller(c byte) bool { return strings.IndexByte(filler, c) >= 0 }

// blank reports whether content is filler only. It stops at the first other byte.
func blank(content []byte) bool {
	for _, c := range content {
		if !isFiller(c) {
			return false
		}
	}
	return true
}

// BadFrame tells of bytes that were not a frame and have been skipped. It is the cause inside a ward.Error of kind
// Invalid; the Reader goes on at the next start block.
type BadFrame struct {
	Why   Why // Unframed, Cut or Empty
	Bytes int // how many bytes were skipped
}

// Error implements error.
func (b BadFrame) Error() string { return fmt.Sprintf("%s, %d bytes", b.Why, b.Bytes) }

var badTexts = map[Why]string{
	Unframed: "bytes came where a start block (0x0b) was expected; the sender must frame each message as VT content FS CR",
	Cut:      "a frame ended before its end block (0x1c); it is not taken as a message and must be sent again",
	Empty:    "a frame had no content; nothing is answered to it",
}

func badFrame(why Why, n int) error {
	return ward.E(ward.Invalid, "mllp.read", badTexts[why], BadFrame{Why: why, Bytes: n})
}

// errFlood is the cause when more bytes were skipped than allowed.
var errFlood = errors.New("too many skipped bytes")
