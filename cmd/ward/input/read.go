package input

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MaxResource is the most bytes that one resource may have: a file of JSON or XML, a line of NDJSON.
const MaxResource = 64 << 20

// Form is how a resource is written.
type Form uint8

// The forms.
const (
	JSON Form = iota + 1
	NDJSON
	XML
)

// Item is one resource, or why there is none.
type Item struct {
	File string // as it was named or found; "-" is standard input
	Line int    // in NDJSON, from 1; 0 else
	Form Form
	Text []byte
	Err  error // the file or the line cannot be read
}

// Source names the item: "patients.ndjson:12".
func (i Item) Source() string {
	if i.Line > 0 {
		return fmt.Sprintf("%s:%d", i.File, i.Line)
	}
	return i.File
}

// extensions are the files of a directory that are read.
var extensions = map[string]Form{".json": JSON, ".ndjson": NDJSON, ".jsonl": NDJSON, ".xml": XML}

// Files lists the files of paths: files as they are, "-" for standard input, and of directories, at any depth, what ends in .json, .ndjson, .jsonl or .xml, by
// name. Links in directories are not followed.
func Files(paths []string) ([]string, error) {
	var list []string
	for _, p := range paths {
		if p == "-" {
			list = append(list, p)
			continue
		}
		err := filepath.WalkDir(p, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if _, known := extensions[strings.ToLower(filepath.Ext(file))]; file == p || known && d.Type().IsRegular() {
				list = append(list, file)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("there is no .json, .ndjson, .jsonl or .xml file in %s", strings.Join(paths, ", "))
	}
	return list, nil
}

// NoLines names the first of the files that holds one resource rather than lines, "" if there is none, as Read will take them: by the ending, or else by the
// beginning. Pipes with names of their own cannot be looked into without taking from them and are passed over. Of stdin, what is left to read is returned.
func NoLines(files []string, stdin io.Reader) (string, io.Reader) {
	for _, file := range files {
		form := extensions[strings.ToLower(filepath.Ext(file))]
		switch {
		case form != 0:
		case file == "-":
			r := bufio.NewReaderSize(stdin, window)
			form, stdin = sniff(r), r
		default:
			form = sniffFile(file)
		}
		if form == JSON || form == XML {
			return file, stdin
		}
	}
	return "", stdin
}

// sniffFile tells the form of a regular file, 0 if it is none or cannot be read.
func sniffFile(file string) Form {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return 0
	}
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	return sniff(bufio.NewReaderSize(f, window))
}

// Read calls fn with every resource of the files, until fn returns an error, which is returned. Text is not changed after the call.
func Read(ctx context.Context, files []string, stdin io.Reader, fn func(Item) error) error {
	for _, file := range files {
		if err := readFile(ctx, file, stdin, fn); err != nil {
			return err
		}
	}
	return nil
}

func readFile(ctx context.Context, file string, stdin io.Reader, fn func(Item) error) error {
	form := extensions[strings.ToLower(filepath.Ext(file))]
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fn(Item{File: file, Err: err})
		}
		defer f.Close()
		stdin = f
	}
	r := bufio.NewReaderSize(stdin, window)
	if form == 0 {
		form = sniff(r)
	}
	if form == NDJSON {
		return lines(ctx, file, r, fn)
	}
	text, err := io.ReadAll(io.LimitReader(r, MaxResource+1))
	switch {
	case err != nil:
		return fn(Item{File: file, Err: err})
	case len(text) > MaxResource:
		return fn(Item{File: file, Err: errTooLarge})
	}
	if form == JSON {
		text = bytes.TrimPrefix(text, mark)
	}
	return fn(Item{File: file, Form: form, Text: text})
}

var (
	errTooLarge = fmt.Errorf("a resource may have at most %d MiB", MaxResource>>20)
	mark        = []byte("\xEF\xBB\xBF")
)

// window is how much of a stream is looked at before it is read.
const window = 256 << 10

// sniff tells the form of a stream by its beginning: XML begins with "<"; NDJSON has a whole object in its first line and something behind it.
func sniff(r *bufio.Reader) Form {
	head, err := r.Peek(r.Size())
	head = bytes.TrimLeft(bytes.TrimPrefix(head, mark), " \t\r\n")
	line, rest, ended := bytes.Cut(head, []byte("\n"))
	line = bytes.TrimRight(line, " \t\r")
	switch {
	case bytes.HasPrefix(head, []byte("<")):
		return XML
	case !ended && err == nil: // a line longer than what can be looked at: no one writes a single document so, but many lines
		return NDJSON
	case balanced(line) && len(bytes.TrimLeft(rest, " \t\r\n")) > 0:
		return NDJSON
	}
	return JSON
}

// balanced reports whether as many objects are closed in the line as are opened, outside strings.
func balanced(line []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && inString:
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
	}
	return depth == 0 && !inString && len(line) > 0 && line[0] == '{'
}

// lines reads NDJSON. Empty lines are passed over.
func lines(ctx context.Context, file string, r *bufio.Reader, fn func(Item) error) error {
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := line(r)
		if err != nil && !errors.Is(err, io.EOF) {
			return fn(Item{File: file, Line: n, Err: err})
		}
		if n == 1 {
			text = bytes.TrimPrefix(text, mark)
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			if err := fn(Item{File: file, Line: n, Form: JSON, Text: text}); err != nil {
				return err
			}
		}
		if err != nil {
			return nil //nolint:nilerr // the end of the file
		}
	}
}

// line reads up to a line feed.
func line(r *bufio.Reader) (text []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if text = append(text, part...); len(text) > MaxResource {
			return nil, errTooLarge
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}
