package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestFullDiskPackage loads a package for which the disk has no room: it is refused with a reason, the package of before stays in force, and with space
// the same addition works, without a restart and after one (I3).
func TestFullDiskPackage(t *testing.T) {
	const large = 12 << 20 // more than is free, and twice less than is with the ballast
	f := newFullDisk(t)
	small, big := packageFile(t, "small", 0), packageFile(t, "big", large)
	f.ward("package", "add", small)
	f.nameless(422)

	_, errs, code := f.run("ward", "package", "add", big)
	if code != 1 || !strings.Contains(errs, "the database cannot be used now; try again later") {
		t.Errorf("on a full disk: exit %d: %s", code, errs)
	}
	f.said(`"sqlite":"SQLITE_FULL"`)
	f.listed("small")
	f.nameless(422)
	f.want(200, "/livez")

	f.free(ballastSize)
	f.ward("package", "add", big)
	f.listed("small", "big")
	f.ward("package", "remove", "small")
	f.nameless(422)
	f.stop()
	f.ward("store", "check")
	f.ward("audit", "verify")
	f.start()
	f.doc = f.token("doc")
	f.listed("big")
	f.nameless(422)
	f.ward("package", "remove", "big")
	f.nameless(201)
}

// nameless writes a Patient that claims the profile of packageFile and breaks it: 422 where that is loaded, and kept where it is not.
func (f *fullDisk) nameless(status int) {
	f.t.Helper()
	body := []byte(`{"resourceType":"Patient","id":"nameless","meta":{"profile":["` + strict + `"]}}`)
	f.must(status, f.doc, http.MethodPut, "/fhir/R4/Patient/nameless", body)
}

// listed wants these packages and no others.
func (f *fullDisk) listed(names ...string) {
	f.t.Helper()
	out := f.ward("package", "list")
	for _, name := range []string{"small", "big"} {
		if strings.Contains(out, name) != slices.Contains(names, name) {
			f.t.Errorf("want %v:\n%s", names, out)
		}
	}
}
