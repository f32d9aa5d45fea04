package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// client is the client's side of a bridge to a handler.
type client struct {
	t        *testing.T
	lines    io.WriteCloser
	answers  *bufio.Scanner
	served   chan error
	reported chan error
}

func newClient(t *testing.T, url string, transport http.RoundTripper) *client {
	t.Helper()
	in, lines := io.Pipe()
	answers, out := io.Pipe()
	c := &client{t: t, lines: lines, answers: bufio.NewScanner(answers), served: make(chan error, 1), reported: make(chan error, 10)}
	b := &Bridge{URL: url, Account: "work", Transport: transport, Report: func(err error) { c.reported <- err }, pause: time.Millisecond}
	go func() {
		c.served <- b.Serve(t.Context(), in, out)
		_ = out.Close()
	}()
	t.Cleanup(func() { _ = answers.Close() })
	return c
}

func (c *client) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.lines, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// receive checks that the next line is want.
func (c *client) receive(want string) {
	c.t.Helper()
	if !c.answers.Scan() || c.answers.Text() != want {
		c.t.Fatalf("got %s, want %s", c.answers.Text(), want)
	}
}

// refused checks that the next line is an error of that code for the request with that id.
func (c *client) refused(id string, code api.Code, message string) {
	c.t.Helper()
	var got struct {
		ID    json.RawMessage
		Error struct {
			Code    int
			Message string
			Data    struct {
				Code api.Code
				Hint string
			}
		}
	}
	if !c.answers.Scan() {
		c.t.Fatalf("got no answer to %s", id)
	}
	if err := json.Unmarshal(c.answers.Bytes(), &got); err != nil {
		c.t.Fatal(err)
	}
	if string(got.ID) != id || got.Error.Data.Code != code || got.Error.Data.Hint == "" || !strings.Contains(got.Error.Message, message) {
		c.t.Fatalf("got %s, want %s for %s, with a hint, and %q", c.answers.Text(), code, id, message)
	}
}

func (c *client) end() {
	c.t.Helper()
	_ = c.lines.Close()
	if c.answers.Scan() {
		c.t.Errorf("got %s, want nothing more", c.answers.Text())
	}
	if err := await(c.t, "the end", c.served); err != nil {
		c.t.Error(err)
	}
}

// answering starts a server whose answer to a POST is that of the handler.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func TestRefusals(t *testing.T) {
	header := func(key, value string, status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(key, value)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const kind, asks = "Content-Type", "WWW-Authenticate"
	tests := []struct {
		name    string
		answer  http.HandlerFunc
		code    api.Code
		message string
	}{
		{"a token that is refused", header(kind, "text/plain", 401, "no"), api.LoginRequired, "refuses the token of work; hint: oauthd login work"},
		{"too few scopes", header(asks, `Bearer error="insufficient_scope", scope="files:write notes"`, 403, ""), api.ScopeNotGranted,
			"than work was granted: files:write notes; hint: oauthd login work --scope files:write --scope notes"},
		{"scopes that a shell would run", header(asks, `Bearer error="insufficient_scope", scope="a;reboot"`, 403, ""), api.ScopeNotGranted, "--scope S"},
		{"forbidden otherwise", header(kind, "text/plain", 403, ""), api.ProviderRejected, "403 Forbidden"},
		{"a redirect", header("Location", "/elsewhere", 307, ""), api.ProviderRejected, "redirects"},
		{"trouble", header(kind, "text/html", 502, "<html>"), api.ProviderUnreachable, "502 Bad Gateway"},
		{"a page", header(kind, "text/html", 200, "<html>"), api.ProviderRejected, "text/html"},
		{"no JSON", header(kind, "application/json", 200, "{"), api.ProviderRejected, "what is no message"},
		{"a stream that ends", header(kind, "text/event-stream", 200, "data: {\"method\":\"x\"}\n"), api.ProviderUnreachable, "broke before the answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, answering(t, test.answer), http.DefaultTransport)
			for i := range 2 {
				c.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`, i))
				c.refused(fmt.Sprint(i), test.code, test.message)
			}
			c.end()
			if len(c.reported) != 1 {
				t.Errorf("got %d reports of the same failure, want 1", len(c.reported))
			}
		})
	}
}

func TestErrorsOfTheProtocolPass(t *testing.T) {
	const answer = `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}`
	c := newClient(t, answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, answer)
	}), http.DefaultTransport)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"x"}`)
	c.receive(answer)
	c.send("no JSON")
	c.refused("null", api.BadRequest, "a line is no message")
	c.end()
}

// broken fails as the daemon and the network do.
type broken struct{ err error }

// RoundTrip implements [http.RoundTripper].
func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestDaemonRefuses(t *testing.T) {
	c := newClient(t, "http://127.0.0.1:1", broken{&api.Error{Code: api.LoginRequired, Message: "work needs a login", Hint: "oauthd login work"}})
	c.send(`{"jsonrpc":"2.0","id":"a","method":"x"}`)
	c.refused(`"a"`, api.LoginRequired, "oauthd: work needs a login; hint: oauthd login work")
	c.send(`{"jsonrpc":"2.0","method":"notifications/x"}`)
	c.end()
}

// flaky loses the network for the first connections.
type flaky struct {
	left atomic.Int32
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (f *flaky) RoundTrip(req *http.Request) (*http.Response, error) {
	if f.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "dial", Err: errors.New("network is unreachable")}
	}
	return f.next.RoundTrip(req)
}

func TestNetworkLoss(t *testing.T) {
	const answer = `{"jsonrpc":"2.0","id":1,"result":{}}`
	url := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	})
	network := &flaky{next: http.DefaultTransport}
	network.left.Store(tries)
	c := newClient(t, url, network)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"x"}`)
	c.receive(answer)
	network.left.Store(tries + 1)
	c.send(`{"jsonrpc":"2.0","id":2,"method":"x"}`)
	c.refused("2", api.ProviderUnreachable, "network is unreachable")
	c.end()
}

// TestSentOnce has a server that breaks the connection once it has read a request, which may have taken effect.
func TestSentOnce(t *testing.T) {
	var asked atomic.Int32
	url := answering(t, func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	})
	c := newClient(t, url, http.DefaultTransport)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call"}`)
	c.refused("1", api.ProviderUnreachable, "cannot be reached")
	c.end()
	if got := asked.Load(); got != 1 {
		t.Errorf("the request was sent %d times, want once", got)
	}
}

// TestSession follows a session: its headers, a stream that is cut and goes on, and its end by the server.
func TestSession(t *testing.T) {
	gone := atomic.Bool{}
	headers := make(chan string, 10)
	url := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		headers <- strings.Join([]string{r.Method, r.Header.Get(sessionHeader), r.Header.Get(versionHeader), r.Header.Get("Last-Event-ID")}, " ")
		w.Header().Set("Content-Type", "text/event-stream")
		switch {
		case gone.Load():
			w.WriteHeader(http.StatusNotFound)
		case strings.Contains(string(body), "initialize"):
			w.Header().Set(sessionHeader, "s1")
			_, _ = io.WriteString(w, "data: {\"id\":1,\ndata: \"result\":{\"protocolVersion\":\"2025-11-25\"}}\n\n")
		case r.Method == http.MethodGet && r.Header.Get("Last-Event-ID") == "e1":
			_, _ = io.WriteString(w, "id: e2\ndata: {\"id\":2,\"result\":2}\n\n")
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, "id: e1\nretry: 1\ndata:\n\n")
		}
	})
	c := newClient(t, url, http.DefaultTransport)
	c.send(`{"id":1,"method":"initialize"}`)
	c.receive(`{"id":1,"result":{"protocolVersion":"2025-11-25"}}`)
	c.send(`{"id":2,"method":"tools/call"}`)
	c.receive(`{"id":2,"result":2}`)
	for _, want := range []string{"POST   ", "POST s1 2025-11-25 ", "GET s1 2025-11-25 e1"} {
		if got := await(t, "a request", headers); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	gone.Store(true)
	c.send(`{"id":3,"method":"tools/call"}`)
	c.refused("3", api.ProviderRejected, "has ended the session")
	c.end()
	if await(t, "the last request", headers); len(headers) != 0 {
		t.Errorf("got %s, want no request in a session that has ended", <-headers)
	}
}

// places lets the tokens of one account go to one place.
type places struct{ url, account string }

// Match implements [Places].
func (p places) Match(_ context.Context, place, _ string) (api.Match, error) {
	if place != p.url {
		return api.Match{}, &api.Error{Code: api.UnknownAccount}
	}
	return api.Match{Account: p.account}, nil
}

func TestChoose(t *testing.T) {
	allowed := places{"https://mcp.example.com/mcp", "work"}
	for _, test := range []struct {
		name, url, account, want string
		code                     api.Code
	}{
		{"none named", "https://mcp.example.com/mcp", "", "work", ""},
		{"named", "https://mcp.example.com/mcp", "work", "work", ""},
		{"another", "https://mcp.example.com/mcp", "home", "", api.Forbidden},
		{"elsewhere", "https://evil.example.com/", "work", "", api.UnknownAccount},
	} {
		got, err := Choose(t.Context(), allowed, test.url, test.account)
		if got != test.want || err != nil != (test.code != "") || err != nil && api.AsError(err).Code != test.code {
			t.Errorf("%s: got %q, %v, want %q, %q", test.name, got, err, test.want, test.code)
		}
	}
}
