package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/clinical/hl7v2"
	"github.com/ward-health/ward/connect/mllp"
)

// target is where messages are sent.
type target struct {
	To   string `help:"Address of the receiver." default:"127.0.0.1:2575" placeholder:"HOST:PORT"`
	CA   string `help:"Speak TLS; trust the authority in this PEM file." type:"existingfile" placeholder:"FILE"`
	Cert string `help:"Client certificate, PEM." type:"existingfile" placeholder:"FILE"`
	Key  string `help:"Key of the client certificate, PEM." type:"existingfile" placeholder:"FILE"`
}

// options reads certificates.
func (t target) options() (mllp.ClientOptions, error) {
	if t.CA == "" {
		if t.Cert != "" || t.Key != "" {
			return mllp.ClientOptions{}, misused("--cert and --key need --ca: without it the connection is not encrypted")
		}
		return mllp.ClientOptions{}, nil
	}
	text, err := os.ReadFile(t.CA)
	if err != nil {
		return mllp.ClientOptions{}, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return mllp.ClientOptions{}, misused("--ca holds no PEM certificate")
	}
	c := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return mllp.ClientOptions{}, fmt.Errorf("the client certificate cannot be used: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return mllp.ClientOptions{TLS: c}, nil
}

type sendCmd struct {
	target
	Files []string `arg:"" optional:"" help:"Files of HL7 v2 messages; one or several a file, batches too. Standard input when left out." type:"existingfile"`
	Tries int      `help:"How often a message is sent until it is answered." default:"5"`
}

// Help is shown by ward send --help.
func (sendCmd) Help() string {
	return `Sends each message over MLLP and waits for its acknowledgement before the next. A message that is not answered is sent again over a
new connection: the receiver knows a repetition by its control id. Prints one line a message; exit code 1 when one was refused or
never answered.`
}

// sent is what became of one message.
type sent struct {
	Message string `json:"message"` // file and position
	Answer  string `json:"answer"`  // MSA-1, "" if there was none
	Text    string `json:"text,omitempty"`
	Tries   int    `json:"tries"`
}

// Run implements the verb.
func (c sendCmd) Run(s *session) error {
	if c.Tries < 1 || c.Tries > 1000 {
		return misused("--tries must be 1 to 1000")
	}
	o, err := c.options()
	if err != nil {
		return err
	}
	w := &sender{to: c.To, options: o, tries: c.Tries}
	defer w.close()
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	var done []sent
	bad := 0
	for _, name := range files {
		messages, err := readMessages(s.in, name)
		if err != nil {
			return err
		}
		for i, m := range messages {
			r := w.send(s.ctx, m)
			r.Message = fmt.Sprintf("%s:%d", name, i+1)
			if r.Answer != "AA" && r.Answer != "CA" {
				bad++
			}
			if done = append(done, r); !s.json {
				s.say("%s %s %s", r.Message, orNone(r.Answer), plain(r.Text))
			}
			if s.ctx.Err() != nil {
				return s.ctx.Err()
			}
		}
	}
	if s.json {
		if err := s.printJSON(done); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d messages were not accepted", bad, len(done))
	}
	return nil
}

func orNone(code string) string {
	if code == "" {
		return "no answer"
	}
	return code
}

// maxFile bounds a file of messages.
const maxFile = 1 << 30

func readMessages(in io.Reader, name string) ([][]byte, error) {
	r := in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, misused(name + " is larger than 1 GiB: split it")
	}
	messages, err := hl7v2.Split(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return messages, nil
}

// sender sends messages one after the other and connects again when it must.
type sender struct {
	to      string
	options mllp.ClientOptions
	tries   int
	client  *mllp.Client
}

func (w *sender) close() {
	if w.client != nil {
		w.client.Close()
		w.client = nil
	}
}

// again is how long a sender waits before the n-th repetition.
func again(n int) time.Duration { return min(time.Duration(n)*200*time.Millisecond, 5*time.Second) }

// send sends until there is an answer.
func (w *sender) send(ctx context.Context, m []byte) (r sent) {
	for r.Tries = 1; ; r.Tries++ {
		answer, err := w.once(ctx, m)
		if err == nil {
			r.Answer, r.Text = read(m, answer)
			return r
		}
		r.Text = told(err)
		w.close()
		if k := ward.KindOf(err); k == ward.Invalid || k == ward.TooLarge || r.Tries >= w.tries || ctx.Err() != nil {
			return r
		}
		select {
		case <-ctx.Done():
			return r
		case <-time.After(again(r.Tries)):
		}
	}
}

func (w *sender) once(ctx context.Context, m []byte) ([]byte, error) {
	if w.client == nil {
		c, err := mllp.Dial(ctx, w.to, w.options)
		if err != nil {
			return nil, err
		}
		w.client = c
	}
	return w.client.Send(ctx, m)
}

// errOther says that the acknowledgement is of another message.
var errOther = errors.New("the acknowledgement is of another message")

// read returns MSA-1 and what the receiver says beside it. An acknowledgement of another message is none.
//
// SPEC(HL7 2.5.1 2.9.2): MSA-2 holds the control id of the message that is acknowledged.
func read(m, answer []byte) (code, text string) {
	a, err := hl7v2.Parse(answer, hl7v2.Options{})
	if err != nil {
		return "", "the answer is no HL7 v2 message"
	}
	if x, err := hl7v2.Parse(m, hl7v2.Options{}); err == nil && x.Header().ControlID != a.Get("MSA-2").Text() {
		return "", errOther.Error()
	}
	text = a.Get("MSA-3").Text()
	if text == "" {
		text = a.Get("ERR-8").Text()
	}
	return a.Get("MSA-1").Text(), text
}
