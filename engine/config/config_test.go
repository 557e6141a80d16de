package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ward-health/ward"
)

type httpSettings struct {
	Addr    string        `json:"addr"`
	Timeout time.Duration `json:"timeout"`
	MaxBody Size          `json:"max_body"`
	Origins []string      `json:"origins"`
	TLS     struct {
		Off  bool   `json:"off"`
		Cert string `json:"cert"`
	} `json:"tls"`
}

type settings struct {
	Dir        string       `json:"dir"`
	HTTP       httpSettings `json:"http"`
	Node       uint8        `json:"node"`
	Share      float64      `json:"share"`
	Ports      []int        `json:"ports"`
	Passphrase Secret       `json:"passphrase"`
	//lint:ignore U1000 a key of this name must be refused, because the field is not exported
	hidden  string
	Ignored string `json:"-"`
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ward.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var same = cmp.AllowUnexported(settings{}, Secret{})

func TestLoad(t *testing.T) {
	path := write(t, `{"dir":"/var/lib/ward","http":{"addr":"127.0.0.1:8080","timeout":"1m30s","max_body":"64MiB","origins":["a","b"],
		"tls":{"off":true}},"node":7,"share":0.25,"ports":[1,2],"passphrase":"env:WARD_PASS"}`)
	got := settings{Share: 9, Ignored: "kept"}
	got.HTTP.TLS.Cert = "default"
	env := []string{"HOME=/root", "WARD_GOLD=/x", "WARD_REQUIRE_ALL=1", "WARD_PASS=not a setting", "WARD_HTTP_ADDR=127.0.0.1:9", "WARD_HTTP_TLS_OFF=false",
		"WARD_PORTS=3,4,5", "WARD_NODE=", "WARD_HTTP_MAX_BODY=1KiB"}
	if err := Load(path, env, &got); err != nil {
		t.Fatal(err)
	}
	want := settings{Dir: "/var/lib/ward", Node: 7, Share: 0.25, Ports: []int{3, 4, 5}, Passphrase: Secret{"env:WARD_PASS"}, Ignored: "kept",
		HTTP: httpSettings{Addr: "127.0.0.1:9", Timeout: 90 * time.Second, MaxBody: 1024, Origins: []string{"a", "b"}}}
	want.HTTP.TLS.Cert = "default"
	if d := cmp.Diff(want, got, same); d != "" {
		t.Error(d)
	}
	var none settings
	if err := Load("", nil, &none); err != nil || !cmp.Equal(none, settings{}, same) {
		t.Error("no file:", err)
	}
}

// TestRefused: each names its key; none repeats a value.
func TestRefused(t *testing.T) {
	cases := []struct{ name, file, env, at, says string }{
		{"unknown key", `{"dirr":"ZZCANARY"}`, "", "dirr", "nearest known one is dir"},
		{"unknown in a group", `{"http":{"adr":"ZZCANARY"}}`, "", "http.adr", "nearest known one is http.addr"},
		{"unknown group", `{"htp":{"addr":"ZZCANARY"}}`, "", "htp", ""},
		{"dotted key", `{"http.addr":"ZZCANARY"}`, "", "http.addr", ""},
		{"another case", `{"Dir":"ZZCANARY"}`, "", "Dir", "nearest known one is dir"},
		{"unexported", `{"hidden":"ZZCANARY"}`, "", "hidden", ""},
		{"tagged away", `{"Ignored":"ZZCANARY"}`, "", "Ignored", ""},
		{"twice", `{"dir":"a","dir":"ZZCANARY"}`, "", "", "twice"},
		{"number for text", `{"dir":5}`, "", "dir", "a text"},
		{"text for number", `{"node":"ZZCANARY"}`, "", "node", "whole number"},
		{"null", `{"dir":null}`, "", "dir", "a text"},
		{"list for text", `{"dir":["ZZCANARY"]}`, "", "dir", "a text"},
		{"text for list", `{"ports":"ZZCANARY"}`, "", "ports", "a list"},
		{"text in list of numbers", `{"ports":["ZZCANARY"]}`, "", "ports", "a list"},
		{"list in list", `{"ports":[[1]]}`, "", "ports", "a list"},
		{"object for text", `{"dir":{"ZZCANARY":1}}`, "", "dir", "a text"},
		{"text for group", `{"http":"ZZCANARY"}`, "", "http", "object"},
		{"too large", `{"node":256}`, "", "node", "uint8"},
		{"fraction", `{"node":1.5}`, "", "node", "uint8"},
		{"negative duration", `{"http":{"timeout":"-1s"}}`, "", "http.timeout", "duration"},
		{"duration without unit", `{"http":{"timeout":"5"}}`, "", "http.timeout", "duration"},
		{"size without unit", `{"http":{"max_body":"64"}}`, "", "http.max_body", "size"},
		{"size over", `{"http":{"max_body":"99999999999GiB"}}`, "", "http.max_body", "size"},
		{"negative size", `{"http":{"max_body":"-1B"}}`, "", "http.max_body", "size"},
		{"bare secret", `{"passphrase":"ZZCANARY"}`, "", "passphrase", "reference"},
		{"relative secret", `{"passphrase":"file:ZZCANARY"}`, "", "passphrase", "reference"},
		{"climbing secret", `{"passphrase":"cred:../ZZCANARY"}`, "", "passphrase", "reference"},
		{"cut", `{"dir":"ZZCANARY"`, "", "", "JSON"},
		{"two objects", `{} {"ZZCANARY":1}`, "", "", "one JSON object"},
		{"no object", `["ZZCANARY"]`, "", "", "one JSON object"},
		{"empty", ``, "", "", "one JSON object"},
		{"comment", `{"dir":"a" /* ZZCANARY */}`, "", "", "JSON"},
		{"bad UTF-8", "{\"dir\":\"ZZCANARY\xff\"}", "", "", "JSON"},
		{"unknown in the environment", `{}`, "WARD_HTP_ADDR=ZZCANARY", "WARD_HTP_ADDR", "nearest known one is WARD_HTTP_ADDR"},
		{"bad in the environment", `{}`, "WARD_NODE=ZZCANARY", "node", "whole number"},
		{"bad bool in the environment", `{}`, "WARD_HTTP_TLS_OFF=yes", "http.tls.off", "true or false"},
		{"bad list in the environment", `{}`, "WARD_PORTS=1,ZZCANARY", "ports", "a list"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var s settings
			err := Load(write(t, c.file), []string{c.env}, &s)
			var e *ward.Error
			if !errors.As(err, &e) || e.Kind != ward.Invalid {
				t.Fatal(err)
			}
			if c.at != "" && e.Path != c.at || !strings.Contains(e.Public, c.says) || strings.Contains(err.Error(), "ZZCANARY") {
				t.Errorf("%v at %q, expected %q at %q", err, e.Path, c.says, c.at)
			}
		})
	}
	var s settings
	if err := Load(filepath.Join(t.TempDir(), "none"), nil, &s); ward.KindOf(err) != ward.NotFound {
		t.Error("a missing file:", err)
	}
	if err := Load(write(t, `{"dir":"`+strings.Repeat("x", fileMax)+`"}`), nil, &s); ward.KindOf(err) != ward.Invalid {
		t.Error("a large file:", err)
	}
	for name, bad := range map[string]any{"no pointer": s, "nil": (*settings)(nil), "map": &map[string]string{}, "field": &struct{ C chan int }{},
		"two keys": &struct {
			A int `json:"a-b"`
			B int `json:"a_b"`
		}{}} {
		if err := Load("", nil, bad); ward.KindOf(err) != ward.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPrintReadsBack: what Print writes, Load reads to the same settings.
func TestPrintReadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := settings{
			Dir: rapid.StringMatching(`[ -~]{0,20}`).Draw(rt, "dir"), Node: rapid.Uint8().Draw(rt, "node"),
			Share: rapid.Float64Range(-1e6, 1e6).Draw(rt, "share"), Ports: rapid.SliceOfN(rapid.Int(), 1, 4).Draw(rt, "ports"),
			Passphrase: Secret{rapid.SampledFrom([]string{"", "file:/a b", "env:X", "cred:x"}).Draw(rt, "secret")},
		}
		s.HTTP.Timeout = time.Duration(rapid.Int64Range(0, 1<<60).Draw(rt, "timeout"))
		s.HTTP.MaxBody = Size(rapid.Int64Range(0, 1<<60).Draw(rt, "size"))
		s.HTTP.Origins = rapid.SliceOfN(rapid.StringMatching(`[a-z"\\<]{0,5}`), 1, 3).Draw(rt, "origins")
		s.HTTP.TLS.Off = rapid.Bool().Draw(rt, "off")
		var out bytes.Buffer
		if err := Print(&out, s); err != nil {
			rt.Fatal(err)
		}
		if !json.Valid(out.Bytes()) {
			rt.Fatalf("not JSON:\n%s", out.String())
		}
		var again settings
		if err := Load(write(t, out.String()), nil, &again); err != nil {
			rt.Fatalf("%v\n%s", err, out.String())
		}
		if d := cmp.Diff(s, again, same); d != "" {
			rt.Fatalf("%s\n%s", d, out.String())
		}
	})
}

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	t.Setenv("A_SECRET", "from env")
	random := "\x01\x02\xff\xfe0123456789\n"
	cases := []struct {
		ref, want string
		kind      ward.ErrorKind
	}{
		{"file:" + file("text", "hunter2\n", 0o600), "hunter2", 0},
		{"file:" + file("crlf", "hunter2\r\n", 0o400), "hunter2", 0},
		{"file:" + file("two", "a\n\n", 0o440), "a\n\n", 0},
		{"file:" + file("random", random, 0o400), random, 0},
		{"cred:text", "hunter2", 0},
		{"env:A_SECRET", "from env", 0},
		{"env:NO_SUCH_SECRET", "", ward.Invalid},
		{"cred:none", "", ward.Invalid},
		{"file:" + dir, "", ward.Invalid},
		{"file:" + file("empty", "", 0o600), "", ward.Invalid},
		{"file:" + file("line", "\n", 0o600), "", ward.Invalid},
		{"file:" + file("large", strings.Repeat("x", secretMax+1), 0o600), "", ward.Invalid},
		{"file:" + file("others", "ZZCANARY", 0o604), "", ward.Denied},
		{"file:" + file("group", "ZZCANARY", 0o620), "", ward.Denied},
	}
	for _, c := range cases {
		var s Secret
		if err := s.UnmarshalText([]byte(c.ref)); err != nil {
			t.Fatal(c.ref, err)
		}
		got, err := s.Resolve()
		if string(got) != c.want || (err == nil) != (c.want != "") || err != nil && ward.KindOf(err) != c.kind {
			t.Errorf("%s: %q, %v", c.ref, string(got), err)
		}
	}
	os.Unsetenv("CREDENTIALS_DIRECTORY")
	if _, err := (Secret{"cred:text"}).Resolve(); ward.KindOf(err) != ward.Invalid || err == nil {
		t.Error("no credentials directory:", err)
	}
	if got, err := (Secret{}).Resolve(); got != nil || err != nil || !(Secret{}).IsZero() {
		t.Error("the zero secret:", err)
	}
	var out strings.Builder
	s := Secret{"file:/ZZCANARY"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, struct{ P Secret }{s})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "s", s)
	if b, err := json.Marshal(s); err == nil {
		t.Errorf("marshalled: %s", b)
	}
	if strings.Contains(out.String(), "ZZCANARY") {
		t.Error(out.String())
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0B": 0, "1B": 1, "1023B": 1023, "1KiB": 1024, "3MiB": 3 << 20, "8388607TiB": 8388607 << 40} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want || s.String() != text {
			t.Errorf("%s: %d %s %v", text, s, s, err)
		}
	}
	for _, bad := range []string{"", "B", "1", "1.5MiB", "+1B", "-1B", "1 B", "1kb", "1MB", "8388608TiB", "99999999999999999999B", "0x1B"} {
		var s Size
		if err := s.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken as %d", bad, s)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"http.adr", "http.addr", 1}, {"ab", "ba", 2}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q %q: %d", c.a, c.b, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"dir":"a","http":{"tls":{"off":true}},"ports":[1]}`))
	f.Add([]byte(`{"http":{"http":{}}}`))
	f.Add([]byte(`{"ports":[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s settings
		fs, err := fieldsOf(&s)
		if err != nil {
			t.Fatal(err)
		}
		err = fs.loadJSON(text)
		if err == nil && !json.Valid(text) {
			t.Fatal("what is not JSON was taken")
		}
		if err != nil && ward.KindOf(err) != ward.Invalid {
			t.Fatal(err)
		}
	})
}
