package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/connect/mllp"
	"github.com/ward-health/ward/engine/db/dbtest"
	"github.com/ward-health/ward/server"
	"github.com/ward-health/ward/store"
)

// TestMessageKillSQLite and TestMessageKillPostgres: kill -9 of ward serve at random moments while senders deliver messages and
// send again what was not acknowledged. At the end every message is there once, each patient's results were stored in the order
// in which they were sent, the store is clean and the log verifies (I3).
func TestMessageKillSQLite(t *testing.T) { messageKills(t, nil) }

// TestMessageKillPostgres is the same with the data in PostgreSQL.
func TestMessageKillPostgres(t *testing.T) {
	messageKills(t, []string{"WARD_TEST_DSN=" + dbtest.Postgres(t)}, "--dsn", "env:WARD_TEST_DSN")
}

const (
	perKill      = 100 // messages
	killPatients = 100 // so many that the leases of a killed process leave others to be worked on
	killSenders  = 4   // every second one sends ahead
	ahead        = 16
)

func messageKills(t *testing.T, env []string, args ...string) {
	t.Parallel() // most of the time is waiting for the leases of processes that were killed
	f := &feed{node: newNode(t, env, args...)}
	f.people()
	f.ward("principal", "add", "stew", "--role", "steward")
	f.start()
	f.address = f.channel("lab")
	f.listens(f.address)
	kills := rounds(t)
	f.write(kills * perKill)
	began := time.Now()
	f.deliver()
	for round := range kills {
		// The last kill comes while messages are still being sent.
		f.reach((round + 1) * f.total() / (kills + 1))
		pause(time.Duration(rand.IntN(150)) * time.Millisecond)
		f.kill()
		f.start()
		if t.Failed() {
			t.Fatalf("failed in round %d", round)
		}
	}
	f.wg.Wait()
	sent := time.Since(began)
	f.drained()
	done := time.Since(began)
	f.check()
	f.stop()
	t.Logf("%d kills, %d messages of %d patients acknowledged in %v and understood in %v, %d connections lost, %d repetitions: 0 lost, 0 doubled, 0 out of order unless said above",
		kills, f.total(), killPatients, sent.Round(time.Millisecond), done.Round(time.Millisecond), f.lost, f.repeats)
	f.ward("store", "check")
	f.ward("audit", "verify")
	export := filepath.Join(t.TempDir(), "export")
	f.ward("audit", "export", export)
	if out, errs, code := f.run("ward-verify", "--key", f.init.Key, export); code != 0 {
		t.Errorf("ward-verify: exit %d\n%s%s", code, out, errs)
	}
}

// feed is what senders deliver: each patient's messages come from one sender, in order.
type feed struct {
	*node
	address string
	parts   [killSenders][]numbered
	wg      sync.WaitGroup

	mu      sync.Mutex
	acked   int
	lost    int   // connections
	repeats int64 // as the node counts them
}

// numbered is one message.
type numbered struct {
	control string
	bytes   []byte
}

// write makes messages: each patient has one result that is reported again and again with the next value.
func (f *feed) write(total int) {
	at := time.Now().UTC().Add(-24 * time.Hour).Truncate(time.Second)
	for i := range total {
		who, seq := i%killPatients, i/killPatients+1
		when := at.Add(time.Duration(seq)*time.Second).Format("20060102150405") + "+0000"
		control := controlOf(who, seq)
		text := fmt.Sprintf("MSH|^~\\&|LAB|NORTH|WARD|HIS|%s||ORU^R01^ORU_R01|%s|P|2.5.1\rPID|1||%d^^^GOODHEALTH^MR||COUNTER^PAT||19700101|F\r"+
			"OBR|1||KILL%d^GOODHEALTH|PANEL^Routine panel^99LAB|||%s|||||||||||||||%s||LAB|F\r"+
			"OBX|1|NM|2093-3^Cholesterol [Mass/volume] in Serum or Plasma^LN||%s|mg/dL^^UCUM|<200||||F|||%s\r",
			when, control, 900000+who, who, at.Format("20060102150405")+"+0000", when, valueOf(seq), at.Format("20060102150405")+"+0000")
		s := who % killSenders
		f.parts[s] = append(f.parts[s], numbered{control, []byte(text)})
	}
}

func controlOf(who, seq int) string { return fmt.Sprintf("K%02d-%04d", who, seq) }

// valueOf is the value of the seq-th report: they lie close together, so that none is doubtful.
func valueOf(seq int) string { return fmt.Sprintf("%d.%02d", 150+seq/100, seq%100) }

func (f *feed) total() (n int) {
	for _, p := range f.parts {
		n += len(p)
	}
	return n
}

func (f *feed) acknowledged() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acked
}

// reach waits until so many messages were acknowledged.
func (f *feed) reach(n int) {
	f.until(fmt.Sprintf("%d messages are acknowledged", n), func() bool { return f.acknowledged() >= n || f.t.Failed() })
}

func (f *feed) deliver() {
	for i := range f.parts {
		window := 1
		if i%2 == 1 {
			window = ahead
		}
		f.wg.Go(func() {
			for rest := f.parts[i]; len(rest) > 0 && !f.t.Failed(); {
				n, err := f.send(rest, window)
				if rest = rest[n:]; err != nil {
					pause(5 * time.Millisecond)
				}
			}
		})
	}
}

// send sends over one connection, so many ahead, and returns how many messages were acknowledged, in order.
func (f *feed) send(rest []numbered, window int) (acked int, err error) {
	c, err := mllp.Dial(context.Background(), f.address, mllp.ClientOptions{})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	credit := make(chan struct{}, window)
	err = c.Start(context.Background(), func() error {
		for _, m := range rest {
			credit <- struct{}{}
			if err := c.Write(m.bytes); err != nil {
				return err
			}
		}
		return nil
	}, func() error {
		defer func() { // the writer must not wait for a reader that is gone
			c.Close()
			for {
				select {
				case <-credit:
				default:
					return
				}
			}
		}()
		for acked < len(rest) {
			b, err := c.Read()
			if err != nil {
				return err
			}
			if !bytes.Contains(b, []byte("\rMSA|AA|"+rest[acked].control+"\r")) {
				f.t.Errorf("%s was answered %q", rest[acked].control, b)
				return errors.New("a wrong answer")
			}
			acked++
			f.mu.Lock()
			f.acked++
			f.mu.Unlock()
			<-credit
		}
		return nil
	})
	if acked < len(rest) {
		f.mu.Lock()
		f.lost++
		f.mu.Unlock()
		err = errors.Join(err, io.ErrUnexpectedEOF)
	}
	return acked, err
}

// drained waits until no message waits; it may take as long as the number that waits still falls.
func (f *feed) drained() {
	f.t.Helper()
	aud, last, since := f.token("aud"), -1, time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		n := len(f.messages(aud, "received"))
		if n == 0 {
			return
		}
		if n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) > 90*time.Second {
			f.t.Fatalf("%d messages wait, and none was understood in 90 s\n%s", n, f.stderr)
		}
	}
}

// check looks for what was lost, doubled, or stored in another order.
func (f *feed) check() {
	t := f.t
	aud, stew, doc := f.token("aud"), f.token("stew"), f.token("doc")
	times := map[string]int{}
	for _, m := range f.messages(aud, "") {
		f.repeats += m.Repeats
		if m.State != store.MessageApplied || m.Held != 0 || m.Reused {
			t.Errorf("%+v", m)
		}
		var raw server.RawMessage
		f.read(stew, "/v1/messages/"+m.ID.String()+"/raw", &raw)
		x, err := hl7v2.Parse(raw.Body, hl7v2.Options{})
		if err != nil {
			t.Fatal(err)
		}
		times[x.Header().ControlID]++
	}
	for _, part := range f.parts {
		for _, m := range part {
			if times[m.control] != 1 {
				t.Errorf("%s is kept %d times", m.control, times[m.control])
			}
			delete(times, m.control)
		}
	}
	if len(times) != 0 {
		t.Errorf("%d messages are kept that nobody sent", len(times))
	}
	for who := range killPatients {
		all := f.observations(doc, f.patientOf(doc, fmt.Sprint(900000+who)))
		if len(all) != 1 {
			t.Errorf("patient %d has %d results, want one", who, len(all))
			continue
		}
		f.history(doc, who, all[0])
	}
}

// history wants every value exactly once, newest first.
func (f *feed) history(token string, who int, now stored) {
	seq := f.total() / killPatients
	if now.Meta.VersionID != fmt.Sprint(seq) {
		f.t.Errorf("patient %d: version %s is current, want %d", who, now.Meta.VersionID, seq)
	}
	for at := "/fhir/R4/Observation/" + now.ID + "/_history?_count=100"; at != ""; {
		var page searchset
		f.read(token, at, &page)
		for _, e := range page.Entry {
			var o stored
			if err := json.Unmarshal(e.Resource, &o); err != nil {
				f.t.Fatal(err)
			}
			if got := o.ValueQuantity.Value.String(); got != valueOf(seq) {
				f.t.Errorf("patient %d: version %s is %s where %s is due", who, o.Meta.VersionID, got, valueOf(seq))
				return
			}
			seq--
		}
		at = nextOf(f.node, page)
	}
	if seq != 0 {
		f.t.Errorf("patient %d: %d versions are missing", who, seq)
	}
}

// nextOf is the path of a page's next one, "" on the last.
func nextOf(n *node, page searchset) string {
	for _, l := range page.Link {
		if l.Relation == "next" {
			return l.URL[len(n.base):]
		}
	}
	return ""
}
