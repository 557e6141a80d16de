package access

import "github.com/ward-health/ward/access/policy"

// Filter is a closed predicate tree over the declared attributes of a record. store translates it for every alias; Match
// is the evaluator. The zero Filter matches nothing.
type Filter = policy.Filter

// Node is one of All, None, And, Or, Not, TypeIn, PatientIs, Shared, ConfAtMost, Labelled. The empty And is All, the
// empty Or and the empty TypeIn are None; PatientIs("") matches nothing, because "no patient" is Shared.
type Node = policy.Node

// The nodes of a Filter; package policy says what each means.
type (
	All        = policy.All
	None       = policy.None
	And        = policy.And
	Or         = policy.Or
	Not        = policy.Not
	TypeIn     = policy.TypeIn
	PatientIs  = policy.PatientIs
	Shared     = policy.Shared
	ConfAtMost = policy.ConfAtMost
	Labelled   = policy.Labelled
)

// Attributes of a record, as Cedar, Filter and SQL see them.
type Attributes = policy.Attributes
