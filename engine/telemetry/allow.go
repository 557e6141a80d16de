package telemetry

import (
	"log/slog"
	"strings"
	"time"

	"github.com/ward-health/ward"
)

// dropped stands where something was left out.
const dropped = "[dropped]"

// rule says what a key may carry.
type rule uint8

const (
	number   rule = iota + 1 // integers, floats, durations (as nanoseconds), booleans
	instant                  // a time, or one as text of RFC 3339
	word                     // 1 to 64 of a-z, 0-9 and . _ - : an identifier of the program or a tenant's slug
	symbol                   // 1 to 64 of letters, digits and . _ + @ -, at least one digit: versions, algorithms, models
	verb                     // a method of HTTP
	phrase                   // a word, or lower-case words as in a message
	address                  // 1 to 64 of 0-9 a-z . : [ ] - behind an optional http:// or https:// : what the operator configured
	identity                 // a ward.ID, or one as text
	kind                     // a ward.ErrorKind, or its name
	route                    // a Route
	stack                    // a Stack
	failure                  // an error: reduced to what describe gives
)

// allowed is the whole list of keys that a log line may hold.
var allowed = map[string]rule{
	// who and where, without patients
	"request": identity, "entry": identity, "tenant": word, "component": word, "op": word, "check": word, "table": word,
	"queue": word, "engine": word, "event": word, "role": word, "state": word, "reason": phrase, "listener": word, "signal": word,
	"scheme": word, "database": word, "part": word, "addr": address, "address": address, "url": address, "route": route,
	// what
	"method": verb, "version": symbol, "algorithm": symbol, "model": symbol, "build": symbol,
	"kind": kind, "error": failure, "err": failure, "stack": stack,
	// how much, how long, when
	"status": number, "code": number, "count": number, "bytes": number, "size": number, "limit": number, "attempt": number, "took": number,
	"lag": number, "index": number, "epoch": number, "depth": number, "dead": number, "workers": number, "port": number, "pid": number,
	"uid": number, "ms": number, "entries": number, "lost": number, "interval": number, "wait": number, "ok": number, "fips": number, "node": number, "every": number,
	"at": instant, "since": instant, "until": instant,
}

// groups are the names that WithGroup and slog.Group may have; another one becomes "dropped".
var groups = map[string]bool{"http": true, "db": true, "log": true, "queue": true, "tls": true, "model": true, "node": true}

// Bounds of a line.
const (
	attrsMax  = 32
	groupsMax = 4
	wordMax   = 64
)

// admit returns the attribute as it may be written; ok is false if the key itself is not on the list.
func admit(a slog.Attr, depth int) (out slog.Attr, ok bool) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		return admitGroup(a.Key, v.Group(), depth)
	}
	r, ok := allowed[a.Key]
	if !ok {
		return slog.Attr{}, false
	}
	if safe, ok := r.admit(v); ok {
		return slog.Attr{Key: a.Key, Value: safe}, true
	}
	return slog.String(a.Key, dropped), true
}

func admitGroup(name string, in []slog.Attr, depth int) (slog.Attr, bool) {
	if len(in) == 0 || depth >= groupsMax {
		return slog.Attr{}, false
	}
	if name != "" && !groups[name] { // a group without a name is inlined by slog
		name = "dropped"
	}
	return slog.Attr{Key: name, Value: slog.GroupValue(admitAll(in, depth+1)...)}, true
}

// admitAll filters a list; the number of attributes that were left out is an attribute itself.
func admitAll(in []slog.Attr, depth int) []slog.Attr {
	var out []slog.Attr
	lost := 0
	for _, a := range in {
		safe, ok := admit(a, depth)
		if !ok || len(out) >= attrsMax {
			if !a.Equal(slog.Attr{}) {
				lost++
			}
			continue
		}
		out = append(out, safe)
	}
	if lost > 0 {
		out = append(out, slog.Int("dropped", lost))
	}
	return out
}

// admit returns the value if it fits the rule.
func (r rule) admit(v slog.Value) (slog.Value, bool) {
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration:
		return v, r == number
	case slog.KindTime:
		return slog.TimeValue(v.Time().UTC().Round(time.Microsecond)), r == instant
	case slog.KindString:
		return r.admitText(v.String())
	case slog.KindAny:
		return r.admitAny(v.Any())
	}
	return slog.Value{}, false
}

func (r rule) admitText(s string) (slog.Value, bool) {
	ok := false
	switch r {
	case word, symbol:
		ok = r.fits(s)
	case address:
		ok = r.fits(strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://"))
	case phrase:
		ok = word.fits(s) || message(s) == s
	case verb:
		ok = method(s) == s
	case instant:
		_, err := time.Parse(time.RFC3339, s)
		ok = err == nil
	case identity:
		_, err := ward.ParseID(s)
		ok = err == nil
	case kind:
		for k := ward.ErrorKind(0); k.String() != "unknown"; k++ {
			ok = ok || k.String() == s
		}
	}
	return slog.StringValue(s), ok
}

// admitAny knows the types that are safe to write, and no interface: a method of an unknown type could give out anything.
func (r rule) admitAny(v any) (slog.Value, bool) {
	switch x := v.(type) {
	case ward.TenantID:
		return slog.StringValue(string(x)), r == word && x.Valid()
	case ward.ID:
		return slog.StringValue(x.String()), r == identity
	case ward.ErrorKind:
		return slog.StringValue(x.String()), r == kind
	case Route:
		return slog.StringValue(x.String()), r == route
	case Stack:
		return slog.StringValue(x.String()), r == stack
	case error:
		if r == failure {
			return slog.GroupValue(describe(x)...), true
		}
	}
	return slog.Value{}, false
}

func (r rule) fits(s string) bool {
	if len(s) == 0 || len(s) > wordMax {
		return false
	}
	for _, c := range []byte(s) {
		small := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-'
		switch {
		case small:
		case r == word && c == '_':
		case r == symbol && (c >= 'A' && c <= 'Z' || c == '_' || c == '+' || c == '@'):
		case r == address && (c == ':' || c == '[' || c == ']'):
		default:
			return false
		}
	}
	return r != symbol || strings.ContainsAny(s, "0123456789") // a name of a person has none
}

// message returns the line's message if it reads like one that stands in the source: lower-case words, no digits, no
// names. TestMessagesAreConstant holds the other half: every message in the tree is a literal.
func message(s string) string {
	if len(s) == 0 || len(s) > 80 {
		return dropped
	}
	for i, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (i == 0 || c != ' ' && c != '-' && c != ',' && c != ':' && c != ';') {
			return dropped
		}
	}
	return s
}
