package policy

import (
	"fmt"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// maxDepth bounds the nesting of a condition.
const maxDepth = 100

// maxConf is the highest confidentiality, V.
const maxConf = 5

// The attributes of a resource.
const (
	attrType    = "rtype"
	attrPatient = "patient"
	attrShared  = "shared"
	attrConf    = "conf"
	attrLabels  = "labels"
)

// checkPolicy refuses a policy whose conditions, after everything but the resource is known, might have no counterpart in
// the filter tree. It knows the same forms as compile.go.
func checkPolicy(p *ast.Policy) error {
	switch s := p.Resource.(type) {
	case ast.ScopeTypeAll:
	case ast.ScopeTypeIs:
		if s.Type != resourceType {
			return fmt.Errorf("resource may only be Ward::Resource, not %s", s.Type)
		}
	default:
		return fmt.Errorf("the scope may not name a single resource (%T)", p.Resource)
	}
	for _, c := range p.Conditions {
		if err := checkBool(c.Body, 0); err != nil {
			return err
		}
	}
	return nil
}

// checkBool accepts a condition that may speak of the resource.
func checkBool(n ast.IsNode, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("a condition is nested deeper than %d", maxDepth)
	}
	if !mentionsResource(n) {
		return nil
	}
	switch n := n.(type) {
	case ast.NodeTypeAnd:
		return checkBoth(n.BinaryNode, depth)
	case ast.NodeTypeOr:
		return checkBoth(n.BinaryNode, depth)
	case ast.NodeTypeNot:
		return checkBool(n.Arg, depth+1)
	case ast.NodeTypeAccess:
		if attributeOf(n) == attrShared {
			return nil
		}
	case ast.NodeTypeEquals:
		return checkCompare(n.BinaryNode, true)
	case ast.NodeTypeNotEquals:
		return checkCompare(n.BinaryNode, true)
	case ast.NodeTypeLessThan:
		return checkCompare(n.BinaryNode, false)
	case ast.NodeTypeLessThanOrEqual:
		return checkCompare(n.BinaryNode, false)
	case ast.NodeTypeGreaterThan:
		return checkCompare(n.BinaryNode, false)
	case ast.NodeTypeGreaterThanOrEqual:
		return checkCompare(n.BinaryNode, false)
	case ast.NodeTypeContains:
		return checkContains(n.BinaryNode)
	case ast.NodeTypeContainsAny:
		return checkLabels(n.BinaryNode)
	case ast.NodeTypeContainsAll:
		return checkLabels(n.BinaryNode)
	case ast.NodeTypeIs:
		if _, ok := n.Left.(ast.NodeTypeVariable); ok && n.EntityType == resourceType {
			return nil
		}
	}
	return fmt.Errorf("a condition on the resource uses a form outside the filter tree (%T)", n)
}

func checkBoth(b ast.BinaryNode, depth int) error {
	if err := checkBool(b.Left, depth+1); err != nil {
		return err
	}
	return checkBool(b.Right, depth+1)
}

// checkCompare accepts one attribute beside something that does not depend on the resource.
func checkCompare(b ast.BinaryNode, equality bool) error {
	attr, other := attributeOf(b.Left), b.Right
	if attr == "" {
		attr, other = attributeOf(b.Right), b.Left
	}
	if attr == "" || mentionsResource(other) {
		return fmt.Errorf("a comparison must have one attribute of the resource on one side only")
	}
	switch {
	case attr == attrConf:
		if _, ok := confOf(other); !ok {
			return fmt.Errorf("resource.conf is compared with literals 0 to %d only", maxConf)
		}
		return nil
	case equality && (attr == attrType || attr == attrPatient || attr == attrShared):
		return nil
	}
	return fmt.Errorf("resource.%s has no such comparison in the filter tree", attr)
}

// checkContains accepts set.contains(resource.rtype or resource.patient) and resource.labels.contains(value).
func checkContains(b ast.BinaryNode) error {
	if attributeOf(b.Left) == attrLabels && !mentionsResource(b.Right) {
		return nil
	}
	a := attributeOf(b.Right)
	if !mentionsResource(b.Left) && (a == attrType || a == attrPatient) {
		return nil
	}
	return fmt.Errorf("contains must test resource.labels, or a set for resource.rtype or resource.patient")
}

func checkLabels(b ast.BinaryNode) error {
	if attributeOf(b.Left) == attrLabels && !mentionsResource(b.Right) {
		return nil
	}
	return fmt.Errorf("containsAny and containsAll must test resource.labels against a set")
}

// attributeOf returns the attribute's name if n is exactly resource.name.
func attributeOf(n ast.IsNode) string {
	acc, ok := n.(ast.NodeTypeAccess)
	if !ok || !isResource(acc.Arg) {
		return ""
	}
	return string(acc.Value)
}

func isResource(n ast.IsNode) bool {
	v, ok := n.(ast.NodeTypeVariable)
	return ok && v.Name == "resource"
}

// confOf reads a literal confidentiality.
func confOf(n ast.IsNode) (int, bool) {
	v, ok := n.(ast.NodeValue)
	if !ok {
		return 0, false
	}
	l, ok := v.Value.(types.Long)
	return int(l), ok && l >= 0 && l <= maxConf
}

func mentionsResource(n ast.IsNode) bool {
	found := false
	ast.Inspect(ast.NewNode(n), func(x ast.IsNode) bool {
		found = found || isResource(x)
		return !found
	})
	return found
}
