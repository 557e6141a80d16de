package audit

import (
	"bytes"

	"github.com/ward-health/ward/audit/verify"
)

func fullLeaf() verify.Leaf {
	l := verify.Leaf{Act: 255, Outcome: 3, Purpose: 255, At: 999_999_999_999_999}
	for _, f := range [][]byte{l.Actor[:], l.Detail[:], l.ID[:], l.Policy[:], l.Subjects[:], l.Tenant[:], l.Writes[:]} {
		copy(f, bytes.Repeat([]byte{0xff}, len(f)))
	}
	return l
}
