package policy

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"fmt"
	"hash"
	"io/fs"
	"sort"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/ward-health/ward"
)

//go:embed ward.cedarschema *.cedar
var files embed.FS

// schemaFile is the name of the schema in a policy folder; every other file that ends in ".cedar" holds policies.
const schemaFile = "ward.cedarschema"

// Bounds of a policy folder.
const (
	maxFile     = 256 << 10 // bytes of one file
	maxPolicies = 2000
)

// The names of the schema.
const (
	principalType = types.EntityType("Ward::Principal")
	resourceType  = types.EntityType("Ward::Resource")
	actionType    = types.EntityType("Ward::Action")
)

// Set is a validated policy set. It is immutable and safe for concurrent use.
type Set struct {
	policies []entry
	cedar    cedar.PolicyMap
	actions  map[types.EntityUID]bool
	hash     [32]byte
}

// entry is one policy with its name.
type entry struct {
	id  cedar.PolicyID
	ast *ast.Policy
}

// Default loads the policies that come with Ward.
func Default() (*Set, error) { return Load(files) }

// Load reads the schema and every policy of a folder, validates each policy strictly and refuses what has no counterpart
// in the filter tree. The error is ward.Invalid and names file, line and policy.
func Load(folder fs.FS) (*Set, error) {
	names, err := fs.Glob(folder, "*.cedar")
	if err != nil {
		return nil, ward.E(ward.Internal, "policy.load", "the policy folder cannot be listed", err)
	}
	sort.Strings(names)
	text, err := readBounded(folder, schemaFile)
	if err != nil {
		return nil, err
	}
	sch, err := parseSchema(text)
	if err != nil {
		return nil, err
	}
	s := &Set{cedar: cedar.PolicyMap{}, actions: map[types.EntityUID]bool{}}
	for a := range sch.Actions {
		s.actions[a] = true
	}
	sum := sha256.New()
	hashPart(sum, schemaFile, text)
	check := validate.New(sch, validate.WithStrict())
	for _, name := range names {
		text, err := readBounded(folder, name)
		if err != nil {
			return nil, err
		}
		if err := s.add(check, name, text); err != nil {
			return nil, err
		}
		hashPart(sum, name, text)
	}
	sum.Sum(s.hash[:0])
	return s, nil
}

// Hash is the SHA-256 over schema and policy files, each as name and text with their lengths, in order of name.
func (s *Set) Hash() [32]byte { return s.hash }

// Knows reports whether the schema declares the action.
func (s *Set) Knows(action string) bool { return s.actions[actionUID(action)] }

// Policies returns the names of the policies in the order in which they stand in the files.
func (s *Set) Policies() []string {
	out := make([]string, len(s.policies))
	for i, p := range s.policies {
		out[i] = string(p.id)
	}
	return out
}

// add parses, validates and checks one file.
func (s *Set) add(check *validate.Validator, name string, text []byte) error {
	list, err := cedar.NewPolicyListFromBytes(name, text)
	if err != nil {
		return invalid(name, "is not a list of Cedar policies", err)
	}
	for _, p := range list {
		where := fmt.Sprintf("%s:%d", name, p.Position().Line)
		id := cedar.PolicyID(p.Annotations()["id"])
		tree := (*ast.Policy)(p.AST())
		if id == "" {
			return invalid(where, `has a policy without an @id("...") annotation`, nil)
		}
		if _, twice := s.cedar[id]; twice {
			return invalid(where, "repeats the policy id "+string(id), nil)
		}
		if err := check.Policy(string(id), tree); err != nil {
			return invalid(where, "has a policy that does not validate against the schema: "+string(id), err)
		}
		if err := checkPolicy(tree); err != nil {
			return invalid(where, "has a policy that cannot become a filter: "+string(id), err)
		}
		if len(s.policies) == maxPolicies {
			return invalid(where, fmt.Sprintf("holds more than %d policies together with the files before it", maxPolicies), nil)
		}
		s.cedar[id] = p
		s.policies = append(s.policies, entry{id, tree})
	}
	return nil
}

func parseSchema(text []byte) (*resolved.Schema, error) {
	var sch schema.Schema
	if err := sch.UnmarshalCedar(text); err != nil {
		return nil, invalid(schemaFile, "is not a Cedar schema", err)
	}
	out, err := sch.Resolve()
	if err != nil {
		return nil, invalid(schemaFile, "names something that it does not declare", err)
	}
	return out, checkSchema(out)
}

// checkSchema holds the schema to the attributes that the filter tree knows: a new one must be taught to tree and SQL first.
func checkSchema(s *resolved.Schema) error {
	want := map[types.String]resolved.IsType{
		"rtype": resolved.StringType{}, "patient": resolved.StringType{}, "shared": resolved.BoolType{},
		"conf": resolved.LongType{}, "labels": resolved.SetType{Element: resolved.StringType{}},
	}
	shape := s.Entities[resourceType].Shape
	for name, attr := range shape {
		if want[name] == nil || attr.Type != want[name] || attr.Optional {
			return invalid(schemaFile, "declares an attribute of Ward::Resource that the filter tree does not have: "+string(name), nil)
		}
	}
	if len(shape) != len(want) {
		return invalid(schemaFile, "does not declare all attributes of Ward::Resource: rtype, patient, shared, conf, labels", nil)
	}
	for uid, a := range s.Actions {
		if a.AppliesTo == nil || len(a.AppliesTo.Principals) != 1 || a.AppliesTo.Principals[0] != principalType ||
			len(a.AppliesTo.Resources) != 1 || a.AppliesTo.Resources[0] != resourceType {
			return invalid(schemaFile, "has an action that does not apply to Ward::Principal and Ward::Resource: "+string(uid.ID), nil)
		}
	}
	return nil
}

func readBounded(folder fs.FS, name string) ([]byte, error) {
	text, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, invalid(name, "cannot be read", err)
	}
	if len(text) > maxFile {
		return nil, ward.E(ward.TooLarge, "policy.load", fmt.Sprintf("policy file %s is larger than %d bytes", name, maxFile), nil)
	}
	return text, nil
}

// hashPart writes one file so that no two folders share their bytes.
func hashPart(w hash.Hash, name string, text []byte) {
	for _, part := range [][]byte{[]byte(name), text} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		_, _ = w.Write(n[:]) // a hash takes everything
		_, _ = w.Write(part)
	}
}

func invalid(where, what string, err error) error {
	return ward.E(ward.Invalid, "policy.load", "policy file "+where+" "+what, err)
}

func actionUID(name string) types.EntityUID {
	return types.NewEntityUID(actionType, types.String(name))
}
