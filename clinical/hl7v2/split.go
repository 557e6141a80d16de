package hl7v2

import (
	"bytes"
	"strconv"

	"github.com/ward-health/ward"
)

// Split returns the messages of a file, one after another or wrapped in FHS/BHS ... BTS/FTS, as slices of b that Parse
// takes. Blank lines and the frame characters of MLLP between messages are left out, and so are the
// segments of the wrapping.
//
// Errors are *ward.Error: Invalid with Path "line 7" where something stands outside any message, Invalid with Path
// "BTS-1" where the count of a batch trailer is not the number of its messages (the messages are returned beside this
// one, for the file was cut or edited), TooLarge beyond MaxMessages, Unsupported for UTF-16.
func Split(b []byte) ([][]byte, error) {
	if len(b) >= 2 && (b[0] == 0xFF && b[1] == 0xFE || b[0] == 0xFE && b[1] == 0xFF) {
		return nil, ward.E(ward.Unsupported, "hl7v2.split", "the file is in UTF-16; convert it to UTF-8", nil)
	}
	s := splitter{b: b, begin: -1}
	line := 0
	for at := 0; at < len(b); {
		line++
		end := at
		for end < len(b) && !isBreak(b[end]) {
			end++
		}
		if err := s.line(at, end, line); err != nil {
			return nil, err
		}
		at = end
		if at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n' {
			at++
		}
		at++
	}
	s.close(len(b))
	if s.miscount {
		return s.out, ward.E(ward.Invalid, "hl7v2.split",
			"the count of a batch trailer is not the number of messages of the batch; the file may have been cut", nil).At("BTS-1")
	}
	return s.out, nil
}

type splitter struct {
	b        []byte
	out      [][]byte
	begin    int // of the message that is open, -1 if none is
	batch    int // messages before this batch
	miscount bool
}

// line takes one line from at to end.
func (s *splitter) line(at, end, number int) error {
	text := s.b[at:end]
	bare := bytes.TrimLeft(bytes.TrimPrefix(text, byteOrderMark), "\x00\v\x1c \t")
	skipped := len(text) - len(bare)
	bare = bytes.TrimRight(bare, "\x00\x1c \t")
	switch {
	case len(bare) >= 4 && string(bare[:3]) == "MSH" && canDelimit(bare[3]):
		s.close(at)
		if len(s.out) == MaxMessages {
			return ward.E(ward.TooLarge, "hl7v2.split", "the file has more than "+strconv.Itoa(MaxMessages)+" messages", nil)
		}
		s.begin = at + skipped
		if skipped == len(byteOrderMark) && bytes.HasPrefix(text, byteOrderMark) {
			s.begin = at // the mark tells Parse the character set
		}
	case isFileSegment(bare):
		s.close(at)
		s.wrap(bare)
	case s.begin < 0 && len(bare) > 0:
		return ward.E(ward.Invalid, "hl7v2.split", "something stands here outside any message; expected MSH, FHS, BHS, BTS or FTS",
			nil).At("line " + strconv.Itoa(number))
	}
	return nil
}

// close ends the open message before end.
func (s *splitter) close(end int) {
	if s.begin < 0 {
		return
	}
	m := s.b[s.begin:end]
	content := len(bytes.TrimRight(m, "\x1c\r\n \t\x00"))
	if i := bytes.IndexByte(m[content:], 0x1C); i >= 0 {
		m = m[:content+i]
	}
	s.out = append(s.out, m[:len(m):len(m)])
	s.begin = -1
}

// wrap takes a segment of the wrapping and compares the count of a batch trailer.
//
// SPEC(HL7 v2.9 2, BTS-1): BTS-1 is the number of messages of the batch; it may be empty.
func (s *splitter) wrap(line []byte) {
	switch string(line[:3]) {
	case "BHS":
		s.batch = len(s.out)
	case "BTS":
		if len(line) > 4 {
			count, _, _ := bytes.Cut(line[4:], []byte{line[3]})
			if n, err := strconv.Atoi(string(bytes.TrimSpace(count))); err == nil && n != len(s.out)-s.batch {
				s.miscount = true
			}
		}
		s.batch = len(s.out)
	}
}
