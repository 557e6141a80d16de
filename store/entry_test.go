package store_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// acts counts the entries of the log by act.
func acts(n *storetest.Running) map[audit.Act]int {
	out := map[audit.Act]int{}
	for _, e := range n.Entries() {
		out[e.Act]++
	}
	return out
}

// TestEntriesOfEveryCall: one call, one entry, of the right act and outcome (I2). A conditional create that opens
// candidates and then writes has two: it reads and it writes.
func TestEntriesOfEveryCall(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		small(n)
		n.Put("Observation/moved", observation("moved", "q", "a", "2026", 1))
		n.Put("Observation/moved", observation("moved", storetest.OwnPatient, "a", "2026", 1))
		n.Put("Observation/mine", observation("mine", storetest.OwnPatient, "a", "2026", 1))
		remove(t, n, "Observation/o2")
		d := decision("q")
		putDecision(t, n, d)
		used, err := n.Store.Get(ctx, n.Permit(ward.Clinician, access.Read, "Observation"), ref("Observation/o1"))
		must(t, err)
		withInput := decision("q")
		withInput.Inputs = []ward.Input{{Name: "x", Source: "Observation/o1", Version: 1, Digest: hex.EncodeToString(used.Digest[:])}}
		putDecision(t, n, withInput)
		raw, err := n.Store.Receive(ctx, n.Permit(ward.Integration, access.Receive, ""), store.Inbound{Message: ward.Message{Source: "lab", ContentType: "x", Body: ward.Protected("m")}})
		must(t, err)
		n.Receive(storetest.ORU("arrived", "p"))
		arrived, err := n.Store.Arrived(ctx, deliver(t, n)[0])
		must(t, err)
		n.Put("Patient/erased", patient("erased"))
		lost := decision("erased")
		putDecision(t, n, lost)
		shred(t, n, "erased")
		eventually(t, "the purge", func() bool { return acts(n)[audit.ActPurge] == 1 })
		first, err := n.Store.Search(ctx, n.Permit(ward.Clinician, access.Search, "Observation"), search(t, "Observation", "_count=2"))
		must(t, err)
		var c, own, reg, st = ward.Clinician, ward.PatientRole, ward.Registrar, ward.Steward
		known := n.Receive(storetest.ORU("known", "q"))
		var h1, h2 ward.ID
		p := func(role ward.Role, a access.Action, rt string) access.Permit { return n.Permit(role, a, rt) }
		get := func(p access.Permit, r string) error { _, err := n.Store.Get(ctx, p, ref(r)); return err }
		currents := func(refs ...string) error {
			_, err := n.Store.Currents(ctx, wants(t, n, c, refs...))
			return err
		}
		vread := func(p access.Permit, r string, v int64) error { _, err := n.Store.VRead(ctx, p, ref(r), v); return err }
		hist := func(p access.Permit, r string) error { _, err := n.Store.History(ctx, p, ref(r), "", 5); return err }
		find := func(p access.Permit, q fhir.Search) error { _, err := n.Store.Search(ctx, p, q); return err }
		write := func(p access.Permit, op store.Op, r, body string, more ...func(*store.Change)) error {
			_, err := one(n, p, op, r, body, more...)
			return err
		}
		say := func(p access.Permit, id ward.ID) error {
			_, err := n.Store.PutFeedback(ctx, p, store.Feedback{Decision: id, Outcome: store.Accepted})
			return err
		}
		heard := func(p access.Permit, id ward.ID) error { _, err := n.Store.Feedbacks(ctx, p, id); return err }
		dec := func(p access.Permit, id ward.ID) error { _, _, err := n.Store.Decision(ctx, p, id); return err }
		for _, c := range []struct {
			name string
			call func() error
			kind ward.ErrorKind // 0: no error
			want string
		}{
			{"get", func() error { return get(p(c, access.Read, "Observation"), "Observation/o1") }, 0, "read done"},
			{"get nothing", func() error { return get(p(c, access.Read, "Observation"), "Observation/none") }, ward.NotFound, "read done"},
			{"get deleted", func() error { return get(p(c, access.Read, "Observation"), "Observation/o2") }, ward.Gone, "read done"},
			{"get erased", func() error { return get(p(c, access.Read, "Patient"), "Patient/erased") }, ward.Gone, "read done"},
			{"get hidden", func() error { return get(p(own, access.Read, "Observation"), "Observation/o1") }, ward.NotFound, "read denied"},
			{"currents", func() error { return currents("Observation/o1", "Observation/o2", "Observation/none") }, 0, "read done"},
			{"currents of nothing", func() error { return currents("Observation/none") }, 0, "read done"},
			{"currents erased", func() error { return currents("Patient/erased") }, 0, "read done"},
			{"vread", func() error { return vread(p(c, access.Read, "Observation"), "Observation/o2", 1) }, 0, "vread done"},
			{"vread nothing", func() error { return vread(p(c, access.Read, "Observation"), "Observation/o2", 9) }, ward.NotFound, "vread done"},
			{"vread hidden", func() error { return vread(p(own, access.Read, "Observation"), "Observation/o1", 1) }, ward.NotFound, "vread denied"},
			{"vread of another patient's", func() error { return vread(p(own, access.Read, "Observation"), "Observation/moved", 1) }, ward.NotFound, "vread denied"},
			{"history", func() error { return hist(p(c, access.Read, "Observation"), "Observation/o2") }, 0, "history done"},
			{"history of nothing", func() error { return hist(p(c, access.Read, "Observation"), "Observation/none") }, ward.NotFound, "history done"},
			{"history hidden", func() error { return hist(p(own, access.Read, "Observation"), "Observation/o1") }, ward.NotFound, "history denied"},
			{"search", func() error { return find(p(c, access.Search, "Observation"), search(t, "Observation", "patient=p")) }, 0, "search done"},
			{"search nothing", func() error { return find(p(c, access.Search, "Observation"), search(t, "Observation", "code=none")) }, 0, "search done"},
			{"search page", func() error {
				return find(p(c, access.Search, "Observation"), fhir.Search{Type: "Observation", Cursor: first.Next})
			}, 0, "search done"},
			{"count", func() error {
				return find(p(c, access.Search, "Observation"), search(t, "Observation", "_summary=count"))
			}, 0, "search done"},
			{"resolve", func() error {
				_, err := n.Store.Resolve(ctx, p(c, access.Search, "Patient"), []fhir.Search{search(t, "Patient", "identifier=mrn-q")})
				return err
			}, 0, "search done"},
			{"create", func() error {
				return write(p(c, access.Create, "Observation"), store.OpCreate, "Observation", observation("x", "q", "a", "2026", 1))
			}, 0, "create done"},
			{"create what exists", func() error {
				return write(p(c, access.Create, "Patient"), store.OpCreate, "Patient", patient("x"), ifNoneExist(search(t, "Patient", "identifier=mrn-q")))
			}, 0, "create done"},
			{"create if none exists", func() error {
				return write(p(c, access.Create, "Patient"), store.OpCreate, "Patient", patient("x"), ifNoneExist(search(t, "Patient", "identifier=mrn-zzz")))
			}, 0, "create done"},
			{"update", func() error {
				return write(p(c, access.Update, "Observation"), store.OpUpdate, "Observation/o3", observation("o3", "p", "a", "2026", 9))
			}, 0, "update done"},
			{"update kept", func() error {
				return write(p(c, access.Update, "Observation"), store.OpUpdate, "Observation/o3", observation("o3", "p", "a", "2026", 9))
			}, 0, "update done"},
			{"update too late", func() error {
				return write(p(c, access.Update, "Observation"), store.OpUpdate, "Observation/o3", observation("o3", "p", "a", "2026", 8), ifMatch(1))
			}, ward.Precondition, "update failed"},
			{"update erased", func() error {
				return write(p(c, access.Update, "Patient"), store.OpUpdate, "Patient/erased", patient("erased"))
			}, ward.Gone, "update failed"},
			{"create for erased", func() error {
				return write(p(c, access.Create, "Observation"), store.OpCreate, "Observation", observation("x", "erased", "a", "2026", 1))
			}, ward.Gone, "create failed"},
			{"update to what is hidden", func() error {
				return write(p(reg, access.Update, "Encounter"), store.OpUpdate, "Encounter/e", encounter("e", "q", "R"))
			}, ward.Denied, "update denied"},
			{"delete nothing", func() error { return write(p(c, access.Delete, "Observation"), store.OpDelete, "Observation/none", "") }, ward.NotFound, "delete failed"},
			{"delete", func() error { return write(p(c, access.Delete, "Observation"), store.OpDelete, "Observation/o3", "") }, 0, "delete done"},
			{"delete again", func() error { return write(p(c, access.Delete, "Observation"), store.OpDelete, "Observation/o3", "") }, 0, "delete done"},
			{"broken input", func() error { return write(p(c, access.Update, "Observation"), store.OpUpdate, "Observation/o3", "{") }, ward.Invalid, ""},
			{"receive", func() error {
				_, err := n.Store.Receive(ctx, p(ward.Integration, access.Receive, ""), store.Inbound{Message: ward.Message{Source: "lab", ContentType: "x", Body: ward.Protected("fresh")}})
				return err
			}, 0, "receive done"},
			{"receive again", func() error {
				got, err := n.Store.Receive(ctx, p(ward.Integration, access.Receive, ""), storetest.ORU("known", "q"))
				if !got.Repeat {
					t.Error("it is not known")
				}
				return err
			}, 0, "receive done"},
			{"receive another under the same id", func() error {
				_, err := n.Store.Receive(ctx, p(ward.Integration, access.Receive, ""), store.Inbound{Message: ward.Message{ID: raw.ID, Source: "lab", ContentType: "x", Body: ward.Protected("another")}})
				return err
			}, ward.Conflict, "receive failed"},
			{"raw", func() error { _, err := n.Store.Raw(ctx, p(ward.Integration, access.Receive, ""), raw.ID); return err }, 0, "message.read done"},
			{"raw nothing", func() error {
				_, err := n.Store.Raw(ctx, p(ward.Integration, access.Receive, ""), ward.NewID())
				return err
			}, ward.NotFound, "message.read done"},
			{"raw as it arrived", func() error {
				_, err := n.Store.RawArrived(ctx, p(ward.Integration, access.Receive, ""), arrived)
				return err
			}, 0, "message.read done"},
			{"raw by a person", func() error { _, err := n.Store.Raw(ctx, p(st, access.MessageOpen, ""), raw.ID); return err }, 0, "message.read done"},
			{"messages", func() error {
				_, _, err := n.Store.Messages(ctx, p(st, access.MessageRead, ""), store.MessageQuery{})
				return err
			}, 0, "message.list done"},
			{"message", func() error { _, err := n.Store.Message(ctx, p(st, access.MessageRead, ""), raw.ID); return err }, 0, "message.read done"},
			{"message nothing", func() error {
				_, err := n.Store.Message(ctx, p(st, access.MessageRead, ""), ward.NewID())
				return err
			}, ward.NotFound, "message.read done"},
			{"no rejection", func() error { _, err := n.Store.Rejection(ctx, p(st, access.MessageOpen, ""), raw.ID); return err }, ward.NotFound, "message.read done"},
			{"replay what is worked on", func() error {
				return n.Store.ReplayMessage(ctx, p(st, access.MessageReplay, ""), raw.ID)
			}, ward.Conflict, "message.replay failed"},
			{"reject what is not held", func() error {
				return n.Store.RejectMessage(ctx, p(st, access.HoldReject, ""), raw.ID, "")
			}, ward.Conflict, "message.reject failed"},
			{"apply message", func() error {
				id := known.ID
				p, e := n.Effects(id, []ward.Reference{ref("Observation/known")}, []string{observation("known", "q", "a", "2026", 1)}, "q")
				e.Holds = []store.Hold{hold("OBX[1]", "q", ""), hold("OBX[2]", "q", "")}
				_, err := n.Store.ApplyMessage(ctx, p, e)
				finish(t, n, id)
				return err
			}, 0, "message.apply done"},
			{"apply message again", func() error {
				p, e := n.Effects(known.ID, nil, nil)
				_, err := n.Store.ApplyMessage(ctx, p, e)
				return err
			}, 0, ""},
			{"apply for erased", func() error {
				p, e := n.Effects(raw.ID, []ward.Reference{ref("Observation/late")}, []string{observation("late", "erased", "a", "2026", 1)})
				_, err := n.Store.ApplyMessage(ctx, p, e)
				return err
			}, ward.Gone, "message.apply failed"},
			{"apply nothing", func() error {
				p, e := n.Effects(ward.NewID(), nil, nil)
				_, err := n.Store.ApplyMessage(ctx, p, e)
				return err
			}, ward.NotFound, "message.apply done"},
			{"replay", func() error { return n.Store.ReplayMessage(ctx, p(st, access.MessageReplay, ""), known.ID) }, 0, "message.replay done"},
			{"holds", func() error {
				got, _, err := n.Store.Holds(ctx, p(st, access.HoldRead, ""), store.HoldQuery{Message: known.ID})
				if len(got) == 2 {
					h1, h2 = got[0].ID, got[1].ID
				}
				return err
			}, 0, "hold.list done"},
			{"held", func() error { _, err := n.Store.Held(ctx, p(st, access.HoldRead, ""), h1); return err }, 0, "hold.read done"},
			{"held nothing", func() error { _, err := n.Store.Held(ctx, p(st, access.HoldRead, ""), ward.NewID()); return err }, ward.NotFound, "hold.read done"},
			{"propose", func() error { return n.Store.Propose(ctx, p(st, access.HoldRelease, ""), h1, ward.Protected("one")) }, 0, "hold.propose done"},
			{"release by the first person", func() error { _, err := releaseAs(t, n, "steward", h1, "one", "h1"); return err }, ward.Denied, "hold.release denied"},
			{"release another proposal", func() error { _, err := releaseAs(t, n, "bea", h1, "two", "h1"); return err }, ward.Precondition, "hold.release failed"},
			{"release", func() error { _, err := releaseAs(t, n, "bea", h1, "one", "h1"); return err }, 0, "hold.release done"},
			{"release again", func() error { _, err := releaseAs(t, n, "bea", h1, "one", "h1"); return err }, ward.Conflict, "hold.release failed"},
			{"reject", func() error { return n.Store.Reject(ctx, p(st, access.HoldReject, ""), h2, "no") }, 0, "hold.reject done"},
			{"reject again", func() error { return n.Store.Reject(ctx, p(st, access.HoldReject, ""), h2, "no") }, ward.Conflict, "hold.reject failed"},
			{"derive", func() error {
				_, err := n.Store.Derive(ctx, p(ward.Integration, access.Receive, ""), "s", "k")
				return err
			}, 0, ""},
			{"survivor", func() error {
				_, err := n.Store.Survivor(ctx, p(ward.Integration, access.Receive, ""), "q")
				return err
			}, 0, ""},
			{"predict", func() error {
				_, err := n.Store.PutDecision(ctx, p(c, access.Predict, ""), decision("q"), [32]byte{1})
				return err
			}, 0, "predict done"},
			{"predict for erased", func() error {
				_, err := n.Store.PutDecision(ctx, p(c, access.Predict, ""), decision("erased"), [32]byte{1})
				return err
			}, ward.Gone, "predict failed"},
			{"decision", func() error { return dec(p(c, access.DecisionRead, ""), d.ID) }, 0, "decision.read done"},
			{"decision replay", func() error { return dec(p(c, access.DecisionReplay, ""), d.ID) }, 0, "decision.replay done"},
			{"source", func() error {
				_, err := n.Store.Source(ctx, p(c, access.DecisionReplay, ""), withInput.ID, ref("Observation/o1"), 1)
				return err
			}, 0, "decision.replay done"},
			{"source that was no input", func() error {
				_, err := n.Store.Source(ctx, p(c, access.DecisionReplay, ""), withInput.ID, ref("Patient/q"), 1)
				return err
			}, ward.NotFound, "decision.replay done"},
			{"decision nothing", func() error { return dec(p(c, access.DecisionRead, ""), ward.NewID()) }, ward.NotFound, "decision.read done"},
			{"decisions", func() error {
				_, _, err := n.Store.Decisions(ctx, p(c, access.DecisionRead, ""), "", "", 5)
				return err
			}, 0, "decision.list done"},
			{"feedback", func() error { return say(p(c, access.Feedback, ""), d.ID) }, 0, "feedback done"},
			{"feedback again", func() error { return say(p(c, access.Feedback, ""), d.ID) }, 0, "feedback done"},
			{"feedback on nothing", func() error { return say(p(c, access.Feedback, ""), ward.NewID()) }, ward.NotFound, "feedback done"},
			{"feedback on an erased patient's", func() error { return say(p(c, access.Feedback, ""), lost.ID) }, ward.Gone, "feedback done"},
			{"feedbacks", func() error { return heard(p(c, access.DecisionRead, ""), d.ID) }, 0, "decision.read done"},
			{"feedbacks on nothing", func() error { return heard(p(c, access.DecisionRead, ""), ward.NewID()) }, ward.NotFound, "decision.read done"},
			{"feedbacks on an erased patient's", func() error { return heard(p(c, access.DecisionRead, ""), lost.ID) }, ward.Gone, "decision.read done"},
			{"shred", func() error { _, err := n.Store.Shred(ctx, p(ward.Privacy, access.Shred, ""), "erased"); return err }, 0, "shred done"},
		} {
			t.Run(c.name, func(t *testing.T) {
				before := len(n.Entries())
				err := c.call()
				if c.kind == 0 && err != nil || c.kind != 0 && (err == nil || ward.KindOf(err) != c.kind) {
					t.Errorf("error %v, want kind %v", err, c.kind)
				}
				var got []string
				for _, e := range n.Entries()[before:] {
					got = append(got, fmt.Sprintf("%v %s", e.Act, map[audit.Outcome]string{audit.Done: "done", audit.Denied: "denied", audit.Failed: "failed"}[e.Outcome]))
				}
				if strings.Join(got, ", ") != c.want {
					t.Errorf("entries %q, want %q", got, c.want)
				}
			})
		}
		n.Clean()
	})
}

func encounter(id, patient, conf string) string {
	return fmt.Sprintf(`{"resourceType":"Encounter","id":%q,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":%q}]},`+
		`"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/%s"}}`, id, conf, patient)
}

// hiddenWrites: a record that the filter hides cannot be replaced, nor told from one that the writer may not make.
func TestHiddenRecordsCannotBeWritten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		n.Put("Patient/p", patient("p"))
		n.Put("Encounter/secret", encounter("secret", "p", "V"))
		p := func(a access.Action) access.Permit { return n.Permit(ward.Registrar, a, "Encounter") }
		_, hidden := one(n, p(access.Update), store.OpUpdate, "Encounter/secret", encounter("secret", "p", "N"))
		wantKind(t, hidden, ward.Denied)
		_, foreign := one(n, p(access.Update), store.OpUpdate, "Encounter/fresh", encounter("fresh", "p", "V"))
		wantKind(t, foreign, ward.Denied)
		if hidden.Error() != foreign.Error() {
			t.Fatalf("%q tells more than %q", hidden, foreign)
		}
		v, err := n.Store.Get(ctx, n.Operator(n.Tenant.ID, access.StoreCheck), ref("Encounter/secret"))
		wantKind(t, err, ward.Denied)
		if len(v.Body) != 0 {
			t.Fatal("a body came with an error")
		}
		n.Clean()
	})
}

// calls is every exported method of Store that takes a permit, called with it. A new method must be added here.
func calls(n *storetest.Running) map[string]func(p access.Permit) error {
	s := n.Store
	r := ward.Reference{Type: "Observation", ID: "o1"}
	return map[string]func(p access.Permit) error{
		"Get": func(p access.Permit) error { _, err := s.Get(ctx, p, r); return err },
		"Currents": func(p access.Permit) error {
			_, err := s.Currents(ctx, []store.Want{{Permit: p, Ref: r}})
			return err
		},
		"VRead":   func(p access.Permit) error { _, err := s.VRead(ctx, p, r, 1); return err },
		"History": func(p access.Permit) error { _, err := s.History(ctx, p, r, "", 1); return err },
		"Search":  func(p access.Permit) error { _, err := s.Search(ctx, p, fhir.Search{Type: "Observation"}); return err },
		"Apply": func(p access.Permit) error {
			_, err := s.Apply(ctx, audit.ActUpdate, []store.Change{{Permit: p, Op: store.OpUpdate, Resource: ward.Resource{Ref: r, Body: ward.Protected(observation("o1", "p", "a", "2026", 77))}}})
			return err
		},
		"Resolve": func(p access.Permit) error {
			_, err := s.Resolve(ctx, p, []fhir.Search{{Type: "Observation", IDs: []string{"o1"}}})
			return err
		},
		"Receive": func(p access.Permit) error {
			_, err := s.Receive(ctx, p, store.Inbound{Message: ward.Message{Source: "lab", ContentType: "x"}})
			return err
		},
		"Raw":           func(p access.Permit) error { _, err := s.Raw(ctx, p, ward.NewID()); return err },
		"RawArrived":    func(p access.Permit) error { _, err := s.RawArrived(ctx, p, store.Arrival{}); return err },
		"Rejection":     func(p access.Permit) error { _, err := s.Rejection(ctx, p, ward.NewID()); return err },
		"Messages":      func(p access.Permit) error { _, _, err := s.Messages(ctx, p, store.MessageQuery{}); return err },
		"Message":       func(p access.Permit) error { _, err := s.Message(ctx, p, ward.NewID()); return err },
		"ReplayMessage": func(p access.Permit) error { return s.ReplayMessage(ctx, p, ward.NewID()) },
		"RejectMessage": func(p access.Permit) error { return s.RejectMessage(ctx, p, ward.NewID(), "") },
		"ApplyMessage": func(p access.Permit) error {
			_, err := s.ApplyMessage(ctx, p, store.Effects{Message: ward.NewID(), State: store.MessageKept})
			return err
		},
		"Holds":   func(p access.Permit) error { _, _, err := s.Holds(ctx, p, store.HoldQuery{}); return err },
		"Held":    func(p access.Permit) error { _, err := s.Held(ctx, p, ward.NewID()); return err },
		"Propose": func(p access.Permit) error { return s.Propose(ctx, p, ward.NewID(), ward.Protected("x")) },
		"Reject":  func(p access.Permit) error { return s.Reject(ctx, p, ward.NewID(), "") },
		"Release": func(p access.Permit) error {
			_, err := s.Release(ctx, p, ward.NewID(), [32]byte{}, []store.Change{{Permit: p, Op: store.OpUpdate, Resource: ward.Resource{Ref: r, Body: ward.Protected(observation("o1", "p", "a", "2026", 77))}}})
			return err
		},
		"RejectWith": func(p access.Permit) error {
			return s.RejectWith(ctx, p, ward.NewID(), "x", []store.Change{{Permit: p, Op: store.OpUpdate, Resource: ward.Resource{Ref: r, Body: ward.Protected(observation("o1", "p", "a", "2026", 77))}}})
		},
		"OpenHolds":   func(p access.Permit) error { _, err := s.OpenHolds(ctx, p, "Observation/o1"); return err },
		"Rejected":    func(p access.Permit) error { _, err := s.Rejected(ctx, p, ward.NewID(), "Observation/o1"); return err },
		"AllSeries":   func(p access.Permit) error { _, err := s.AllSeries(ctx, p); return err },
		"PutSeries":   func(p access.Permit) error { return s.PutSeries(ctx, p, []store.Series{{Name: ward.NewID().String()}}) },
		"Derive":      func(p access.Permit) error { _, err := s.Derive(ctx, p, "s", "k"); return err },
		"Survivor":    func(p access.Permit) error { _, err := s.Survivor(ctx, p, "p"); return err },
		"PutDecision": func(p access.Permit) error { _, err := s.PutDecision(ctx, p, decision("q"), [32]byte{1}); return err },
		"Decision":    func(p access.Permit) error { _, _, err := s.Decision(ctx, p, ward.NewID()); return err },
		"Source": func(p access.Permit) error {
			_, err := s.Source(ctx, p, ward.NewID(), r, 1)
			return err
		},
		"PutFeedback": func(p access.Permit) error {
			_, err := s.PutFeedback(ctx, p, store.Feedback{Decision: ward.NewID(), Outcome: store.Accepted})
			return err
		},
		"Feedbacks": func(p access.Permit) error { _, err := s.Feedbacks(ctx, p, ward.NewID()); return err },
		"Decisions": func(p access.Permit) error { _, _, err := s.Decisions(ctx, p, "", "", 1); return err },
		"Shred":     func(p access.Permit) error { _, err := s.Shred(ctx, p, "nobody"); return err },
		"Check":     func(p access.Permit) error { _, err := s.Check(ctx, p, nil); return err },
		"CheckLong": func(p access.Permit) error {
			_, err := s.CheckLong(ctx, func(context.Context) (access.Permit, error) { return p, nil }, nil, nil)
			return err
		},
	}
}

// allowed is the action that each method is for.
var allowed = map[string][]access.Action{"Get": {access.Read}, "Currents": {access.Read}, "VRead": {access.Read}, "History": {access.Read}, "Search": {access.Search}, "Apply": {access.Update},
	"Resolve": {access.Search}, "Receive": {access.Receive}, "Raw": {access.Receive, access.MessageOpen}, "RawArrived": {access.Receive}, "Rejection": {access.MessageOpen},
	"Messages": {access.MessageRead}, "Message": {access.MessageRead}, "ReplayMessage": {access.MessageReplay}, "RejectMessage": {access.HoldReject},
	"ApplyMessage": {access.Receive}, "Holds": {access.HoldRead}, "Held": {access.HoldRead}, "Propose": {access.HoldRelease}, "Reject": {access.HoldReject},
	"Release": {access.HoldRelease}, "RejectWith": {access.HoldReject}, "OpenHolds": access.Actions(), "Rejected": access.Actions(),
	"AllSeries": {access.Receive, access.HoldRead}, "PutSeries": {access.Receive}, "Derive": access.Actions(), "Survivor": access.Actions(),
	"PutDecision": {access.Predict},
	"Decision":    {access.DecisionRead, access.DecisionReplay}, "Decisions": {access.DecisionRead}, "Source": {access.DecisionReplay}, "PutFeedback": {access.Feedback}, "Feedbacks": {access.DecisionRead}, "Shred": {access.Shred},
	"Check": {access.StoreCheck}, "CheckLong": {access.StoreCheck}}

// TestNoCallWithoutPermit: every method refuses the zero permit, those of every other action, of another type, and those of
// the node itself; with another tenant's it sees nothing (I1).
func TestNoCallWithoutPermit(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	small(n)
	all := calls(n)
	methods := reflect.TypeFor[*store.Store]()
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		if slices.Contains([]string{"NewID", "Feed", "Arrived", "OnCommit", "Visible", "Explain", "OpenAs", "SubjectOf", "Name", "Plan"}, m.Name) {
			continue // NewID gives nothing out, Feed and Arrived are the node's own; the others are the bridge of the files export_*_test.go
		}
		if all[m.Name] == nil || allowed[m.Name] == nil {
			t.Errorf("method %s is not in this test", m.Name)
		}
	}
	roles := []ward.Role{ward.Clinician, ward.Integration, ward.Privacy, ward.Auditor, ward.Admin, ward.Steward}
	permits := map[string]access.Permit{}
	for _, a := range access.Actions() {
		for _, rt := range []string{"", "Observation", "Patient"} {
			for _, role := range roles {
				who := n.Principal(role)
				if p, err := n.Access.Decide(ctx, access.Request{Principal: who, Action: a, Type: rt, Purpose: storetest.PurposeOf(role), ID: ward.NewID()}); err == nil {
					permits[fmt.Sprintf("%s %s %q", role, a, rt)] = p
				}
			}
		}
	}
	for name, call := range all {
		wantKind(t, call(access.Permit{}), ward.Denied)
		for _, label := range slices.Sorted(maps.Keys(permits)) {
			p := permits[label]
			right := false
			for _, a := range allowed[name] {
				rt := ""
				if slices.Contains([]access.Action{access.Read, access.Search, access.Update}, a) && len(allowed[name]) == 1 {
					rt = "Observation"
				}
				right = right || p.Allows(a, rt) == nil
			}
			if right {
				continue
			}
			if err := call(p); err == nil || ward.KindOf(err) != ward.Denied {
				t.Errorf("%s with the permit %s: %v", name, label, err)
			}
		}
	}
	for name, call := range map[string]func(access.Permit) error{"Shred": all["Shred"], "Check": all["Check"]} {
		if err := call(n.Operator("", allowed[name][0])); ward.KindOf(err) != ward.Denied {
			t.Errorf("%s by the node's own operator: %v", name, err)
		}
	}
	other := func(a access.Action) access.Permit { return n.OtherPermit(ward.Clinician, a, "Observation") }
	for _, name := range []string{"Get", "VRead", "History"} {
		wantKind(t, all[name](other(access.Read)), ward.NotFound)
	}
	wantKind(t, all["Resolve"](other(access.Search)), ward.Precondition)
	n.Clean()
}

// A log that cannot be written stops every call that opens something: there is no fail-open. A write carries its entry in
// its own transaction and needs no journal: it may go on, and then its entry is there.
func TestNoLogNoAct(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	small(n)
	permits := map[string]access.Permit{}
	for name, actions := range allowed {
		role, rt := ward.Clinician, ""
		switch actions[0] {
		case access.Read, access.Search, access.Update:
			rt = "Observation"
		case access.Receive:
			role = ward.Integration
		case access.MessageRead, access.MessageOpen, access.MessageReplay, access.HoldRead, access.HoldRelease, access.HoldReject:
			role = ward.Steward
		case access.Shred:
			role = ward.Privacy
		case access.StoreCheck:
			role = ward.Auditor
		}
		permits[name] = n.Permit(role, actions[0], rt)
	}
	// Writes have their entry in their own transaction. Derive, Survivor, OpenHolds and Rejected open nothing; series speak of no patient.
	writes := []string{"Apply", "PutDecision", "Receive", "Shred", "Derive", "Survivor", "OpenHolds", "Rejected", "AllSeries", "PutSeries"}
	n.Receive(storetest.ORU("arrived", "p"))
	arrived, err := n.Store.Arrived(t.Context(), deliver(t, n)[0])
	if err != nil || !arrived.All {
		t.Fatal(arrived.All, err)
	}
	n.CloseLog()
	all := calls(n)
	all["RawArrived"] = func(p access.Permit) error { _, err := n.Store.RawArrived(t.Context(), p, arrived); return err } // nothing else can be opened
	for name, call := range all {
		err := call(permits[name])
		if (name == "Release" || name == "RejectWith") && ward.KindOf(err) == ward.Denied {
			continue // its changes want permits of their own
		}
		if slices.Contains(writes, name) && err == nil {
			continue
		}
		if err == nil || ward.KindOf(err) != ward.Unavailable {
			t.Errorf("%s without a log: %v", name, err)
		}
	}
	n.Reopen()
	n.Clean()
}
