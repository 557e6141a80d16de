package definition

// DecodeCore decodes the core table anew.
func DecodeCore() *Set {
	var t tables
	if err := unpack(coreTable, t.core); err != nil {
		panic(err)
	}
	return t.set()
}
