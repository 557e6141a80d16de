package input_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward/cmd/ward/input"
)

// collect returns "source form text" of every item.
func collect(t *testing.T, stdin string, paths ...string) (list []string) {
	t.Helper()
	files, err := input.Files(paths)
	if err != nil {
		t.Fatal(err)
	}
	err = input.Run(context.Background(), files, strings.NewReader(stdin), func() func(input.Item) string {
		return func(i input.Item) string { return fmt.Sprintf("%s %d %s %v", i.Source(), i.Form, i.Text, i.Err) }
	}, func(_ input.Item, s string) error { list = append(list, s); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRead: what is where, in which form, in the order of the input.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a/x.json": "{\n}", "a/y.NDJSON": "\xEF\xBB\xBF{\"a\":1}\r\n\n {\"a\":2}", "a/z.xml": "<a/>", "a/notes.txt": "no", "b.jsonl": "{}\n", "plain": "{\"a\":1}\n{\"a\":2}\n",
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, c := range []struct {
		stdin string
		paths []string
		want  []string
	}{
		{"", []string{"."}, []string{"a/x.json 1 {\n} <nil>", "a/y.NDJSON:1 1 {\"a\":1} <nil>", "a/y.NDJSON:3 1 {\"a\":2} <nil>", "a/z.xml 3 <a/> <nil>", "b.jsonl:1 1 {} <nil>"}},
		{"", []string{"plain"}, []string{"plain:1 1 {\"a\":1} <nil>", "plain:2 1 {\"a\":2} <nil>"}},
		{" {\"a\":\"}\\\"{\"}\n\n{}", []string{"-"}, []string{"-:1 1 {\"a\":\"}\\\"{\"} <nil>", "-:3 1 {} <nil>"}},
		{"{\"a\":\n1}\n", []string{"-"}, []string{"- 1 {\"a\":\n1}\n <nil>"}},
		{"{\"a\":1}\n", []string{"-"}, []string{"- 1 {\"a\":1}\n <nil>"}},
		{"\xEF\xBB\xBF <a/>", []string{"-"}, []string{"- 3 \xEF\xBB\xBF <a/> <nil>"}},
		{"", []string{"-"}, []string{"- 1  <nil>"}},
	} {
		if diff := cmp.Diff(c.want, collect(t, c.stdin, c.paths...)); diff != "" {
			t.Errorf("%v: %s", c.paths, diff)
		}
	}
	for _, paths := range [][]string{{"none"}, {"a/none.json"}} {
		if _, err := input.Files(paths); err == nil {
			t.Errorf("%v: no error", paths)
		}
	}
}

// TestOrder: the order of many results is that of the input, and an error ends the run.
func TestOrder(t *testing.T) {
	const n = 5000
	var in bytes.Buffer
	for i := range n {
		fmt.Fprintf(&in, "{\"n\":%d}\n", i)
	}
	got := collect(t, in.String(), "-")
	if len(got) != n {
		t.Fatal(len(got))
	}
	for i, s := range got {
		if want := fmt.Sprintf("-:%d 1 {\"n\":%d} <nil>", i+1, i); s != want {
			t.Fatalf("%s, want %s", s, want)
		}
	}
	stop := errors.New("stop")
	emitted := 0
	work := func() func(input.Item) int { return func(input.Item) int { return 0 } }
	err := input.Run(context.Background(), []string{"-"}, bytes.NewReader(in.Bytes()), work, func(input.Item, int) error {
		if emitted++; emitted == 100 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || emitted != 100 {
		t.Error(err, emitted)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := input.Run(ctx, []string{"-"}, bytes.NewReader(in.Bytes()), work, func(input.Item, int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestUnreadable: a file that cannot be read is an item with an error; the others are read.
func TestUnreadable(t *testing.T) {
	t.Chdir(t.TempDir())
	long := append([]byte("{\"a\":1}\n"), bytes.Repeat([]byte(" x"), input.MaxResource/2+1)...)
	if err := errors.Join(os.WriteFile("a.ndjson", long, 0o600), os.WriteFile("b.json", []byte("{}"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := input.Read(context.Background(), []string{"gone.json", "a.ndjson", "b.json"}, nil, func(i input.Item) error {
		got = append(got, fmt.Sprint(i.Source(), " ", i.Err != nil))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"gone.json true", "a.ndjson:1 false", "a.ndjson:2 true", "b.json false"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNoLines: what stands alone is known before anything is read, and what was looked at of standard input is still there to read.
func TestNoLines(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"one.json": "{}", "two.NDJSON": "{}", "three.xml": "<a/>", "lines": "{}\n{}\n", "text": "{\n}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	many := strings.Repeat("{\"a\":1}\n", 1<<16)
	for _, c := range []struct{ stdin, files, want string }{
		{"", "two.NDJSON lines", ""},
		{"", "two.NDJSON none.jsonl none .", ""},
		{"", "lines two.NDJSON text", "text"},
		{"", "lines one.json three.xml", "one.json"},
		{"", "lines three.xml", "three.xml"},
		{many, "lines -", ""},
		{"{\n}", "lines -", "-"},
		{" <a/>", "lines - one.json", "-"},
	} {
		got, rest := input.NoLines(strings.Fields(c.files), strings.NewReader(c.stdin))
		if left, err := io.ReadAll(rest); got != c.want || err != nil || string(left) != c.stdin {
			t.Errorf("%s: %q, %v, %d bytes of %d", c.files, got, err, len(left), len(c.stdin))
		}
	}
}
