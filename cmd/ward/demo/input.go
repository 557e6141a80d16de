package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ward-health/ward/clinical/fhir"
)

const (
	inputBytes   = 1 << 30 // all input together
	perBundle    = 100     // resources in one transaction
	maxLine      = fhir.MaxBytes
	bundleMedium = "application/fhir+json"
)

// order is the order in which types are loaded, so that what a reference names is there before the reference.
var order = []string{"Organization", "Location", "Practitioner", "PractitionerRole", "Patient", "Encounter"}

// item is one resource to load under its own id, or without one.
type item struct {
	rtype, id string
	body      json.RawMessage
	from      string // file, and line for NDJSON
}

// input is what was found in files: transactions to post as they are, and single resources.
type input struct {
	bundles []transaction
	items   map[string][]item
	skipped map[string]int // resources of types that Ward does not serve
	charts  []string       // patients to ask cards for; empty: found by search
	size    int64
}

// transaction is one bundle to post.
type transaction struct {
	entries []entry
	from    string
	apart   bool // its entries do not refer to each other by fullUrl: each can be sent alone when the whole is refused
}

// entry is one entry of a transaction bundle.
type entry struct {
	FullURL  string          `json:"fullUrl,omitempty"`
	Resource json.RawMessage `json:"resource,omitempty"`
	Request  *request        `json:"request,omitempty"`
	from     string          // file and line, when it came from a line of its own
}

type request struct {
	Method      string `json:"method"`
	URL         string `json:"url"`
	IfNoneExist string `json:"ifNoneExist,omitempty"`
	IfMatch     string `json:"ifMatch,omitempty"`
}

// readInput reads files and directories (their *.json and *.ndjson, by name).
func readInput(paths []string) (*input, error) {
	in := &input{items: map[string][]item{}, skipped: map[string]int{}}
	for _, p := range paths {
		err := filepath.WalkDir(p, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch filepath.Ext(file) {
			case ".ndjson":
				return in.ndjson(file)
			case ".json":
				return in.json(file)
			}
			if file == p {
				return fmt.Errorf("%s is neither .json nor .ndjson", file)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(in.bundles) == 0 && len(in.items) == 0 {
		return nil, fmt.Errorf("there is no resource that Ward serves in %s", strings.Join(paths, ", "))
	}
	return in, nil
}

func (in *input) grow(n int64) error {
	if in.size += n; in.size > inputBytes {
		return fmt.Errorf("the input is larger than %d MiB; load it in parts", inputBytes>>20)
	}
	return nil
}

func (in *input) ndjson(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := in.add(bytes.Clone(line), fmt.Sprintf("%s:%d", filepath.Base(file), n)); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func (in *input) json(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, inputBytes))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return in.add(text, filepath.Base(file))
}

// head is what must be known of a resource to load it.
type head struct {
	ResourceType string  `json:"resourceType"`
	ID           string  `json:"id"`
	Type         string  `json:"type"`
	Entry        []entry `json:"entry"`
}

func (in *input) add(body json.RawMessage, from string) error {
	if err := in.grow(int64(len(body))); err != nil {
		return err
	}
	var h head
	if err := json.Unmarshal(body, &struct {
		ResourceType *string `json:"resourceType"`
		ID           *string `json:"id"`
	}{&h.ResourceType, &h.ID}); err != nil {
		return fmt.Errorf("%s is not JSON of a resource: %w", from, err)
	}
	switch {
	case h.ResourceType == "Bundle":
		if err := json.Unmarshal(body, &h); err != nil {
			return fmt.Errorf("%s is not a bundle: %w", from, err)
		}
		return in.bundle(h, from)
	case h.ResourceType == "":
		return fmt.Errorf("%s has no resourceType", from)
	case !fhir.Known(h.ResourceType):
		in.skipped[h.ResourceType]++
	default:
		in.items[h.ResourceType] = append(in.items[h.ResourceType], item{h.ResourceType, h.ID, body, from})
	}
	return nil
}

// bundle keeps a transaction together and takes any other bundle apart.
func (in *input) bundle(h head, from string) error {
	if h.Type != "transaction" && h.Type != "batch" {
		for i, e := range h.Entry {
			if len(e.Resource) == 0 {
				continue
			}
			if err := in.add(e.Resource, fmt.Sprintf("%s entry %d", from, i)); err != nil {
				return err
			}
		}
		return nil
	}
	t := transaction{from: from}
	for _, e := range h.Entry {
		rtype, _ := e.about()
		if rtype != "" && !fhir.Known(rtype) {
			in.skipped[rtype]++
			continue
		}
		t.entries = append(t.entries, e)
	}
	if len(t.entries) > 0 {
		in.bundles = append(in.bundles, t)
	}
	return nil
}

// about tells type and id of an entry's resource.
func (e entry) about() (rtype, id string) {
	var h struct {
		ResourceType string `json:"resourceType"`
		ID           string `json:"id"`
	}
	if json.Unmarshal(e.Resource, &h) == nil && h.ResourceType != "" {
		return h.ResourceType, h.ID
	}
	if e.Request != nil {
		rtype, id, _ = strings.Cut(e.Request.URL, "/")
		rtype, _, _ = strings.Cut(rtype, "?")
	}
	return rtype, id
}

// types returns the types of the single resources in loading order.
func (in *input) types() []string {
	var rest []string
	for t := range in.items {
		if !slices.Contains(order, t) {
			rest = append(rest, t)
		}
	}
	slices.Sort(rest)
	var out []string
	for _, t := range append(slices.Clone(order), rest...) {
		if len(in.items[t]) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// transactions cuts the items of a type into bundles.
func (in *input) transactions(rtype string) []transaction {
	var out []transaction
	for part := range slices.Chunk(in.items[rtype], perBundle) {
		t := transaction{from: part[0].from, apart: true}
		for _, it := range part {
			t.entries = append(t.entries, it.entry())
		}
		out = append(out, t)
	}
	return out
}

func (it item) entry() entry {
	if it.id == "" {
		return entry{Resource: it.body, Request: &request{Method: "POST", URL: it.rtype}, from: it.from}
	}
	return entry{Resource: it.body, Request: &request{Method: "PUT", URL: it.rtype + "/" + it.id}, from: it.from}
}

// encode writes the bundle.
func (t transaction) encode() ([]byte, error) {
	return json.Marshal(struct {
		ResourceType string  `json:"resourceType"`
		Type         string  `json:"type"`
		Entry        []entry `json:"entry"`
	}{"Bundle", "transaction", t.entries})
}

// skippedText names what was left out, by type.
func (in *input) skippedText() string {
	var names []string
	for t := range in.skipped {
		names = append(names, t)
	}
	slices.Sort(names)
	for i, t := range names {
		names[i] = fmt.Sprintf("%s %d", t, in.skipped[t])
	}
	return strings.Join(names, ", ")
}
