package mapping

// The bounds of what one message may become. Some elements stand in a body more often than in the message (the code of every
// repetition of a value), so that the size of a message does not bound that of its bodies.
const (
	maxRepeats = 1_000   // of one field
	maxText    = 4 << 10 // bytes of the text of a code
	growth     = 4       // bodies may have so many times the bytes of the message,
	slack      = 1 << 20 // and so many more,
	allowance  = 1 << 10 // and for each candidate, what rules set in it
)

// grow adds to the size of all bodies.
func (r *run) grow(n int) {
	if r.size += n; r.size > growth*r.bytes+slack+allowance*len(r.out) {
		r.full = true
	}
}

// crowded reports whether no further candidate is taken.
func (r *run) crowded() bool {
	if len(r.out) >= maxCandidates {
		r.full = true
	}
	return r.full
}
