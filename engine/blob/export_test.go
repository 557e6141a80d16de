package blob

// Fail plants an error that the named step of a write reports; nil takes it away.
func (d *Dir) Fail(f func(step string) error) {
	d.fault = nil
	if f != nil {
		d.fault = func(s step) error { return f(string(s)) }
	}
}
