// Package explain says how much each input moved the margin of a tree ensemble: exact Shapley values of the path-dependent
// game (TreeSHAP), in which an input outside the coalition follows both branches in proportion to their training cover.
//
// A leaf's game is a product over the distinct features on its path, so its Shapley values depend only on which of them
// the row satisfies. Compile works them out for every such pattern and for small subtrees at once; a row then costs one
// table row per subtree. A model whose tables would not fit the budget is computed leaf by leaf from the same formula.
//
// The values are on the scale of the margin (log-odds for a logistic model), never of the probability. It must never use
// a function whose last bit depends on the platform or sum in an order that depends on the batch; the semantics carry a
// version (I12).
//
// Read in this order: explain.go, leaf.go, plan.go, table.go, run.go.
package explain
