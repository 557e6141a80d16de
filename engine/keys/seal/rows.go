package seal

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// rowPurpose is the purpose of the digest in the column mac of every key row.
const rowPurpose = "keyrow"

// The rows of the four tables. aad binds the wrapped key to its place; parts is every column but mac, in table order.

type macRow struct {
	tn      db.Tenant
	root    string
	wrapped []byte
	created int64
	mac     []byte
}

func (w macRow) aad() []byte { return fmt.Appendf(nil, "mac|%d", w.tn) }

func (w macRow) parts() [][]byte {
	return [][]byte{[]byte("key_mac"), num(int64(w.tn)), []byte(w.root), w.wrapped, num(w.created)}
}

type tenantRow struct {
	tn      db.Tenant
	version int64
	root    string
	wrapped []byte
	state   int64
	created int64
	mac     []byte
}

func (w tenantRow) aad() []byte { return fmt.Appendf(nil, "tenant|%d|%d", w.tn, w.version) }

func (w tenantRow) parts() [][]byte {
	return [][]byte{[]byte("key_tenant"), num(int64(w.tn)), num(w.version), []byte(w.root), w.wrapped, num(w.state), num(w.created)}
}

type subjectRow struct {
	tn      db.Tenant
	subj    Subject
	use     Use
	kid     KeyID
	kek     int64
	wrapped []byte
	state   int64
	created int64
	mac     []byte
}

// The two fields of fixed length stand last: no two rows share an encoding.
func (w subjectRow) aad() []byte {
	b := fmt.Appendf(nil, "subject|%d|%d|%d|", w.tn, w.use, w.kek)
	return append(append(b, w.subj[:]...), w.kid[:]...)
}

func (w subjectRow) parts() [][]byte {
	return [][]byte{[]byte("key_subject"), num(int64(w.tn)), w.subj[:], num(int64(w.use)), w.kid[:], num(w.kek), w.wrapped,
		num(w.state), num(w.created)}
}

func (w subjectRow) values() []any {
	return []any{int64(w.tn), w.subj[:], int64(w.use), w.kid[:], w.kek, w.wrapped, w.state, w.created, w.mac}
}

type signingRow struct {
	name    string
	kid     []byte // 16 bytes
	alg     string
	public  []byte
	root    string
	wrapped []byte
	created int64
	mac     []byte
}

// Names and algorithms hold no '|', kid has a fixed length and public ends it.
func (w signingRow) aad() []byte {
	b := fmt.Appendf(nil, "signing|%s|%s|", w.name, w.alg)
	return append(append(b, w.kid...), w.public...)
}

func (w signingRow) parts() [][]byte {
	return [][]byte{[]byte("key_signing"), []byte(w.name), w.kid, []byte(w.alg), w.public, []byte(w.root), w.wrapped, num(w.created)}
}

// genuine fails unless mac is the digest of the parts.
func genuine(m keys.MAC, parts [][]byte, mac []byte) error {
	sum := m.Sum(parts...)
	if subtle.ConstantTimeCompare(sum[:], mac) != 1 {
		return ward.E(ward.Internal, "seal.row", "a row of "+string(parts[0])+" was changed outside Ward; run `ward store check`", nil)
	}
	return nil
}

func num(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func digest(m keys.MAC, parts [][]byte) []byte {
	sum := m.Sum(parts...)
	return sum[:]
}
