// Package access decides who may do what: principals, clients, tokens, Cedar policies, and the Permit without which no
// patient data leaves the store.
//
// Only Decide makes a Permit, after the policies said yes; a denial is an entry of the log before the caller hears of it.
// Any error on the way is a denial. A route that the table does not name, or names without action and audit class, does
// not exist. The tenant comes from the principal, never from a URL or, but for the node's own socket, a header.
//
// The package must never open a record, print a token, a code or a key, or decide anything from a string that a client
// chose.
//
// Read in this order: permit.go, decide.go, the folder policy, guard.go; how programs come in: token.go, assertion.go,
// endpoint.go; how browsers do: session.go, origin.go, signin.go; how messages do: channel.go; then the administration:
// tenant.go, principal.go, client.go, onetime.go.
package access
