package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxAnswer = 64 << 20

// port is the node's HTTP port as any client sees it.
type port struct {
	base string
	http *http.Client
}

// refusal is an answer that says no.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

// token gives the bearer token to send, fresh enough to be taken.
type token func(context.Context) (string, error)

// call sends a request with a token (nil: none) and decodes the answer into out (nil: not read).
func (p port) call(ctx context.Context, t token, method, path, medium string, body []byte, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", medium)
	}
	if t != nil {
		bearer, err := t(ctx)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode >= 400 {
		return &refusal{answer.StatusCode, reason(text)}
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *rawText:
		*out = text
		return nil
	}
	return json.Unmarshal(text, out)
}

// rawText takes an answer as it is.
type rawText []byte

// json sends and reads JSON.
func (p port) json(ctx context.Context, t token, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	return p.call(ctx, t, method, path, "application/json", body, out)
}

// lines reads an answer of one JSON value a line and returns the result in its last.
func (p port) lines(ctx context.Context, t token, path string, out any) error {
	var raw rawText
	if err := p.call(ctx, t, http.MethodPost, path, "application/json", nil, &raw); err != nil {
		return err
	}
	all := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	var last struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Detail string `json:"detail"`
		} `json:"error"`
	}
	if err := json.Unmarshal(all[len(all)-1], &last); err != nil {
		return err
	}
	if last.Error != nil {
		return fmt.Errorf("%s", last.Error.Detail)
	}
	return json.Unmarshal(last.Result, out)
}

// reason finds the words in an error body: OperationOutcome, problem document, OAuth error, CDS message.
func reason(text []byte) string {
	var e struct {
		Issue []struct {
			Diagnostics string   `json:"diagnostics"`
			Expression  []string `json:"expression"`
			Details     struct {
				Text string `json:"text"`
			} `json:"details"`
		} `json:"issue"`
		Detail      string `json:"detail"`
		Description string `json:"error_description"`
		Message     string `json:"message"`
	}
	if json.Unmarshal(text, &e) != nil {
		return ""
	}
	var words []string
	for _, i := range e.Issue {
		for _, w := range []string{i.Details.Text, i.Diagnostics} {
			if w != "" && (len(words) == 0 || words[len(words)-1] != w) {
				words = append(words, w)
			}
		}
		if len(i.Expression) > 0 {
			words = append(words, "at "+strings.Join(i.Expression, ", "))
		}
	}
	for _, w := range []string{e.Detail, e.Description, e.Message} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, "; ")
}

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
}

func (p port) grant(ctx context.Context, form url.Values) (tokenAnswer, error) {
	var a tokenAnswer
	err := p.call(ctx, nil, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", []byte(form.Encode()), &a)
	if err == nil && a.AccessToken == "" {
		err = fmt.Errorf("the token endpoint gave no token")
	}
	return a, err
}

// renewAt is how long before its end a human's token is replaced.
const renewAt = 3 * time.Minute

// human signs in by a one-time link. The demo is long for some inputs, so the administrator (nil: the human itself, who is
// the administrator) makes a new link when the token is about to end.
func (p port) human(ctx context.Context, id, link string, admin token) (token, error) {
	have, until, err := p.redeem(ctx, link)
	if err != nil {
		return nil, err
	}
	by := admin
	if by == nil {
		by = func(context.Context) (string, error) { return have, nil }
	}
	return func(ctx context.Context) (string, error) {
		if time.Until(until) > renewAt {
			return have, nil
		}
		var made struct {
			Link string `json:"link"`
		}
		err := p.json(ctx, by, http.MethodPost, "/v1/principals/"+id+"/link", nil, &made)
		if err == nil {
			have, until, err = p.redeem(ctx, made.Link)
		}
		return have, err
	}, nil
}

// redeem trades the code of a one-time link for a token.
func (p port) redeem(ctx context.Context, link string) (bearer string, until time.Time, err error) {
	_, code, ok := strings.Cut(link, "#")
	if !ok {
		return "", until, fmt.Errorf("the one-time link has no code")
	}
	a, err := p.grant(ctx, url.Values{"grant_type": {"urn:ward:params:oauth:grant-type:one-time-code"}, "code": {code}})
	return a.AccessToken, time.Now().Add(time.Duration(a.ExpiresIn) * time.Second), err
}

// service signs in by private_key_jwt and does so again when the token is about to end.
func (p port) service(client string, key serviceKey) token {
	var have tokenAnswer
	var until time.Time
	return func(ctx context.Context) (string, error) {
		if time.Until(until) > 30*time.Second {
			return have.AccessToken, nil
		}
		as, err := key.assertion(client, p.base+"/oauth/token")
		if err != nil {
			return "", err
		}
		have, err = p.grant(ctx, url.Values{"grant_type": {"client_credentials"}, "client_assertion": {as},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}})
		until = time.Now().Add(time.Duration(have.ExpiresIn) * time.Second)
		return have.AccessToken, err
	}
}
