package mllp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ward-health/ward"
)

// told is what a Reader gave, one text for each frame and error.
func told(r *Reader) (out []string) {
	for range 1 << 20 {
		frame, err := r.Next()
		var bad BadFrame
		switch {
		case err == nil:
			out = append(out, "frame "+string(frame))
		case errors.As(err, &bad):
			out = append(out, bad.Why.String()+" "+strconv.Itoa(bad.Bytes))
		case errors.Is(err, io.EOF):
			return append(out, "eof")
		case errors.Is(err, errFlood):
			return append(out, "flood")
		case ward.KindOf(err) == ward.TooLarge:
			return append(out, "too large")
		default:
			return append(out, "error "+err.Error())
		}
	}
	return append(out, "never ends")
}

func small(r io.Reader) *Reader { return newReader(r, Limits{MaxFrame: 64, MaxSkip: 5000}.filled()) }

func TestFraming(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", []string{"eof"}},
		{"one", "\vMSH|1\r\x1c\r", []string{"frame MSH|1\r", "eof"}},
		{"no CR after FS at the end", "\vA\x1c", []string{"frame A", "eof"}},
		{"no CR after FS, next follows", "\vA\x1c\vB\x1c\r", []string{"frame A", "frame B", "eof"}},
		{"several in one packet", "\vA\x1c\r\vB\x1c\r\vC\x1c\r", []string{"frame A", "frame B", "frame C", "eof"}},
		{"VT VT", "\v\vA\x1c\r", []string{"frame A", "eof"}},
		{"VT CR VT", "\v\r\vA\x1c\r", []string{"frame A", "eof"}},
		{"framed twice", "\v\vA\x1c\r\x1c\r\vB\x1c\r", []string{"frame A", "frame B", "eof"}},
		{"FS FS CR", "\vA\x1c\x1c\r\vB\x1c\r", []string{"frame A", "frame B", "eof"}},
		{"NULs, blanks and line ends between", "\x00\x00 \r\n\vA\x1c\r\n\x00\t\r\n\vB\x1c\r\x00", []string{"frame A", "frame B", "eof"}},
		{"content is verbatim", "\v\xef\xbb\xbfMSH\x00 \n\x1b$B\r\n\x1c\r", []string{"frame \xef\xbb\xbfMSH\x00 \n\x1b$B\r\n", "eof"}},
		{"raw message", "MSH|1\rPID|1\r\vA\x1c\r", []string{"unframed 12", "frame A", "eof"}},
		{"raw message at the end", "\vA\x1c\rMSH|1\r", []string{"frame A", "unframed 6", "eof"}},
		{"raw message after blanks", "\r\n MSH|1\r\n\vA\x1c", []string{"unframed 7", "frame A", "eof"}},
		{"start block lost", "MSH|1\r\x1c\r\vA\x1c\r", []string{"unframed 8", "frame A", "eof"}},
		{"cut by a new frame", "\vMSH|1\rPI\vA\x1c\r", []string{"cut 8", "frame A", "eof"}},
		{"cut three times", "\va\vbb\vccc\vD\x1c\r", []string{"cut 1", "cut 2", "cut 3", "frame D", "eof"}},
		{"cut by the end", "\vA\x1c\r\vMSH|", []string{"frame A", "cut 4", "eof"}},
		{"end right after VT", "\v", []string{"eof"}},
		{"empty", "\v\x1c\r\vA\x1c\r", []string{"empty 0", "frame A", "eof"}},
		{"only blanks", "\v\r\n \x1c\r\vA\x1c\r", []string{"empty 3", "frame A", "eof"}},
		{"at the bound", "\v" + long + "\x1c\r", []string{"frame " + long, "eof"}},
		{"over the bound", "\v" + long + "x\x1c\r\vA\x1c", []string{"too large"}},
		{"over the bound without end", "\vA\x1c\v" + long + long, []string{"frame A", "too large"}},
		{"cut at the bound", "\v" + long + "\vA\x1c", []string{"cut 64", "frame A", "eof"}},
		{"cut over the bound", "\v" + long + "x\vA\x1c", []string{"too large"}},
		{"flood of noise", strings.Repeat("GET / ", 1000) + "\vA\x1c", []string{"unframed 5001", "flood"}},
		{"flood of filler", strings.Repeat("\x00", 6000) + "\vA\x1c", []string{"flood"}},
		{"flood of start blocks", strings.Repeat("\v", 6000) + "A\x1c", []string{"flood"}},
		{"flood of cut frames", "\va\vb\vc\vD\x1c", []string{"cut 1", "flood"}},
		{"filler up to the bound", strings.Repeat("\x00", 5000) + "\vA\x1c" + strings.Repeat("\x00", 5000) + "\vB\x1c",
			[]string{"frame A", "frame B", "eof"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := Limits{MaxFrame: 64, MaxSkip: 5000}
			if c.name == "cut three times" {
				l.MaxSkip = 3 * cutCost
			}
			for how, wrap := range map[string]func(io.Reader) io.Reader{
				"at once":       func(r io.Reader) io.Reader { return r },
				"byte by byte":  iotest.OneByteReader,
				"in halves":     iotest.HalfReader,
				"data with end": iotest.DataErrReader,
			} {
				if diff := cmp.Diff(c.want, told(newReader(wrap(strings.NewReader(c.in)), l.filled()))); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", how, diff)
				}
			}
		})
	}
}

// TestReaderErrors: the source's own error comes through, after what was cut by it.
func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken wire")
	r := small(io.MultiReader(strings.NewReader("\vA\x1c\r\vMSH"), iotest.ErrReader(broken)))
	if diff := cmp.Diff([]string{"frame A", "cut 3", "error broken wire"}, told(r)); diff != "" {
		t.Error(diff)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("the error is not final: %v", err)
	}
	if _, err := small(nothing{}).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a source that gives nothing: %v", err)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// TestReaderWipes: of what was read, nothing is left in a buffer once the next frame was asked for.
func TestReaderWipes(t *testing.T) {
	r := newReader(strings.NewReader("SECRET\v\vSECRET\vSECRET\x1c\r\v \x1c\vSECRET"+strings.Repeat("x", 3*slabSize)+"\x1c\vSECRET\x1c\vlast"), Limits{}.filled())
	seen := map[*slab]bool{}
	more := r.more
	r.more = func(size int) (*slab, error) {
		s, err := more(size)
		seen[s] = true
		return s, err
	}
	for {
		frame, err := r.Next()
		if r.cur != nil {
			for s := range seen {
				if s == r.cur {
					s = &slab{b: append(append([]byte(nil), s.b[:r.a]...), s.b[r.w:]...)}
				}
				if rest := bytes.ReplaceAll(s.b, frame, nil); bytes.Contains(rest, []byte("SECRET")) {
					t.Fatal("a buffer still holds content that was given up")
				}
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
	}
	for s := range seen {
		for i, c := range s.b {
			if c != 0 {
				t.Fatalf("byte %d of a buffer of %d is %q in the end", i, len(s.b), c)
			}
		}
	}
	if len(seen) < 3 {
		t.Fatalf("only %d buffers were in use", len(seen))
	}
}

// bytesFor makes streams that are rich in what matters.
func bytesFor(rt *rapid.T) []byte {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"\v", "\x1c", "\r", "\x1c\r", "\x00", " \n", "MSH|^~\\&|", "\vA\x1c\r", "\v\v", "\v\x1c"}),
		rapid.StringOfN(rapid.RuneFrom([]rune("abc\v\x1c\r")), 0, 80, 80),
		rapid.Map(rapid.IntRange(0, 80), func(n int) string { return strings.Repeat("y", n) }),
	)
	return []byte(strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(rt, "pieces"), ""))
}

// pieces reads a stream in given portions.
type pieces struct {
	in    []byte
	sizes *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.in[:min(len(p.in), 1+p.sizes.IntN(90))])
	p.in = p.in[n:]
	return n, nil
}

// TestSplitsDoNotMatter: however a stream is cut into reads, the same is told.
func TestSplitsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := bytesFor(rt)
		want := told(small(bytes.NewReader(in)))
		got := told(small(&pieces{in, rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))}))
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%q: (-at once +in pieces)\n%s", in, diff)
		}
	})
}

// TestWhatIsFramedIsRead: what Append makes of contents that Check lets through is read back as it was, whatever filler
// stands between.
func TestWhatIsFramedIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		contents := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 1, 64)).Draw(rt, "contents")
		var in []byte
		var want []string
		for _, c := range contents {
			if Check(c, 64) != nil {
				continue
			}
			in = append(in, rapid.StringOfN(rapid.RuneFrom([]rune(filler)), 0, 9, -1).Draw(rt, "filler")...)
			in = Append(in, c)
			want = append(want, "frame "+string(c))
		}
		if diff := cmp.Diff(append(want, "eof"), told(small(iotest.OneByteReader(bytes.NewReader(in))))); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// model is the framing rule said as plainly as possible: it sees the whole stream and looks at one byte at a time.
func model(in []byte, maxFrame, maxSkip int) (out []string) {
	var content []byte
	open, noise, spent := false, 0, 0
	flood := func() []string {
		if noise > 0 {
			out = append(out, "unframed "+strconv.Itoa(noise))
		}
		return append(out, "flood")
	}
	for _, c := range in {
		switch {
		case !open && c == startBlock:
			if noise > 0 {
				out = append(out, "unframed "+strconv.Itoa(noise))
			}
			open, noise, content = true, 0, nil
		case !open:
			if noise > 0 || !isFiller(c) {
				noise++
			}
			if spent++; spent > maxSkip {
				return flood()
			}
		case c == startBlock:
			if blank(content) {
				spent += len(content) + 1
			} else {
				spent += cutCost
			}
			if spent > maxSkip {
				return flood()
			}
			if !blank(content) {
				out = append(out, "cut "+strconv.Itoa(len(content)))
			}
			content = nil
		case c == endBlock && blank(content):
			if spent += len(content) + 2; spent > maxSkip {
				return flood()
			}
			out = append(out, "empty "+strconv.Itoa(len(content)))
			open = false
		case c == endBlock:
			out = append(out, "frame "+string(content))
			open, spent = false, 0
		default:
			if content = append(content, c); len(content) > maxFrame {
				return append(out, "too large")
			}
		}
	}
	switch {
	case noise > 0:
		out = append(out, "unframed "+strconv.Itoa(noise))
	case open && !blank(content):
		out = append(out, "cut "+strconv.Itoa(len(content)))
	}
	return append(out, "eof")
}

// FuzzReader holds the Reader to the model at once and in pieces, its memory to its bound, and its buffer to be wiped.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"", "\vA\x1c\r", "\v\vA\x1c\x1c\rB\vC", "MSH|\r\v\x1c", "\v" + strings.Repeat("z", 70), strings.Repeat("\v", 100),
		strings.Repeat("q", 6000), "\va\vb\x1c\x00\n\vc"} {
		f.Add([]byte(s), uint64(len(s)))
	}
	only, zero := &slab{b: make([]byte, slabSize)}, make([]byte, slabSize)
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want := model(in, 64, 5000)
		largest := 0
		for _, r := range []*Reader{small(bytes.NewReader(in)), small(&pieces{in, rand.New(rand.NewPCG(seed, 2))})} {
			r.more = func(size int) (*slab, error) {
				largest = max(largest, size)
				only.refs.Store(2) // never goes to the pool: what runs depends on the input alone
				return only, nil
			}
			if got := told(r); !slices.Equal(want, got) {
				t.Fatalf("(-model +reader)\n%s", cmp.Diff(want, got))
			}
			if !bytes.Equal(only.b, zero) {
				t.Fatal("the buffer was not wiped")
			}
		}
		if largest > slabSize {
			t.Fatalf("a buffer of %d bytes for frames of 64", largest)
		}
	})
}

// TestLargeFrames: frames of all sizes around the steps in which buffers grow, and the bound on what is held.
func TestLargeFrames(t *testing.T) {
	const bound = 5*slabSize + 17
	var in []byte
	var want []string
	for _, n := range []int{1, slabSize - 3, slabSize - 2, slabSize, 2*slabSize - 1, 2 * slabSize, bound - 1, bound, 5, bound} {
		c := bytes.Repeat([]byte{byte('a' + n%26)}, n)
		in = Append(in, c)
		want = append(want, "frame "+string(c))
	}
	r := NewReader(iotest.HalfReader(bytes.NewReader(in)), bound)
	more := r.more
	r.more = func(size int) (*slab, error) {
		if size > bound+2*minRoom {
			t.Errorf("a buffer of %d bytes for frames of at most %d", size, bound)
		}
		return more(size)
	}
	if !cmp.Equal(append(want, "eof"), told(r)) {
		t.Error("frames were read otherwise than they were written")
	}
}

func TestCheck(t *testing.T) {
	for in, want := range map[string]ward.ErrorKind{"": ward.Invalid, "\r\n": ward.Invalid, "a\vb": ward.Invalid, "a\x1c": ward.Invalid,
		"abcdefghi": ward.TooLarge} {
		if err := Check([]byte(in), 8); err == nil || ward.KindOf(err) != want {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
	if err := Check([]byte("MSH|\r"), 8); err != nil {
		t.Error(err)
	}
}

func BenchmarkReader(b *testing.B) {
	in := bytes.Repeat(Append(nil, bytes.Repeat([]byte("x"), 1024)), 1000)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(in), 0)
		n := 0
		for {
			if _, err := r.Next(); err != nil {
				break
			}
			n++
		}
		if n != 1000 {
			b.Fatal(n)
		}
	}
}
