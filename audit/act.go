package audit

// Act is what was done; the number stands in log leaves and is never reused.
type Act uint8

// The acts.
const (
	ActRead Act = iota + 1
	ActVRead
	ActHistory
	ActSearch
	ActCreate
	ActUpdate
	ActDelete
	ActTransaction
	ActPredict
	ActDecisionRead
	ActDecisionList
	ActDecisionReplay
	ActShred
	ActReceive
	ActTokenIssue
	ActTenantAdd
	ActTenantDisable
	ActPrincipalAdd
	ActPrincipalDisable
	ActClientAdd
	ActClientDisable
	ActAdminRead // lists of tenants, principals, clients
	ActLogRead
	ActLogExport
	ActStoreCheck
	ActModelPush
	ActUnauthenticated // counted per source and minute
	ActNode            // init, start, stop, recovery, merge of the emergency journal
	ActPurge           // index rows of an erased patient removed
	ActMessageList
	ActMessageRead
	ActMessageApply // what a received message did: resources, held facts, merges
	ActMessageReplay
	ActMessageReject
	ActHoldList
	ActHoldRead
	ActHoldPropose
	ActHoldRelease
	ActHoldReject
	ActChannelAdd
	ActChannelDisable
	ActModelTrust
	ActModelStage
	ActFeedback // what a clinician made of a card
	ActSignIn
	ActSignOut
	ActUnitPropose  // what a sender means by a unit: first person
	ActUnitConfirm  // second person
	ActUnitWithdraw // it holds no more
	ActPackageAdd   // FHIR definitions of a tenant
	ActPackageRemove
	ActValidate // of a resource that was sent for nothing else
)

var actNames = [...]string{"", "read", "vread", "history", "search", "create", "update", "delete", "transaction", "predict",
	"decision.read", "decision.list", "decision.replay", "shred", "receive", "token.issue", "tenant.add", "tenant.disable",
	"principal.add", "principal.disable", "client.add", "client.disable", "admin.read", "log.read", "log.export",
	"store.check", "model.push", "unauthenticated", "node", "purge", "message.list", "message.read", "message.apply",
	"message.replay", "message.reject", "hold.list", "hold.read", "hold.propose", "hold.release", "hold.reject", "channel.add",
	"channel.disable", "model.trust", "model.stage", "feedback", "sign.in", "sign.out",
	"unit.propose", "unit.confirm", "unit.withdraw", "package.add", "package.remove", "validate"}

// String returns the lower-case name with dots: "read", "tenant.add".
func (a Act) String() string {
	if a == 0 || int(a) >= len(actNames) {
		return "unknown"
	}
	return actNames[a]
}

// Outcome of an act.
type Outcome uint8

// The outcomes. Done for a Begin means: permitted and begun.
const (
	Done   Outcome = 1
	Denied Outcome = 2
	Failed Outcome = 3
)

// String returns the lower-case name.
func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Denied:
		return "denied"
	case Failed:
		return "failed"
	}
	return "unknown"
}
