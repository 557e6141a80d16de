package validate

import (
	"math/big"

	"github.com/ward-health/ward/clinical/fhir/tree"
)

// attachment checks that the size that an Attachment states is that of its data.
//
// SPEC(FHIR R4 datatypes.html#Attachment.size): the number of bytes before base64.
func (r *runner) attachment(v value) {
	size, data := r.text(v.node, "size"), r.member(v.node, "data")
	if size == nil || data < 0 || r.doc.Nodes[data].Kind != tree.String {
		return
	}
	n := decodedSize(r.doc.Text(data))
	if have, ok := new(big.Int).SetString(string(size), 10); ok && n >= 0 && (!have.IsInt64() || have.Int64() != int64(n)) {
		r.fail(r.doc.Member(v.node, "size"), "value", IDAttachment, "", "the size is not that of the data")
	}
}

// decodedSize is how many bytes base64 text stands for, -1 if it is none.
func decodedSize(b []byte) int {
	digits, pad := 0, 0
	for _, c := range b {
		switch c {
		case ' ', '\n', '\r', '\t':
		case '=':
			pad++
		default:
			digits++
		}
	}
	if (digits+pad)%4 != 0 || pad > 2 {
		return -1
	}
	return digits * 6 / 8
}
