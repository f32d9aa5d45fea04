package mcp

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"strings"
)

// Headers of the transport.
const (
	sessionHeader = "Mcp-Session-Id"
	versionHeader = "Mcp-Protocol-Version"
	methodHeader  = "Mcp-Method"
	nameHeader    = "Mcp-Name"
)

// session is what the server's answer to initialize has begun.
type session struct {
	id        string // "" if the server gave none
	version   string
	ready     bool // the client has said that it is initialized
	listening bool // a stream for the server's own messages is open
	mute      bool // the server offers no such stream
	stop      context.CancelFunc
}

// newRequest returns a request to the server in the current session.
func (c *conversation) newRequest(ctx context.Context, method string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	id, version := c.session.id, c.session.version
	c.mu.Unlock()
	if id != "" {
		req.Header.Set(sessionHeader, id)
	}
	if version != "" {
		req.Header.Set(versionHeader, headerValue(version))
	}
	return req, nil
}

// newPost returns the request that carries m. From revision 2026-07-28 on a message names its revision itself, and
// headers repeat its method and what it is about.
func (c *conversation) newPost(ctx context.Context, m message) (*http.Request, error) {
	req, err := c.newRequest(ctx, http.MethodPost, m.line)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if m.is("initialize") {
		req.Header.Del(sessionHeader)
		req.Header.Del(versionHeader)
	}
	if len(m.parts) != 1 || m.parts[0].Params.Meta.Version == "" {
		return req, nil
	}
	e := m.parts[0]
	req.Header.Set(versionHeader, headerValue(e.Params.Meta.Version))
	req.Header.Set(methodHeader, headerValue(e.Method))
	switch e.Method {
	case "tools/call", "prompts/get":
		req.Header.Set(nameHeader, headerValue(e.Params.Name))
	case "resources/read":
		req.Header.Set(nameHeader, headerValue(e.Params.URI))
	}
	return req, nil
}

// headerValue is how a header holds a text: as it is, or in base64 if a header could not.
func headerValue(text string) string {
	odd := func(r rune) bool { return r < ' ' || r > '~' }
	if strings.ContainsFunc(text, odd) || strings.TrimSpace(text) != text || strings.HasPrefix(text, "=?base64?") {
		return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?="
	}
	return text
}

// start begins the session that an answer to initialize brings, in the place of an earlier one.
func (c *conversation) start(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopLocked()
	c.session = session{id: id}
}

// agree notes the revision that the server has chosen.
func (c *conversation) agree(version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.version = version
}

// forget ends the session with that id on our side.
func (c *conversation) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.id == id {
		c.stopLocked()
		c.session = session{}
	}
}

func (c *conversation) stopLocked() {
	if c.session.stop != nil {
		c.session.stop()
	}
}

// leave asks the server to end the session. Servers may refuse, and need not be there any more.
func (c *conversation) leave(ctx context.Context) {
	c.mu.Lock()
	id := c.session.id
	c.mu.Unlock()
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	req, err := c.newRequest(ctx, http.MethodDelete, nil)
	if err != nil {
		return
	}
	if resp, err := c.web.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}
