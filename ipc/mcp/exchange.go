package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"oauthd/ipc/api"
)

// exchange sends a message and passes on what the server answers. follow is called once the next message may be sent;
// current ends when the client withdraws the message, ctx with the conversation.
func (c *conversation) exchange(ctx, current context.Context, k *call, follow func()) {
	if k.request() {
		current = httptrace.WithClientTrace(current, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { follow() }})
	}
	err := c.send(current, k)
	c.withdraw(k.message)
	if err == nil {
		c.works()
		c.hear(ctx, k.message)
		return
	}
	if ctx.Err() != nil || c.isWithdrawn(k) {
		return
	}
	e := c.worded(err)
	c.report(e)
	for id := range k.waits {
		c.write(refusal(json.RawMessage(id), internalError, e))
	}
}

// request reports whether an answer to some part of k is due.
func (k *call) request() bool { return len(k.waits) > 0 }

// send sends a message, until it is answered.
func (c *conversation) send(ctx context.Context, k *call) error {
	resp, err := c.post(ctx, k.message)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return c.refused(resp, k)
	}
	if k.is("initialize") {
		c.start(resp.Header.Get(sessionHeader))
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch kind {
	case "text/event-stream":
		return c.stream(ctx, resp, k)
	case "application/json":
		body, err := readMessage(resp.Body)
		if err != nil || len(body) == 0 {
			return err
		}
		return c.pass(body, k)
	}
	if resp.StatusCode == http.StatusOK && k.request() {
		return unexpected("the server answers with " + api.Excerpt(kind) + ", which is neither JSON nor an event stream")
	}
	return nil
}

// readMessage reads a body that is one message.
func readMessage(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxMessage+1))
	if len(text) > maxMessage {
		return nil, errTooLong
	}
	return text, err
}

// pass writes a message of the server; k is the call that it may answer, nil if there is none.
func (c *conversation) pass(text []byte, k *call) error {
	m, err := parse(text)
	if err != nil {
		return unexpected("the server sends what is no message: " + api.Excerpt(err.Error()))
	}
	if k != nil {
		k.answered(m)
		if k.is("initialize") && len(k.waits) == 0 {
			c.agree(m.parts[0].Result.Version)
		}
	}
	c.write(m.line)
	return nil
}

// post sends m and returns the server's answer. If no connection can be had, nothing was sent, and it is tried again.
func (c *conversation) post(ctx context.Context, m message) (*http.Response, error) {
	for try := 0; ; try++ {
		var connected atomic.Bool
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
		req, err := c.newPost(traced, m)
		if err != nil {
			return nil, err
		}
		resp, err := c.web.Do(req)
		if err == nil || connected.Load() || !transient(err) || try == tries || ctx.Err() != nil {
			return resp, err
		}
		c.report(c.worded(err))
		if !wait(ctx, c.after(try)) {
			return nil, err
		}
	}
}

// refused words an answer that is none. An error of the protocol itself passes as it is.
func (c *conversation) refused(resp *http.Response, k *call) error {
	id := resp.Request.Header.Get(sessionHeader)
	if resp.StatusCode == http.StatusNotFound && id != "" {
		c.forget(id)
		return errSessionEnded
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "application/json" && resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		body, err := readMessage(resp.Body)
		m, bad := message{}, err
		if err == nil {
			m, bad = parse(body)
		}
		if bad == nil && len(m.parts) == 1 && k.waits[string(m.parts[0].ID)] {
			return c.pass(body, k)
		}
	}
	return &answer{resp}
}

// answer is an answer of the server that is none to the message.
type answer struct{ resp *http.Response }

func (a *answer) Error() string { return "the server answers " + api.Excerpt(a.resp.Status) }

var errSessionEnded = errors.New("the server has ended the session")
