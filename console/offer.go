package console

import (
	"slices"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// duty is what the default policies leave a role to do in the console, for which purposes of use.
type duty struct {
	role     ward.Role
	purposes []ward.Purpose
	actions  []access.Action
}

// duties repeats the default policies for one end: not to ask for, and not to show links to, what would be refused. A test
// compares it with the policies; whether something is allowed is never decided here.
var duties = []duty{
	{ward.Clinician, []ward.Purpose{ward.Treatment, ward.Emergency, ward.Operations}, []access.Action{access.Console,
		access.Read, access.Search, access.Predict, access.DecisionRead, access.DecisionReplay}},
	{ward.Steward, []ward.Purpose{ward.Treatment, ward.Operations}, []access.Action{access.Console, access.Read, access.Search,
		access.MessageRead, access.MessageOpen, access.MessageReplay, access.HoldRead, access.HoldRelease, access.HoldReject}},
	{ward.Auditor, []ward.Purpose{ward.Operations, ward.SystemAdmin}, []access.Action{access.Console, access.LogRead, access.MessageRead}},
	{ward.Privacy, []ward.Purpose{ward.Operations, ward.SystemAdmin}, []access.Action{access.Console, access.LogRead}},
	{ward.Admin, []ward.Purpose{ward.Operations, ward.SystemAdmin}, []access.Action{access.Console}},
}

// offered reports whether the default policies let the principal do that for the purpose.
func offered(who ward.Principal, purpose ward.Purpose, a access.Action) bool {
	return slices.ContainsFunc(duties, func(d duty) bool {
		return who.Has(d.role) && slices.Contains(d.purposes, purpose) && slices.Contains(d.actions, a)
	})
}

// offer is what the pages show to somebody.
type offer struct {
	Patients, Ask, Decisions, Replay     bool
	Holds, Release, Reject               bool
	Messages, Open, ReplayMessage, Audit bool
}

func offerTo(p access.Permit) offer {
	who, purpose := p.Principal(), p.Purpose()
	can := func(a access.Action) bool { return offered(who, purpose, a) }
	return offer{
		Patients: can(access.Search) && can(access.Read), Ask: can(access.Predict), Decisions: can(access.DecisionRead), Replay: can(access.DecisionReplay),
		Holds: can(access.HoldRead), Release: can(access.HoldRelease), Reject: can(access.HoldReject),
		Messages: can(access.MessageRead), Open: can(access.MessageOpen), ReplayMessage: can(access.MessageReplay), Audit: can(access.LogRead),
	}
}
