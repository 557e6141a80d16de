package validate

import (
	"bytes"
	"strings"
)

// sameWords compares displays: case and white space aside.
func sameWords(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// absoluteURI reports whether a URI has a scheme.
func absoluteURI(b []byte) bool {
	i := bytes.IndexByte(b, ':')
	if i <= 0 || i == len(b)-1 {
		return false
	}
	for k, c := range b[:i] {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (k == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return true
}

// exampleURL reports whether a URL is one of a domain that is there for examples.
func exampleURL(b []byte) bool {
	s := string(b)
	for _, scheme := range []string{"http://", "https://"} {
		rest, ok := strings.CutPrefix(s, scheme)
		if !ok {
			continue
		}
		host, _, _ := strings.Cut(rest, "/")
		host, _, _ = strings.Cut(host, ":")
		for _, domain := range []string{"example.org", "example.com", "acme.com", "acme.org"} {
			if host == domain || strings.HasSuffix(host, "."+domain) {
				return true
			}
		}
	}
	return false
}

// markup reports whether a text has what looks like a tag of markup.
func markup(b []byte) bool {
	for i := 0; i+1 < len(b); i++ {
		if b[i] != '<' {
			continue
		}
		rest := b[i+1:]
		if rest[0] == '/' || rest[0] == '!' {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0]|0x20 < 'a' || rest[0]|0x20 > 'z' {
			continue
		}
		if bytes.IndexByte(rest, '>') > 0 {
			return true
		}
	}
	return false
}

// bare cuts the version off a canonical URL.
func bare(canonical string) string {
	url, _, _ := strings.Cut(canonical, "|")
	return url
}

// goodURN checks what stands behind urn:uuid: and urn:oid:.
//
// SPEC(FHIR R4 datatypes.html#uri): UUIDs in lower case; OIDs without leading zeros.
func goodURN(b []byte) bool {
	if rest, ok := bytes.CutPrefix(b, []byte("urn:uuid:")); ok {
		if len(rest) != 36 {
			return false
		}
		for i, c := range rest {
			dash := i == 8 || i == 13 || i == 18 || i == 23
			if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	if rest, ok := bytes.CutPrefix(b, []byte("urn:oid:")); ok {
		for _, arc := range bytes.Split(rest, []byte(".")) {
			if len(arc) == 0 || len(arc) > 1 && arc[0] == '0' || len(bytes.Trim(arc, "0123456789")) > 0 {
				return false
			}
		}
	}
	return true
}
