// Package xmltree reads XML strictly into a flat tape of nodes that point into the bytes, as package tree does for JSON: a node knows
// where it begins and ends, so that a change is a splice.
//
// Strict means XML 1.0 with namespaces, in UTF-8, and less: no document type, no entities but the five that XML defines, no processing
// instructions; bounded bytes, depth, nodes, attributes and namespace declarations. There is no state outside a Doc and nothing is fetched.
//
// It must never put a value of a body into an error: errors name the place and what was expected there.
package xmltree
