// Package console is the pages of Ward: server-rendered HTML over what the stages offer, for clinicians, stewards of held
// facts and auditors.
//
// A page is a row of the route table like any other: it has an action and an audit class, runs under a Permit, and whatever
// it shows was read by a call that left its entry. What a role is offered (offer.go) decides nothing; it keeps the pages
// from asking for what would be refused, because a refusal is an entry of the log.
//
// Everything is drawn here: templates and style are files of this package, charts are SVG whose geometry is computed in Go
// and written by the same contextually escaping templates, and every chart has a table beside it. The pages work without
// script; a small one redeems sign-in links and refreshes counters.
//
// It must never put an identifier, a name or a search value into a URL, mark text of a source as safe HTML, decide what
// somebody may see, or load anything from another origin.
//
// Read in this order: console.go, offer.go, page.go, errors.go, home.go, live.go, patients.go, patient.go, results.go,
// group.go, trend.go, card.go, bars.go, scale.go, decisions.go, holds.go, messages.go, raw.go, journal.go.
package console
