package main

import (
	"context"
	"net"
	"testing"

	"github.com/ward-health/ward/clinical/simulate"
	"github.com/ward-health/ward/connect/mllp"
)

func TestAcknowledgementsAreRead(t *testing.T) {
	m := simulate.Message{ControlID: "W10000001"}
	for answer, good := range map[string]bool{
		"MSH|^~\\&|WARD\rMSA|AA|W10000001\r":         true,
		"MSH|^~\\&|WARD\rMSA|AA|W10000001|text\rERR": true,
		"MSH|^~\\&|WARD\rMSA|AE|W10000001\r":         false,
		"MSH|^~\\&|WARD\rMSA|AA|W100000012\r":        false,
		"MSH|^~\\&|WARD\rMSA|AA|W1000000\r":          false,
		"MSH|^~\\&|WARD\r":                           false,
		"":                                           false,
	} {
		if err := accepted(m, []byte(answer)); (err == nil) != good {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

// TestSendersCountAnswers: a refusal ends a run, so that a rate is never one of refusals.
func TestSendersCountAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	refuse := mllp.Sync(func(context.Context, mllp.Peer, []byte) ([]byte, error) {
		return []byte("MSH|^~\\&|X\rMSA|AE|W1\r"), nil
	})
	go func() { ended <- mllp.New(refuse, mllp.Limits{}, nil).Serve(ctx, l) }()
	messages, stop := sources(ctx, results)
	if a, b := <-messages, <-messages; a.ControlID == b.ControlID || string(a.Bytes) == string(b.Bytes) {
		t.Error("two messages of a source are equal")
	}
	if _, err := stopAndWait(ctx, l.Addr().String(), 2, messages); err == nil {
		t.Error("stop-and-wait counted refusals")
	}
	if _, err := pipelined(ctx, l.Addr().String(), depth, messages); err == nil {
		t.Error("the pipeline counted refusals")
	}
	stop()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
