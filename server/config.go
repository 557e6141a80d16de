package server

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/config"
	"github.com/ward-health/ward/engine/keys"
)

// Config is a node's settings: <dir>/ward.json, then the environment. Unknown keys are errors; secrets stand in it by
// reference only.
type Config struct {
	Dir string `json:"-"` // data directory

	NodeSet      string         `json:"node_set"`      // random, made by init, never changed: the log's origin is ward/<node_set>
	Node         uint8          `json:"node"`          // number of this node in its set, unique
	Listen       string         `json:"listen"`        // host:port of the HTTP(S) listener
	LoopbackOnly bool           `json:"loopback_only"` // plain HTTP; only with a loopback address
	URL          string         `json:"url,omitempty"` // base address as clients see it; made from listen when left out
	TLS          TLSConfig      `json:"tls"`
	Database     DatabaseConfig `json:"database"`
	Root         RootConfig     `json:"root"`
	Log          LogConfig      `json:"log"`
	Audit        AuditConfig    `json:"audit"`

	Listener   net.Listener `json:"-"` // already bound, see Bind
	Passphrase keys.Secret  `json:"-"` // given by the caller, goes before Root
}

// TLSConfig names what the server's certificate is for.
type TLSConfig struct {
	Names []string `json:"names,omitempty"` // host names and addresses beside that of listen
}

// DatabaseConfig chooses the database.
type DatabaseConfig struct {
	DSN config.Secret `json:"dsn,omitempty"` // PostgreSQL, by reference: env:NAME, file:/PATH or cred:NAME; SQLite when left out
}

// RootConfig says how the root key is unlocked: exactly one is set, as file:PATH, cred:NAME or (passphrase) prompt.
type RootConfig struct {
	Passphrase string `json:"passphrase,omitempty"`
	Credential string `json:"credential,omitempty"`
}

// LogConfig is about the operator's log on stderr.
type LogConfig struct {
	Level  string `json:"level,omitempty"`  // debug, info, warn, error
	Format string `json:"format,omitempty"` // json, text
}

// AuditConfig is about the tamper-evident log.
type AuditConfig struct {
	Every time.Duration `json:"every,omitempty"` // sequencing interval; 200ms when left out
}

// foreign variables begin with WARD_ and are no settings of the node: they belong to the command line and to tests.
var foreign = map[string]bool{"WARD_DIR": true, "WARD_TENANT": true, passphraseFile: true, "WARD_KILLS": true}

// Load reads the settings of a data directory: ward.json, then the environment. A missing file is ward.NotFound, what it
// may not hold ward.Invalid with the key in Path.
func Load(dir string) (Config, error) {
	c := Config{Dir: dir}
	if !(Layout{dir}).Initialised() {
		return c, ward.E(ward.NotFound, "server.config", "there is no node in "+dir+"; make one with: ward init --dir "+dir, nil)
	}
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return foreign[name] || strings.HasPrefix(name, "WARD_TEST_")
	})
	if err := config.Load(Layout{dir}.Config(), env, &c); err != nil {
		return c, err
	}
	return c, c.check()
}

// EnvironmentHelp names environment variables that replace settings, a line each.
func EnvironmentHelp() []string {
	return []string{
		"WARD_LISTEN          listen", "WARD_URL             url", "WARD_DATABASE_DSN    database.dsn", "WARD_TLS_NAMES       tls.names, separated by commas",
		"WARD_LOG_LEVEL       log.level", "WARD_AUDIT_EVERY     audit.every",
		"and so on: the key in capitals, dots turned to underscores.",
		passphraseFile + " names a file with the passphrase of the root key.",
	}
}

var nodeSetForm = regexp.MustCompile(`^[a-z0-9]{16,64}$`)

// check refuses settings that contradict each other.
func (c Config) check() error {
	bad := func(at, text string) error { return ward.E(ward.Invalid, "server.config", text, nil).At(at) }
	if !nodeSetForm.MatchString(c.NodeSet) {
		return bad("node_set", "node_set must be the 16 to 64 letters and digits that init made")
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		return bad("listen", "listen must have the form host:port, as in 127.0.0.1:8080")
	}
	if c.LoopbackOnly && !loopback(host) {
		return bad("listen", "with loopback_only the address must be a loopback address, as in 127.0.0.1:8080; to listen elsewhere set loopback_only to false, which turns TLS on")
	}
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && c.LoopbackOnly) || u.RawQuery != "" || u.Fragment != "" {
			return bad("url", "url must be an absolute https address (http only with loopback_only)")
		}
	}
	if (c.Root.Passphrase == "") == (c.Root.Credential == "") {
		return bad("root", "root must name exactly one of passphrase and credential")
	}
	if c.Audit.Every < 0 || c.Audit.Every > time.Minute {
		return bad("audit.every", "audit.every must be at most 1m, or left out")
	}
	if _, known := levels[c.Log.Level]; !known {
		return bad("log.level", "log.level must be debug, info, warn or error")
	}
	if c.Log.Format != "" && c.Log.Format != "json" && c.Log.Format != "text" {
		return bad("log.format", "log.format must be json or text")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// origin is the log's name.
func (c Config) origin() string { return "ward/" + c.NodeSet }

// BaseURL is the address of the node as clients see it, without a slash at the end.
func (c Config) BaseURL() string {
	if c.URL != "" {
		return strings.TrimRight(c.URL, "/")
	}
	host, port, _ := net.SplitHostPort(c.Listen)
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	scheme := "https"
	if c.LoopbackOnly {
		scheme = "http"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// Bind takes the listener's port now, so that an address in use is told at once and port 0 becomes a real one.
func (c *Config) Bind() error {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return ward.E(ward.Unavailable, "server.listen", "cannot listen on "+c.Listen+"; choose another address by WARD_LISTEN or in ward.json", err)
	}
	host, port, _ := net.SplitHostPort(c.Listen)
	if port == "0" {
		_, port, _ = net.SplitHostPort(l.Addr().String())
		c.Listen = net.JoinHostPort(host, port)
	}
	c.Listener = l
	return nil
}

// Print writes the settings as a file that Load reads back; secrets stand in it by reference only.
func (c Config) Print(w io.Writer) error { return config.Print(w, c) }

// write stores the settings with mode 0600.
func (c Config) write() error {
	var text bytes.Buffer
	if err := c.Print(&text); err != nil {
		return err
	}
	return writeFile(Layout{c.Dir}.Config(), text.Bytes(), 0o600)
}
