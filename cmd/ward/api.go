package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/server"
)

// api is a connection to the node in which the local user acts as operator of one tenant, or of the node itself.
type api struct {
	s      *session
	local  *server.Local
	tenant string // "" = the node
	token  string // of the person as whom the local user acts; "" = the operator
}

// become makes the connection act as a principal: the operator issues an access token for it, which the log shows, and what
// follows is done with that token's rights.
func (a *api) become(principal string) error {
	if principal == "" {
		return misused("patient data are opened by a person, not by the operator: name one with --as")
	}
	var t server.Token
	if err := a.call(http.MethodPost, "/v1/tokens", map[string]string{"principal": principal}, &t); err != nil {
		return err
	}
	a.token = t.Token
	return nil
}

// connect reaches the node; the caller closes.
func (s *session) connect(tenant string) (*api, error) {
	local, err := server.Connect(s.ctx, s.dir)
	if err != nil {
		if ward.KindOf(err) == ward.Unavailable {
			return nil, held{err}
		}
		return nil, err
	}
	return &api{s: s, local: local, tenant: tenant}, nil
}

// with runs fn on a connection and closes it.
func (s *session) with(tenant string, fn func(*api) error) error {
	a, err := s.connect(tenant)
	if err != nil {
		return err
	}
	return errors.Join(fn(a), a.local.Close())
}

// path joins segments of an address, each escaped.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

func (a *api) send(method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(a.s.ctx, method, "http://ward"+path, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	} else if a.tenant != "" {
		r.Header.Set("Ward-Operator-Tenant", a.tenant)
	}
	answer, err := a.local.Client.Do(r)
	if err != nil {
		return nil, held{fmt.Errorf("the node does not answer: %w", errors.Unwrap(err))}
	}
	if answer.StatusCode < 400 {
		return answer, nil
	}
	defer answer.Body.Close()
	p := &server.Problem{}
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(p) != nil || p.Status == 0 { // somebody else's answer
		p = &server.Problem{Status: answer.StatusCode, Title: answer.Status}
	}
	return nil, p
}

// call sends in and reads the answer into out; either may be nil.
func (a *api) call(method, path string, in, out any) error {
	answer, err := a.send(method, path, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		return fmt.Errorf("the node's answer cannot be read: %w", err)
	}
	return nil
}

// long runs a long operation, shows its progress as what, and reads its result into out.
func (a *api) long(what, path string, in, out any) error {
	answer, err := a.send(http.MethodPost, path, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	show := newMeter(a.s.err, what)
	defer show.end()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Done   int64           `json:"done"`
			Total  int64           `json:"total"`
			Result json.RawMessage `json:"result"`
			Error  *server.Problem `json:"error"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		switch {
		case line.Error != nil:
			return line.Error
		case line.Result != nil:
			return json.Unmarshal(line.Result, out)
		}
		show.at(line.Done, line.Total)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return held{errors.New("the node stopped before the work was done")}
}

// meter shows progress on stderr: in place on a terminal, else a line every few seconds.
type meter struct {
	w    io.Writer
	what string
	tty  bool
	last time.Time
	used bool
}

const meterEvery = 5 * time.Second

func newMeter(w io.Writer, what string) *meter {
	return &meter{w: w, what: what, tty: terminal(w), last: time.Now()}
}

func (m *meter) at(done, total int64) {
	switch {
	case m.tty:
		m.used = true
		fmt.Fprintf(m.w, "\r%s: %s ", m.what, amount(done, total))
	case time.Since(m.last) >= meterEvery:
		m.last = time.Now()
		fmt.Fprintf(m.w, "%s: %s\n", m.what, amount(done, total))
	}
}

// amount says how much is done; a total that is not known is 0.
func amount(done, total int64) string {
	if total == 0 {
		return strconv.FormatInt(done, 10)
	}
	return fmt.Sprintf("%d of %d", done, total)
}

func (m *meter) end() {
	if m.used {
		fmt.Fprint(m.w, "\r\033[K")
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
