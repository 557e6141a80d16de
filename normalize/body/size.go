package body

// Size is about how many bytes Bytes has, reckoned without writing them; escapes count once.
func (v *Value) Size() int {
	n := 0
	v.Each(func(x *Value) {
		n += len(x.text) + 3
		for i := range x.members {
			n += len(x.members[i].name) + 3
		}
	})
	return n
}
