package console

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/ward-health/ward"
)

// versionOf reads the number of a version in its one spelling.
func versionOf(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != s {
		return 0, ward.E(ward.NotFound, "console.version", "a version is a positive number", nil)
	}
	return n, nil
}

// indented is JSON on several lines; every token stays as it is. What is not JSON is returned unchanged.
func indented(b []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return string(b)
	}
	return out.String()
}

// link is where a reference of a hop or an input leads; empty: nowhere on these pages.
//
// "Observation/id/_history/3" is a version of a record, "hold/id" a held fact.
func link(ref string) string {
	part := strings.Split(ref, "/")
	switch {
	case len(part) == 2 && part[0] == "hold":
		if id, err := ward.ParseID(part[1]); err == nil {
			return "/console/quarantine/" + id.String()
		}
	case len(part) == 4 && part[2] == "_history" && ward.ValidID(part[1]):
		if n, err := versionOf(part[3]); err == nil {
			return recordLink(ward.Reference{Type: part[0], ID: part[1]}, n)
		}
	}
	return ""
}

// recordLink is the page of a version; a patient's own is the patient's page.
func recordLink(ref ward.Reference, version int64) string {
	return "/console/records/" + ref.Type + "/" + ref.ID + "/" + strconv.FormatInt(version, 10)
}
