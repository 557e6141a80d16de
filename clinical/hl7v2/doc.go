// Package hl7v2 reads and writes HL7 v2 messages (2.1 to 2.9, vertical bar encoding) without losing a byte.
//
// Parse keeps the bytes it was given and notes where segments, fields and repetitions begin; components are found when
// they are asked for and text is decoded when it is asked for. Encode therefore gives back the very bytes. What is not
// sent (Empty), what is sent as `""` (Null: delete) and what has a value are three different things at every level.
//
// It is strict about structure (delimiters, segment names, one MSH) and tolerant where senders are known to differ and
// the meaning stays certain; each such liberty is named by Message.Tolerated. It never guesses content: bytes that the
// character set in force cannot read become U+FFFD and are reported by Undecoded. No error, path or printed form of a
// message, segment, field or value shows content. Every input is bounded.
//
// A parsed Message never changes and may be read from many goroutines, as long as nobody writes to the bytes given to
// Parse. It does no I/O and knows nothing of MLLP framing, of events or of what a field means.
//
// Read in this order: message.go, value.go, parse.go, delimiters.go, text.go, charset.go, header.go, path.go, time.go,
// number.go, compose.go, builder.go, split.go.
package hl7v2

// The bounds of one message. Beyond them Parse and Builder.Bytes answer ward.TooLarge.
const (
	MaxBytes            = 16 << 20 // bytes of a message, framing not counted
	MaxSegments         = 20_000   // segments of a message
	MaxFields           = 1 << 20  // fields of a message
	MaxFieldsPerSegment = 1_024    // fields of one segment; the longest defined ones have fewer than 100
	MaxRepeats          = 1 << 20  // repetitions of a message beyond the first of each field
	MaxMessages         = 100_000  // messages of one file given to Split
)
