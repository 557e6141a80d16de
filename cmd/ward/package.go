package main

import (
	"net/http"
	"os"

	"github.com/ward-health/ward/server"
)

type packageCmd struct {
	Add    packageAddCmd    `cmd:"" help:"Load a FHIR package (.tgz), such as US Core; it is in force at once."`
	List   packageListCmd   `cmd:"" help:"List the tenant's packages."`
	Remove packageRemoveCmd `cmd:"" help:"Take a package away."`
}

type packageAddCmd struct {
	File string `arg:"" help:"The package, a FHIR npm .tgz." type:"existingfile"`
}

// Help is shown by ward package add --help.
func (packageAddCmd) Help() string {
	return `From then on resources that claim a profile of the package (meta.profile) are checked against it when they come in by FHIR, and refused
with every error when they do not conform. What the package refers to and is not there is named, and not checked. Another version of the
package takes the place of the one that is there.`
}

// Run implements the verb.
func (c packageAddCmd) Run(s *session) error {
	tgz, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return s.with(s.tenant, func(a *api) error {
		var got server.PackageAdded
		if err := a.call(http.MethodPost, "/v1/packages", map[string][]byte{"package": tgz}, &got); err != nil {
			return err
		}
		rows := [][]string{{"package", got.Name + "#" + got.Version}, {"sha256", got.Digest}}
		for _, text := range got.Unchecked {
			rows = append(rows, []string{"not checked", text})
		}
		return s.table(got, "", rows)
	})
}

type packageListCmd struct{}

// Run implements the verb.
func (packageListCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		var have []server.Package
		if err := a.call(http.MethodGet, "/v1/packages", nil, &have); err != nil {
			return err
		}
		var rows [][]string
		for _, p := range have {
			rows = append(rows, []string{p.Name, p.Version, p.Added.Local().Format("2006-01-02 15:04:05"), p.Digest})
		}
		return s.table(have, "NAME VERSION ADDED SHA256", rows)
	})
}

type packageRemoveCmd struct {
	Name string `arg:"" help:"Name of the package: hl7.fhir.us.core."`
}

// Run implements the verb.
func (c packageRemoveCmd) Run(s *session) error {
	return s.with(s.tenant, func(a *api) error {
		if err := a.call(http.MethodDelete, path("v1", "packages", c.Name), nil, nil); err != nil {
			return err
		}
		s.say("removed: %s", c.Name)
		return nil
	})
}
