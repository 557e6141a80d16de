package console

import (
	"encoding/hex"
	"html/template"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/ucum"
	"github.com/ward-health/ward/store"
)

// words are the functions of the templates. None marks anything as safe.
var words = template.FuncMap{
	"when": when, "day": day, "iso": iso, "short": short, "minus": func(x float64, n int) string { return strings.Replace(num(x, n), "-", "−", 1) }, "reason": reasonText, "class": classText, "state": stateText,
	"step": stepText, "dict": dict, "plural": func(n any, one, many string) string { return plural(counted(n), one, many) }, "add": func(a, b float64) float64 { return a + b }, "hex": func(b [32]byte) string { return hex.EncodeToString(b[:]) },
	"join": strings.Join,
}

// when writes a time as the pages show it, in UTC.
func when(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format(time.DateOnly)
}

// iso is for the datetime attribute.
func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// short is the beginning of an id or digest; the whole stands beside it or behind a link.
func short(v any) string {
	s := ""
	switch v := v.(type) {
	case string:
		s = v
	case ward.ID:
		s = v.String()
		return s[:8] + "…" + s[len(s)-4:]
	}
	if len(s) > 16 {
		return s[:12] + "…"
	}
	return s
}

// num writes a number with at most n decimals and without trailing zeros.
func num(x float64, n int) string {
	s := strconv.FormatFloat(x, 'f', n, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// figure writes an exact number with three to four significant digits, as a chart's labels and tables need it.
func figure(r *big.Rat) string {
	f, _ := r.Float64()
	decimals := 0
	for limit := 1000.0; decimals < 6 && f < limit && f > -limit; limit /= 10 {
		decimals++
	}
	s := ucum.Text(r, decimals)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// dict makes a map for a part that takes several values.
func dict(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if name, ok := pairs[i].(string); ok {
			out[name] = pairs[i+1]
		}
	}
	return out
}

var classTexts = map[string]string{
	"unit": "Unit in doubt", "unmapped-code": "Code not known", "plausibility": "Value not plausible", "identity": "Person in doubt",
	"parse": "Cannot be read", "profile": "Not a valid record", "order": "Order contradicts",
}

func classText(c string) string {
	if t, ok := classTexts[c]; ok {
		return t
	}
	return reasonText(c)
}

// reasonText turns a constant code into words; an unknown one shows as it is.
func reasonText(code string) string {
	return strings.ReplaceAll(code, "-", " ")
}

var stateTexts = map[string]string{
	"received": "waiting", "applied": "applied", "held": "held", "apart": "test traffic", "kept": "kept, no rules", "rejected": "rejected",
	"dead": "dead", "proposed": "proposed", "released": "released", "superseded": "superseded",
}

func stateText(s any) string {
	t := ""
	switch s := s.(type) {
	case string:
		t = s
	case store.MessageState:
		t = string(s)
	case store.HoldState:
		t = string(s)
	}
	if w, ok := stateTexts[t]; ok {
		return w
	}
	return t
}

var stepTexts = map[string]string{
	"received": "Received and acknowledged", "normalized": "Understood", "applied": "Stored", "held": "Held", "repeat": "Came again, acknowledged again",
	"replayed": "Set going again", "rejected": "Rejected by a person", "released": "Held fact released", "merged": "Records merged", "late": "Older than what is stored",
	"kept": "Kept, no rules speak of it", "apart": "Kept apart: test or debug",
}

func stepText(s string) string {
	if t, ok := stepTexts[s]; ok {
		return t
	}
	return reasonText(s)
}

// counted is a count of any integer type that templates bring.
func counted(n any) int {
	switch n := n.(type) {
	case int:
		return n
	case int64:
		return int(n)
	}
	return 0
}
