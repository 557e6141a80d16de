package server

import (
	"crypto/fips140"
	"runtime"
	"runtime/debug"
)

// version is set by release builds: -ldflags "-X github.com/ward-health/ward/server.version=1.2.3".
var version = ""

// Build names the running program.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	FIPS    bool   `json:"fips140" doc:"The validated mode of Go's cryptography is on"`
	Commit  string `json:"commit,omitempty"`
}

// BuildInfo returns what this program was built from.
func BuildInfo() Build {
	b := Build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, FIPS: fips140.Enabled()}
	info, ok := debug.ReadBuildInfo()
	if ok && b.Version == "" {
		b.Version = info.Main.Version
	}
	if ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
	}
	return b
}
