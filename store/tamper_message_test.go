package store_test

import (
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/store"
	"github.com/ward-health/ward/store/storetest"
)

// tamperable leaves messages with everything that can stand beside one: hops, held facts with all their texts, a merge.
func tamperable(t testing.TB, n *storetest.Running) {
	t.Helper()
	n.Receive(storetest.ORU("waits", "p"))
	id, _ := understood(t, n, "m1", "p", hold("OBX[1]", "p", ""), hold("OBX[2]", "", ""))
	hs := holds(t, n, store.HoldQuery{Message: id})
	must(t, n.Store.Propose(ctx, n.Permit(ward.Steward, access.HoldRelease, ""), hs[0].ID, ward.Protected("one")))
	must(t, n.Store.Reject(ctx, n.Permit(ward.Steward, access.HoldReject, ""), hs[0].ID, "no"))
	must(t, mergeInto(n, "from", "into"))
	for _, j := range deliver(t, n) {
		if d, err := store.ReadDelivery(j.Ref); err == nil && info(t, n, d.Message).State != store.MessageReceived {
			finish(t, n, d.Message)
		}
	}
	if got := n.Receive(storetest.ORU("waits", "p")); !got.Repeat {
		t.Fatal("it is not known")
	}
}

// messageHarms are those to messages and what stands beside them.
func messageHarms(engine, tn string) (harms []harm) {
	m1 := tn + " AND state = 'applied' AND held > 0"
	of := tn + " AND rid = (SELECT rid FROM message WHERE " + m1 + ")"
	h1 := tn + " AND state = 'rejected'"
	add := func(more ...harm) { harms = append(harms, more...) }
	add(flips(engine, "message", m1, "rid received_us size reused arrived repeats facts held hops", "id key16 body16 lanes pats wrap reply entry body digest mac", "channel kind state reason merges")...)
	add(flips(engine, "message", tn+" AND state = 'received'", "rid repeats", "wrap body", "state")...)
	add(flips(engine, "about", of, "rid", "pat", "")...)
	add(flips(engine, "hop", of+" AND n = 2", "rid n at_us", "entry mac", "step note refs rules")...)
	for _, kind := range []string{"evidence", "proposal", "note"} {
		add(flips(engine, "side_text", tn+" AND kind = '"+kind+"' AND owner = (SELECT id FROM hold WHERE "+h1+")", "rid message at_us", "owner entry body digest mac", "kind")...)
	}
	add(flips(engine, "hold", h1, "rid message at_us evidence proposal note sent_us", "id pat proposed mac", "patient class reason place fact rule state first second")...)
	add(flips(engine, "merged", tn, "message at_us", "entry mac", "gone survivor")...)
	for table, where := range map[string]string{"message": m1, "about": of, "hop": of + " AND n = 2", "hold": h1, "merged": tn,
		"side_text": tn + " AND kind = 'proposal'", "job": tn + " AND queue = 'deliver'"} {
		add(harm{"delete from " + table, []string{"DELETE FROM " + table + " WHERE " + where}})
	}
	add(harm{"delete a message and all of it", []string{"DELETE FROM hold WHERE message = (SELECT rid FROM message WHERE " + m1 + ")",
		"DELETE FROM side_text WHERE message = (SELECT rid FROM message WHERE " + m1 + ")", "DELETE FROM hop WHERE " + of, "DELETE FROM about WHERE " + of,
		"DELETE FROM message WHERE " + m1}},
		harm{"delete the newest hop", []string{"DELETE FROM hop WHERE " + of + " AND n = (SELECT MAX(n) FROM hop WHERE " + of + ")"}},
		harm{"add an index row of a patient", []string{"INSERT INTO about (tn, pat, rid) SELECT tn, id, rid FROM message WHERE " + m1}},
		harm{"add a hop", []string{"INSERT INTO hop (tn, rid, n, at_us, step, note, entry, refs, rules, mac) SELECT tn, rid, n + 7, at_us, step, note, entry, refs, rules, mac FROM hop WHERE " + of + " AND n = 1"}},
		harm{"add a held fact", []string{"INSERT INTO hold SELECT tn, rid + 100000, (SELECT id FROM message WHERE " + m1 + "), message, patient, pat, class, reason, place, fact, rule, state, at_us, first, second, evidence, proposal, proposed, note, mac, sent_us FROM hold WHERE " + h1}},
		harm{"add a merge", []string{"INSERT INTO merged (tn, gone, survivor, message, at_us, entry, mac) SELECT tn, survivor, 'third', message, at_us, entry, mac FROM merged WHERE " + tn}},
		harm{"swap two texts", []string{"UPDATE side_text SET body = (SELECT body FROM side_text WHERE " + tn + " AND kind = 'note') WHERE " + tn + " AND kind = 'proposal'"}})
	return harms
}
