package delivery

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/store/storetest"
)

// What a frame is answered, and what it is kept as.
func TestInbox(t *testing.T) {
	swap := func(text []byte, old, fresh string) []byte {
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("no %q", old)
		}
		return bytes.Replace(text, []byte(old), []byte(fresh), 1)
	}
	result := oru("c1", "p1", "5")
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		for _, c := range []struct {
			name, code, warns, state, reason string
			frame                            []byte
		}{
			{"result", "AA c1", "", "received", "", result},
			{"enhanced mode", "CA c1", "", "received", "", swap(result, "P|2.5.1", "P|2.5.1|||AL|NE")},
			{"training", "AA c1", "", "apart", "test-or-debug", swap(result, "|P|", "|T|")},
			{"no rules", "AA c1", "W 200", "kept", "no-rules", swap(result, "ORU^R01^ORU_R01", "SIU^S12")},
			{"no type", "AA c1", "W 200", "held", "message-type", swap(result, "ORU^R01^ORU_R01", "")},
			{"nobody", "AA c1", "W 101", "held", "no-patient-id", swap(result, "p1^^^MRN", "")},
			{"no message", "AE ", "E 100", "held", "parse", []byte("PID|1||p1")},
			{"rules panic", "AE ", "E 100", "held", "parse", swap(result, "c1", "panic")},
			{"endless header", "AE ", "E 102", "held", "header", swap(result, "LAB", strings.Repeat("x", 70_000))},
			{"no control id", "AA ", "", "received", "", swap(result, "|c1|P", "||P")},
			{"processing id", "AR c1", "E 202", "", "", swap(result, "|P|", "|X|")},
			{"version", "AR c1", "E 203", "", "", swap(result, "2.5.1", "3.0")},
			{"version, enhanced", "CR c1", "E 203", "", "", swap(result, "P|2.5.1", "P|3.0|||ER|NE")},
		} {
			frame := c.frame
			if bytes.Contains(frame, []byte("|c1|P")) || strings.HasSuffix(c.code, "c1") { // a key of its own
				frame, c.code = swap(frame, "|c1|", "|"+c.name+"|"), strings.Replace(c.code, "c1", c.name, 1)
			}
			before := len(w.messages(""))
			ack := w.send(frame)
			code, control := msa(t, ack)
			if code+" "+control != c.code {
				t.Errorf("%s: %s %q", c.name, code, control)
			}
			a, err := hl7v2.Parse(ack, hl7v2.Options{})
			must(t, err)
			if warns := strings.TrimSpace(a.Get("ERR-4").Text() + " " + a.Get("ERR-3.1").Text()); warns != c.warns {
				t.Errorf("%s: %s", c.name, warns)
			}
			all := w.messages("")
			if c.state == "" {
				if len(all) != before {
					t.Errorf("%s: it was kept", c.name)
				}
				continue
			}
			if len(all) != before+1 {
				t.Fatalf("%s: %d messages were kept", c.name, len(all)-before)
			}
			m := all[before]
			if string(m.State) != c.state || m.Reason != c.reason || m.Channel != storetest.Channel {
				t.Errorf("%s: %+v", c.name, m)
			}
			if got := w.raw(m.ID); !bytes.Equal(got, frame) {
				t.Errorf("%s: other bytes were kept", c.name)
			}
			if again := w.send(frame); !bytes.Equal(again, ack) {
				t.Errorf("%s: a repetition is answered %q, the first time %q", c.name, again, ack)
			}
			if all = w.messages(""); len(all) != before+1 || all[before].Repeats != 1 {
				t.Errorf("%s: %d messages, %d repetitions", c.name, len(all)-before, all[before].Repeats)
			}
		}
		if len(w.errs) > 0 || w.count(Rejected) != 3 || w.count(Accepted) != 3 || w.count(Held) != 5 || w.count(Repeated) != 10 || w.count(Reused) != 0 {
			t.Errorf("%v %v", w.errs, w.events)
		}
		n.Clean()
	})
}

// A sender that wants no acknowledgement gets none, and what it sends is kept.
func TestSilence(t *testing.T) {
	w := open(t, storetest.Node(t, storetest.SQLite), nil)
	c := w.dial()
	must(t, c.Write(bytes.Replace(oru("c1", "p1", "5"), []byte("P|2.5.1"), []byte("P|2.5.1|||NE|NE"), 1), oru("c2", "p1", "6")))
	got, err := c.Read()
	must(t, err)
	if _, control := msa(t, got); control != "c2" {
		t.Errorf("%q", got)
	}
	if all := w.messages(""); len(all) != 2 {
		t.Errorf("%d messages", len(all))
	}
}

// The same control id with another body is another message: both are kept and flagged.
func TestReusedControlID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		one, other := oru("c1", "p1", "5"), oru("c1", "p1", "6")
		w.send(one)
		ack := w.send(other)
		if code, _ := msa(t, ack); code != "AA" {
			t.Errorf("%q", ack)
		}
		if again := w.send(other); !bytes.Equal(again, ack) || w.count(Repeated) != 1 || w.count(Reused) != 2 {
			t.Errorf("%q %v", again, w.events)
		}
		all := w.messages("")
		if len(all) != 2 || !bytes.Equal(w.raw(all[0].ID), one) || !bytes.Equal(w.raw(all[1].ID), other) || !all[1].Reused {
			t.Errorf("%+v", all)
		}
		w.work(3)
		w.idle()
		if got, err := n.Store.Get(ctx, n.Permit(ward.Clinician, access.Read, "Observation"), ward.Reference{Type: "Observation", ID: "o-p1"}); err != nil || !strings.Contains(string(got.Body), `"value":6`) {
			t.Errorf("%v", err)
		}
	})
}

// Without a durable commit there is no acknowledgement: the log fails, the store fails, the channel was disabled.
func TestNoAcknowledgement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		stop := w.listen(nil)
		w.log(false)
		w.unanswered(oru("c1", "p1", "5"))
		w.log(true)
		if code, _ := msa(t, w.send(oru("c1", "p1", "5"))); code != "AA" || len(w.messages("")) != 1 || w.count(Repeated) != 0 {
			t.Errorf("%s, %v", code, w.events)
		}
		n.Halt()
		must(t, n.DB.Close())
		w.unanswered(oru("c2", "p1", "5"))
		if w.count(Failed) != 2 || len(w.errs) != 2 {
			t.Errorf("%v %v", w.events, w.errs)
		}
		stop()
		n.Reopen()
		w.listen(nil)
		must(t, n.Access.DisableChannel(ctx, n.Operator(n.Tenant.ID, access.AdminChannel), storetest.Channel))
		w.unanswered(oru("c3", "p1", "5"))
		if all := w.messages(""); len(all) != 1 || w.count(Failed) != 3 {
			t.Errorf("%d messages, %v", len(all), w.events)
		}
		n.Clean()
	})
}

// log takes the log away from under the store, or gives it back: an entry has no place to go.
func (w *world) log(there bool) {
	w.t.Helper()
	from, to := "audit_row", "audit_row_gone"
	if there {
		from, to = to, from
	}
	must(w.t, w.DB.Write(ctx, db.System, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "ALTER TABLE "+from+" RENAME TO "+to)
		return err
	}))
}

const (
	many   = 300
	people = 3
)

// pipeline sends messages ahead over one connection; each is of one of three patients, and some name two. It returns the control
// ids that were acknowledged.
func (w *world) pipeline(seen func(n int)) (acked []string, err error) {
	var frames [][]byte
	for i := range many {
		control, who := fmt.Sprintf("c%03d", i), i%people
		frames = append(frames, oru(control, fmt.Sprintf("p%d", who), fmt.Sprint(i)))
		if i%50 == 49 {
			frames[i] = append(frames[i], fmt.Sprintf("MRG|p%d\r", (who+1)%people)...)
		}
	}
	c := w.dial()
	defer c.Close()
	err = c.Start(ctx, func() error { return c.Write(frames...) }, func() error {
		for len(acked) < many {
			b, err := c.Read()
			if err != nil {
				return err
			}
			code, control := msa(w.t, b)
			if code != "AA" || control != fmt.Sprintf("c%03d", len(acked)) {
				w.t.Errorf("%s for %s after %d", code, control, len(acked))
			}
			acked = append(acked, control)
			seen(len(acked))
		}
		return nil
	})
	return acked, err
}

// beginnings returns the control ids of what was kept, and fails if a lane lacks one in between.
func (w *world) beginnings() map[string]bool {
	kept := map[string]bool{}
	for _, m := range w.messages("") {
		x, err := hl7v2.Parse([]byte(w.raw(m.ID)), hl7v2.Options{})
		must(w.t, err)
		kept[x.Header().ControlID] = true
	}
	for who := range people {
		missing := ""
		for i := who; i < many; i += people {
			switch c := fmt.Sprintf("c%03d", i); {
			case !kept[c] && missing == "":
				missing = c
			case kept[c] && missing != "":
				w.t.Errorf("%s was kept, and %s before it was not", c, missing)
			}
		}
	}
	return kept
}

// inOrder wants the stage to have been given every message once, those of a patient in the order in which they were sent.
func (w *world) inOrder() {
	w.t.Helper()
	seen := w.order("c")
	for who := range people {
		var mine []string
		for _, c := range seen {
			var i int
			if _, err := fmt.Sscanf(c, "c%d", &i); err != nil {
				w.t.Fatal(err)
			}
			if i%people == who || i%50 == 49 && (i+1)%people == who {
				mine = append(mine, c)
			}
		}
		if !slices.IsSorted(mine) || len(mine) < many/people {
			w.t.Errorf("patient %d: %d messages, in order %t", who, len(mine), slices.IsSorted(mine))
		}
	}
}

// A connection that sends ahead gets its replies in order, and each patient's messages keep theirs.
func TestPipelineKeepsOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		w.work(3)
		acked, err := w.pipeline(func(int) {})
		if err != nil || len(acked) != many {
			t.Fatalf("%d, %v", len(acked), err)
		}
		w.idle()
		w.inOrder()
		for who := range people {
			last := many - people + who // what each was sent last
			got, err := n.Store.Get(ctx, n.Permit(ward.Clinician, access.Read, "Observation"), ward.Reference{Type: "Observation", ID: fmt.Sprintf("o-p%d", who)})
			must(t, err)
			if !strings.Contains(string(got.Body), fmt.Sprintf(`"value":%d`, last)) {
				t.Errorf("patient %d: %s, want %d", who, []byte(got.Body), last)
			}
		}
		n.Clean()
	})
}

// The log goes away in the middle: what is acknowledged is kept, and of no patient a message without those before it.
func TestFailureInTheMiddleKeepsOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, n *storetest.Running) {
		w := open(t, n, nil)
		stop := w.listen(nil)
		acked, err := w.pipeline(func(n int) {
			if n == many/4 {
				w.log(false)
			}
		})
		if err == nil && len(acked) == many {
			t.Fatal("nothing failed")
		}
		stop()
		w.log(true)
		kept := w.beginnings()
		for _, c := range acked {
			if !kept[c] {
				t.Errorf("%s was acknowledged and is not kept", c)
			}
		}
		t.Logf("%d acknowledged, %d kept", len(acked), len(kept))
		w.listen(nil)
		w.work(3)
		again, err := w.pipeline(func(int) {})
		if err != nil || len(again) != many {
			t.Fatalf("%d, %v", len(again), err)
		}
		if all := w.messages(""); len(all) != many {
			t.Errorf("%d messages are kept, want %d", len(all), many)
		}
		w.idle()
		w.inOrder()
		n.Clean()
	})
}

// A server that stops answers what it has read whole.
func TestStop(t *testing.T) {
	w := open(t, storetest.Node(t, storetest.SQLite), nil)
	stop := w.listen(nil)
	c := w.dial()
	must(t, c.Write(oru("c1", "p1", "5"), oru("c2", "p1", "6")))
	until(t, "both are kept", func() bool { return w.count(Accepted) == 2 })
	stop()
	for range 2 {
		got, err := c.Read()
		must(t, err)
		if code, _ := msa(t, got); code != "AA" {
			t.Errorf("%q", got)
		}
	}
}
