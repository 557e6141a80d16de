package access

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known wherever the node runs, and the same everywhere
	"unicode"
	"unicode/utf8"

	"github.com/ward-health/ward"
)

// Bounds of a channel.
const (
	maxAllow    = 64
	maxCA       = 64 << 10
	maxCACerts  = 16
	maxSystems  = 100
	maxIdentify = 250 // bytes of an assigning authority or a system
	maxZone     = 64
)

// latin1 is the name under which rows carry ISO 8859-1.
const latin1 = "8859/1"

// checkChannel returns the channel in canonical form, or ward.Invalid with the field that is wrong.
func checkChannel(c Channel, now time.Time) (Channel, error) {
	bad := func(path, what string) (Channel, error) {
		return Channel{}, ward.E(ward.Invalid, "access.channel", what, nil).At(path)
	}
	if !ward.TenantID(c.ID).Valid() {
		return bad("id", "a channel is named by 1 to 40 of a-z, 0-9 and -, a letter first")
	}
	if !plainID(string(c.Principal)) {
		return bad("principal", "a channel names the service principal under which its messages are stored")
	}
	if c.Purpose != ward.PurposeUnstated && !c.Purpose.Valid() {
		return bad("purpose", "the purpose of use is not one that Ward knows, such as TREAT or HOPERAT")
	}
	if c.Disabled {
		return bad("disabled", "a channel is added active")
	}
	if err := checkDoor(&c, now); err != nil {
		return Channel{}, err
	}
	return c, checkReading(&c)
}

// checkDoor checks where the channel listens and who may speak to it.
func checkDoor(c *Channel, now time.Time) error {
	bad := func(path, what string) error { return ward.E(ward.Invalid, "access.channel", what, nil).At(path) }
	at, err := netip.ParseAddrPort(c.Listen)
	if err != nil || at.Addr().Zone() != "" || at.Addr().IsMulticast() {
		return bad("listen", "a channel listens on an IP address and a port, such as 127.0.0.1:2575 or [::1]:2575")
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	c.Listen = at.String()
	if at.Port() == 0 && !at.Addr().IsLoopback() {
		return bad("listen", "port 0, any free port, is for a loopback address only")
	}
	if c.ClientCA, err = checkCA(c.ClientCA, now); err != nil {
		return err
	}
	if len(c.ClientCA) > 0 && !c.TLS {
		return bad("client_ca", "certificates of senders can be required with TLS only")
	}
	if c.Allow, err = checkAllow(c.Allow); err != nil {
		return err
	}
	if !at.Addr().IsLoopback() && len(c.ClientCA) == 0 && len(c.Allow) == 0 {
		return bad("allow", "an address that others can reach needs the authorities of its senders' certificates or a list of the peers that may connect, such as 10.1.2.0/24")
	}
	return nil
}

// checkAllow accepts prefixes in canonical form, each once, and none that lets everybody in.
func checkAllow(prefixes []netip.Prefix) ([]netip.Prefix, error) {
	bad := func(i int, what string) ([]netip.Prefix, error) {
		return nil, ward.E(ward.Invalid, "access.channel", what, nil).At(fmt.Sprintf("allow[%d]", i))
	}
	if len(prefixes) > maxAllow {
		return bad(maxAllow, fmt.Sprintf("a channel allows at most %d prefixes", maxAllow))
	}
	for i, p := range prefixes {
		switch {
		case !p.IsValid() || p.Addr().Zone() != "" || p.Addr().Is4In6():
			return bad(i, "a peer is an IPv4 or IPv6 prefix, such as 10.1.2.0/24 or 10.1.2.3/32")
		case p.Bits() == 0:
			return bad(i, "a prefix of length 0 lets everybody in; require certificates of senders instead")
		case p != p.Masked():
			return bad(i, "the prefix has bits behind its length; "+p.Masked().String()+" is the network")
		case slices.Contains(prefixes[:i], p):
			return bad(i, "the prefix is there twice")
		}
	}
	return slices.Clone(prefixes), nil
}

// checkCA accepts certificates of authorities and returns them as plain PEM, nil for none.
func checkCA(text []byte, now time.Time) ([]byte, error) {
	bad := func(what string, err error) ([]byte, error) {
		return nil, ward.E(ward.Invalid, "access.channel", what, err).At("client_ca")
	}
	if len(text) > maxCA {
		return bad(fmt.Sprintf("the certificates of authorities are more than %d bytes", maxCA), nil)
	}
	var out []byte
	n := 0
	for rest := bytes.TrimSpace(text); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return bad("the certificates of authorities must be PEM (RFC 7468), with nothing after them", nil)
		}
		if block.Type != "CERTIFICATE" {
			return bad("the certificates of authorities may hold nothing but CERTIFICATE blocks; keys above all do not belong there", nil)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return bad("a certificate cannot be read", err)
		}
		if !cert.BasicConstraintsValid || !cert.IsCA {
			return bad("a certificate is not one of an authority; give the authority that issues the senders' certificates", nil)
		}
		if now.After(cert.NotAfter) {
			return bad("the certificate of an authority has expired", nil)
		}
		if n++; n > maxCACerts {
			return bad(fmt.Sprintf("a channel takes at most %d certificates of authorities", maxCACerts), nil)
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})...)
	}
	if len(text) > 0 && n == 0 {
		return bad("the certificates of authorities are blank", nil)
	}
	return out, nil
}

// checkReading checks how messages are read: what they leave open.
func checkReading(c *Channel) error {
	bad := func(path, what string) error { return ward.E(ward.Invalid, "access.channel", what, nil).At(path) }
	// SPEC(HL7 table 0103): a processing id is P (production), D (debugging) or T (training).
	switch c.Processing {
	case "":
		c.Processing = "P"
	case "P", "D", "T":
	default:
		return bad("processing", "the meaning of an empty MSH-11 is P, D or T")
	}
	if c.Zone == "" {
		c.Zone = "UTC"
	}
	if !knownZone(c.Zone) {
		return bad("zone", "the zone of times without offset must be one of the IANA time zone database, such as Europe/Berlin or UTC")
	}
	switch plainCharset(c.Charset) {
	case "", "UTF8", "UNICODEUTF8":
		c.Charset = ""
	case "88591", "ISO88591", "LATIN1":
		c.Charset = latin1
	default:
		return bad("charset", "the character set of messages with an empty MSH-18 is UTF-8 (leave it empty) or 8859/1")
	}
	return checkSystems(c)
}

// plainCharset reduces a name to its letters and digits.
func plainCharset(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '/' || r == ' ' || r == '_' {
			return -1
		}
		return r
	}, strings.ToUpper(s))
}

// knownZone reports whether the name is one of the time zone database. Names of the machine's own ("Local", "posixrules")
// and zones that count leap seconds ("right/") mean something else on another machine.
func knownZone(name string) bool {
	if len(name) > maxZone || name == "Local" || name == "posixrules" || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/") {
		return false
	}
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '/' && c != '_' && c != '-' && c != '+' {
			return false
		}
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// checkSystems accepts a URI for each assigning authority.
func checkSystems(c *Channel) error {
	bad := func(path, what string) error { return ward.E(ward.Invalid, "access.channel", what, nil).At(path) }
	if len(c.Systems) > maxSystems {
		return bad("systems", fmt.Sprintf("a channel names at most %d identifier systems", maxSystems))
	}
	for _, authority := range slices.Sorted(maps.Keys(c.Systems)) {
		if authority == "" || strings.TrimSpace(authority) != authority || !printable(authority) {
			return bad("systems", fmt.Sprintf("an assigning authority has 1 to %d bytes of printable text, as PID-3.4 carries it", maxIdentify))
		}
		// SPEC(FHIR R4 2.24, Identifier): system is an absolute URI.
		system := c.Systems[authority]
		u, err := url.Parse(system)
		if err != nil || u.Scheme == "" || u.Opaque == "" && u.Host == "" || !printable(system) || strings.ContainsFunc(system, unicode.IsSpace) {
			return bad("systems", "the identifier system of an assigning authority is an absolute URI, such as http://hospital.example/mrn or urn:oid:1.2.3")
		}
	}
	c.Systems = maps.Clone(c.Systems)
	return nil
}

// printable reports whether s has 0 to 250 bytes of printable text.
func printable(s string) bool {
	return len(s) <= maxIdentify && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
