package store_test

import (
	"runtime"
	"testing"

	"github.com/ward-health/ward/store/storetest"
)

// TestReceiveOfConstantKey: what an arrival costs does not depend on how many messages its sender has given the same key.
func TestReceiveOfConstantKey(t *testing.T) {
	n := storetest.Node(t, storetest.SQLite)
	n.Halt()
	const many = 20_000
	n.Receive(storetest.ORU("same", "p"))
	alter(t, n, `WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < $1)
		INSERT INTO message (tn, rid, id, channel, kind, key16, body16, lanes, received_us, size, reused, state, reason, arrived, repeats, facts, held, hops,
			merges, pats, wrap, reply, entry, body, blob, digest, mac)
		SELECT tn, rid - i, randomblob(16), channel, kind, key16, randomblob(16), lanes, received_us, size, reused, 'kept', reason, arrived, repeats, facts, held, hops,
			merges, pats, wrap, reply, entry, body, blob, digest, mac FROM message, k WHERE tn = $2`, many, n.Tenant.Number)
	other := storetest.ORU("same", "p")
	other.Message.Body = append(other.Message.Body, "NTE|1||other\r"...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := n.Receive(other)
	runtime.ReadMemStats(&after)
	if got.Repeat || !got.Reused {
		t.Fatalf("%+v", got)
	}
	if made := after.Mallocs - before.Mallocs; made > many/2 {
		t.Errorf("%d allocations beside %d messages of the same key", made, many)
	}
	if again := n.Receive(other); !again.Repeat || again.ID != got.ID {
		t.Errorf("%+v", again)
	}
	if again := n.Receive(storetest.ORU("same", "p")); !again.Repeat {
		t.Errorf("%+v", again)
	}
}
