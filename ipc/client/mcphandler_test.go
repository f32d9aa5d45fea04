package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// notes is an MCP server that takes the newest token alone, and a mint where a person agrees to the scope that it wants.
type notes struct {
	*mint
	mu      sync.Mutex // guards the fields below
	revoked string     // a token that is not taken although it is the newest
	scopes  []string   // of every token
	refused int
	used    []string // the tokens of the calls
}

// Token is the daemon's.
func (n *notes) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	if r.Interactive {
		n.set(func() { n.scopes = strings.Fields(r.Scope) })
	}
	return n.mint.Token(ctx, r)
}

// verify is the server's.
func (n *notes) verify(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if token != n.newest() || token == n.revoked {
		n.refused++
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{Scopes: n.scopes, Expiration: time.Now().Add(time.Hour), UserID: "ada", Extra: map[string]any{"token": token}}, nil
}

func (n *notes) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

func (n *notes) fails(err error) {
	n.mint.mu.Lock()
	defer n.mint.mu.Unlock()
	n.fail = err
}

// serve starts the server, and returns its URL.
func (n *notes) serve(t *testing.T) string {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "notes"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "list"}, func(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		n.set(func() { n.used = append(n.used, r.Extra.TokenInfo.Extra["token"].(string)) })
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "milk"}}}, nil, nil
	})
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	guarded := auth.RequireBearerToken(n.verify, &auth.RequireBearerTokenOptions{Scopes: []string{"notes.read"}})(handler)
	web := httptest.NewServer(guarded)
	t.Cleanup(web.Close)
	return web.URL
}

// TestMCPHandler has the example's handler serve the SDK's client, before a server that checks each token.
func TestMCPHandler(t *testing.T) {
	n := &notes{mint: &mint{lifetime: time.Hour}, scopes: []string{"notes.read"}}
	h := newHome(t)
	h.serve(h.socket(), n)
	c := h.client()
	server := n.serve(t)
	request := api.TokenRequest{Account: "notes", URL: server}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: server, OAuthHandler: &mcpHandler{c, request}, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	list := func() error {
		_, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "list"})
		return err
	}
	for _, tt := range []struct {
		name            string
		prepare         func()
		token           string
		refused, forced int
	}{
		{"a first call", func() {}, "token-1", 0, 0},
		{"another one", func() {}, "token-1", 0, 0},
		{"after another program had the token replaced", func() { n.supersede(time.Hour) }, "token-2", 0, 0},
		{"after the server refused the newest", func() { n.set(func() { n.revoked = "token-2" }) }, "token-3", 1, 1},
	} {
		tt.prepare()
		_, before := n.requests()
		n.set(func() { n.used, n.refused = nil, 0 })
		if err := list(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		_, after := n.requests()
		n.set(func() {
			if len(n.used) != 1 || n.used[0] != tt.token || n.refused != tt.refused || after-before != tt.forced {
				t.Errorf("%s: got the tokens %q, refused %d, forced %d; want %s, %d, %d", tt.name, n.used, n.refused, after-before, tt.token, tt.refused, tt.forced)
			}
		})
	}

	n.set(func() { n.scopes = nil })
	if err := list(); err != nil {
		t.Errorf("a scope that a person has to agree to: %v", err)
	}
	if r := n.asked[len(n.asked)-2]; !r.Interactive || r.Scope != "notes.read" || r.Force {
		t.Errorf("got the request %+v, want one that has a person asked for the scope", r)
	}
	for _, r := range n.asked {
		if r.Account != "notes" || r.URL != server {
			t.Errorf("got a request for %s at %s, want the account and the server in each", r.Account, r.URL)
		}
	}

	n.fails(&api.Error{Code: api.LoginRequired, Message: "log in", Hint: "oauthd login notes"})
	if err := list(); !errors.Is(err, client.ErrLoginRequired) {
		t.Errorf("a login that has ended: got %v, want that error", err)
	}
	n.fails(nil) // so that the session can be ended
}
