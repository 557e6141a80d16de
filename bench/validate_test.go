package main

import "testing"

// TestSameRows: a figure of views stands beside a peer's only if the rows are the same.
func TestSameRows(t *testing.T) {
	const rows = "{\"a\":1,\"b\":null}\n{\"a\":2.50,\"b\":[\"x\"]}\n"
	for other, same := range map[string]bool{rows: true, "{\"b\":null,\"a\":1.0}\n{\"b\":[\"x\"],\"a\":2.5}\n": true, "{\"a\":1,\"b\":null}\n": false, "": false,
		"{\"a\":1,\"b\":null}\n{\"a\":2.51,\"b\":[\"x\"]}\n": false} {
		if err := sameRows([]byte(rows), []byte(other)); (err == nil) != same {
			t.Errorf("%q: %v", other, err)
		}
	}
}
