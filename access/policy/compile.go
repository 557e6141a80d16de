package policy

import (
	"errors"
	"fmt"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"

	"github.com/ward-health/ward"
)

// Query is everything about a question except the record.
type Query struct {
	Kind    string
	Roles   []string
	Patient string
	Action  string
	Type    string // resource type; "": not known, the filter says which
	Purpose string
}

// errForm marks a residual that the tree does not have.
var errForm = errors.New("no counterpart in the filter tree")

// Compile evaluates all policies with the resource unknown and returns (permits or'd) and not (forbids or'd) as a
// simplified tree; with a known type only rows of that type match. Any error of evaluation is an error of the whole
// question, never a skipped policy: Cedar skips a forbid that fails, which would open the door.
func (s *Set) Compile(q Query) (f Filter, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = Filter{None{}}, ward.E(ward.Internal, "policy.compile", "a policy could not be evaluated", fmt.Errorf("%v", r))
		}
	}()
	if !s.Knows(q.Action) {
		return Filter{None{}}, ward.E(ward.Internal, "policy.compile", "the schema does not declare the action "+q.Action, nil)
	}
	env := environment(q, eval.Variable("resource"), nil)
	var permits, forbids Or
	for _, p := range s.policies {
		residual, keep := eval.PartialPolicy(env, p.ast)
		if !keep {
			continue
		}
		n, err := compiler{q.Type}.policy(residual)
		permit := p.ast.Effect == ast.EffectPermit
		switch {
		case errors.Is(err, errForm) && permit:
			n = None{}
		case errors.Is(err, errForm):
			n = All{}
		case err != nil:
			return Filter{None{}}, ward.E(ward.Internal, "policy.compile", "the policy "+string(p.id)+" could not be evaluated", err)
		}
		if permit {
			permits = append(permits, n)
		} else {
			forbids = append(forbids, n)
		}
	}
	return Filter{And{ofType(q.Type), permits, Not{forbids}}}.Simplify(), nil
}

func ofType(rtype string) Node {
	if rtype == "" {
		return All{}
	}
	return TypeIn{rtype}
}

// compiler turns residuals into nodes.
type compiler struct{ rtype string }

// policy compiles scope and conditions of a partially evaluated policy. Principal and action are known, so only the
// resource may be left.
func (c compiler) policy(p *ast.Policy) (Node, error) {
	if is, ok := p.Resource.(ast.ScopeTypeIs); ok && is.Type != resourceType {
		return None{}, nil
	}
	switch p.Resource.(type) {
	case ast.ScopeTypeAll, ast.ScopeTypeIs:
	default:
		return nil, errForm
	}
	var out And
	for _, cond := range p.Conditions {
		n, err := c.bool(cond.Body, 0)
		if err != nil {
			return nil, err
		}
		if cond.Condition == ast.ConditionUnless {
			n = Not{n}
		}
		out = append(out, n)
	}
	return out, nil
}

// bool compiles a condition.
func (c compiler) bool(n ast.IsNode, depth int) (Node, error) {
	if depth > maxDepth {
		return nil, errForm
	}
	if err, failed := eval.ToPartialError(n); failed {
		return nil, err
	}
	switch n := n.(type) {
	case ast.NodeValue:
		b, ok := n.Value.(types.Boolean)
		if !ok {
			return nil, errForm
		}
		return constant(bool(b)), nil
	case ast.NodeTypeAnd:
		l, r, err := c.both(n.BinaryNode, depth)
		return And{l, r}, err
	case ast.NodeTypeOr:
		l, r, err := c.both(n.BinaryNode, depth)
		return Or{l, r}, err
	case ast.NodeTypeNot:
		x, err := c.bool(n.Arg, depth+1)
		return Not{x}, err
	case ast.NodeTypeAccess:
		if attributeOf(n) == attrShared {
			return Shared{}, nil
		}
	case ast.NodeTypeIs:
		if isResource(n.Left) {
			return constant(n.EntityType == resourceType), nil
		}
	case ast.NodeTypeContains:
		return c.contains(n.BinaryNode)
	case ast.NodeTypeContainsAny:
		labels, err := c.labels(n.BinaryNode)
		return Or(labels), err
	case ast.NodeTypeContainsAll:
		labels, err := c.labels(n.BinaryNode)
		return And(labels), err
	}
	return c.compare(n)
}

func (c compiler) both(b ast.BinaryNode, depth int) (l, r Node, err error) {
	if l, err = c.bool(b.Left, depth+1); err != nil {
		return nil, nil, err
	}
	r, err = c.bool(b.Right, depth+1)
	return l, r, err
}

// compare compiles attribute against constant, in either order.
func (c compiler) compare(n ast.IsNode) (Node, error) {
	op, b, ok := operator(n)
	if !ok {
		return nil, errForm
	}
	attr, other := attributeOf(b.Left), b.Right
	if attr == "" {
		attr, other, op = attributeOf(b.Right), b.Left, mirrored[op]
	}
	if err, failed := eval.ToPartialError(other); failed {
		return nil, err
	}
	if attr == attrConf {
		return compareConf(op, other)
	}
	v, ok := other.(ast.NodeValue)
	if !ok {
		return nil, errForm
	}
	var eq Node
	switch attr {
	case attrType, attrPatient:
		s, ok := v.Value.(types.String)
		if !ok {
			return nil, errForm
		}
		eq = c.equals(attr, string(s))
	case attrShared:
		want, ok := v.Value.(types.Boolean)
		if !ok {
			return nil, errForm
		}
		eq = Shared{}
		if !want {
			eq = Not{eq}
		}
	default:
		return nil, errForm
	}
	switch op {
	case "==":
		return eq, nil
	case "!=":
		return Not{eq}, nil
	}
	return nil, errForm
}

// equals is attribute == value for the string attributes. The empty patient is "no patient"; a known type is a constant.
func (c compiler) equals(attr, value string) Node {
	switch {
	case attr == attrPatient && value == "":
		return Shared{}
	case attr == attrPatient:
		return PatientIs(value)
	case c.rtype != "":
		return constant(c.rtype == value)
	}
	return TypeIn{value}
}

// mirrored gives the operator for swapped sides.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func operator(n ast.IsNode) (string, ast.BinaryNode, bool) {
	switch n := n.(type) {
	case ast.NodeTypeEquals:
		return "==", n.BinaryNode, true
	case ast.NodeTypeNotEquals:
		return "!=", n.BinaryNode, true
	case ast.NodeTypeLessThan:
		return "<", n.BinaryNode, true
	case ast.NodeTypeLessThanOrEqual:
		return "<=", n.BinaryNode, true
	case ast.NodeTypeGreaterThan:
		return ">", n.BinaryNode, true
	case ast.NodeTypeGreaterThanOrEqual:
		return ">=", n.BinaryNode, true
	}
	return "", ast.BinaryNode{}, false
}

// compareConf expresses every comparison of whole numbers by "at most".
func compareConf(op string, other ast.IsNode) (Node, error) {
	v, ok := confOf(other)
	if !ok {
		return nil, errForm
	}
	switch op {
	case "<=":
		return ConfAtMost(v), nil
	case "<":
		return ConfAtMost(v - 1), nil
	case ">":
		return Not{ConfAtMost(v)}, nil
	case ">=":
		return Not{ConfAtMost(v - 1)}, nil
	case "==":
		return And{ConfAtMost(v), Not{ConfAtMost(v - 1)}}, nil
	}
	return Not{And{ConfAtMost(v), Not{ConfAtMost(v - 1)}}}, nil
}

// contains compiles resource.labels.contains(x) and set.contains(resource.rtype or resource.patient).
func (c compiler) contains(b ast.BinaryNode) (Node, error) {
	if err := partialErrors(b.Left, b.Right); err != nil {
		return nil, err
	}
	if attributeOf(b.Left) == attrLabels {
		code, ok := stringOf(b.Right)
		if !ok {
			return nil, errForm
		}
		return Labelled{code}, nil
	}
	attr := attributeOf(b.Right)
	values, ok := stringsOf(b.Left)
	if !ok || attr != attrType && attr != attrPatient {
		return nil, errForm
	}
	out := make(Or, len(values))
	for i, v := range values {
		out[i] = c.equals(attr, v)
	}
	return out, nil
}

// labels compiles the set beside resource.labels.
func (c compiler) labels(b ast.BinaryNode) ([]Node, error) {
	if err := partialErrors(b.Left, b.Right); err != nil {
		return nil, err
	}
	codes, ok := stringsOf(b.Right)
	if !ok || attributeOf(b.Left) != attrLabels {
		return nil, errForm
	}
	out := make([]Node, len(codes))
	for i, code := range codes {
		out[i] = Labelled{code}
	}
	return out, nil
}

func partialErrors(ns ...ast.IsNode) error {
	for _, n := range ns {
		if err, failed := eval.ToPartialError(n); failed {
			return err
		}
	}
	return nil
}

func stringOf(n ast.IsNode) (string, bool) {
	v, ok := n.(ast.NodeValue)
	if !ok {
		return "", false
	}
	s, ok := v.Value.(types.String)
	return string(s), ok
}

func stringsOf(n ast.IsNode) ([]string, bool) {
	v, ok := n.(ast.NodeValue)
	if !ok {
		return nil, false
	}
	set, ok := v.Value.(types.Set)
	if !ok {
		return nil, false
	}
	var out []string
	for e := range set.All() {
		s, ok := e.(types.String)
		if !ok {
			return nil, false
		}
		out = append(out, string(s))
	}
	return out, true
}

func constant(b bool) Node {
	if b {
		return All{}
	}
	return None{}
}
