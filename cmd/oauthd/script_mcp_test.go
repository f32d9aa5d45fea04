package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/mcp"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdMCP plays an MCP server that takes only tokens that are valid at the script's provider, and agents that use it.
//
//	mcp start       sets $MCP to its URL
//	mcp bound       the same for one that says itself where its tokens come from, and takes none without a proof
//	mcp scope S     from now on it wants that scope, too; "" ends it
//	mcp refuse N    from now on it refuses the first N tokens that it has seen
//	mcp short D     the provider calls the next token's lifetime D
//	mcp agents N    N agents, with a bridge each, use the server until each has used two tokens
func cmdMCP(ts *testscript.TestScript, neg bool, args []string) {
	if alone := len(args) == 1; neg || len(args) == 0 || (args[0] == "start" || args[0] == "bound") != alone || len(args) > 2 {
		ts.Fatalf("usage: mcp start|bound|scope S|refuse N|short D|agents N")
	}
	w := worldOf(ts)
	switch args[0] {
	case "start":
		w.mcp = &mcpServer{hello: ts.Getenv("ISSUER") + "/api/hello"}
		server := httptest.NewServer(w.mcp)
		ts.Defer(server.Close)
		ts.Setenv("MCP", server.URL+"/mcp")
	case "bound":
		server := httptest.NewServer(boundMCP(w.provider(ts)))
		ts.Defer(server.Close)
		ts.Setenv("MCP", server.URL+"/mcp")
	case "scope":
		w.mcp.mu.Lock()
		defer w.mcp.mu.Unlock()
		w.mcp.scope = args[1]
	case "refuse":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		w.mcp.mu.Lock()
		defer w.mcp.mu.Unlock()
		w.mcp.refused = n
	case "short":
		lifetime, err := time.ParseDuration(args[1])
		ts.Check(err)
		w.provider(ts).Script(oauthtest.Token, oauthtest.AlterFields(func(fields map[string]any) {
			fields["expires_in"] = int(lifetime.Seconds())
		}))
	case "agents":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		runAgents(ts, n)
	default:
		ts.Fatalf("there is no mcp %s", args[0])
	}
}

// boundMCP is a server of the SDK's, which takes only tokens that are bound to a key, with a proof for each request. It names the
// nonces that the proofs need, as the provider does.
func boundMCP(provider *oauthtest.Running) http.Handler {
	server := sdk.NewServer(&sdk.Implementation{Name: "bound"}, nil)
	messages := provider.Protect(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource"):
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"resource":"http://%s/mcp","authorization_servers":[%q],"scopes_supported":["openid"],"dpop_bound_access_tokens_required":true}`, r.Host, provider.Issuer())
		case strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
			w.Header().Set("WWW-Authenticate", `DPoP algs="ES256", error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			messages.ServeHTTP(w, r)
		}
	})
}

// mcpServer answers each request with a number for the token that it came with.
type mcpServer struct {
	hello string // where tokens are checked

	mu      sync.Mutex // guards the fields below
	scope   string
	known   []string
	refused int // so many of known are not taken any more
}

// ServeHTTP implements [http.Handler].
func (m *mcpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	token := r.Header.Get("Authorization")
	number, err := m.check(r.Context(), token)
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	m.mu.Lock()
	scope := m.scope
	m.mu.Unlock()
	if scope != "" {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, scope))
		w.WriteHeader(http.StatusForbidden)
		return
	}
	var message struct{ ID json.RawMessage }
	if json.NewDecoder(r.Body).Decode(&message) != nil || message.ID == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":%s,\"result\":{\"token\":%d}}\n\n", message.ID, number)
}

// check returns the number of a token, or an error if the provider does not take it.
func (m *mcpServer) check(ctx context.Context, token string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.hello, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the provider answers %s", resp.Status)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, other := range m.known {
		if other == token && i < m.refused {
			return 0, fmt.Errorf("token %d is refused", i)
		}
		if other == token {
			return i, nil
		}
	}
	m.known = append(m.known, token)
	return len(m.known) - 1, nil
}

// runAgents has n agents use the server at the same time, until each has used two tokens.
func runAgents(ts *testscript.TestScript, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	failed := make(chan error, n)
	for range n {
		go func() { failed <- useTwoTokens(ctx, ts.Getenv("SOCK"), ts.Getenv("MCP")) }()
	}
	for range n {
		ts.Check(<-failed)
	}
}

// useTwoTokens is one agent, with a bridge of its own.
func useTwoTokens(ctx context.Context, socket, url string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &client.Client{Socket: socket}
	defer c.Close()
	in, lines := io.Pipe()
	answers, out := io.Pipe()
	bridge := &mcp.Bridge{
		URL: url, Account: "work", Report: func(error) {},
		Transport: c.Transport(api.TokenRequest{Account: "work", URL: url}, nil),
	}
	served := make(chan error, 1)
	go func() {
		err := bridge.Serve(ctx, in, out)
		_ = out.CloseWithError(err)
		served <- err
	}()
	decoder := json.NewDecoder(answers)
	first := -1
	for {
		if _, err := io.Copy(lines, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n")); err != nil {
			return err
		}
		var answer struct {
			Result *struct{ Token int }
			Error  struct{ Message string }
		}
		if err := decoder.Decode(&answer); err != nil {
			return err
		}
		if answer.Result == nil {
			return fmt.Errorf("the bridge answers %s", answer.Error.Message)
		}
		if first < 0 {
			first = answer.Result.Token
		}
		if answer.Result.Token != first {
			_ = lines.Close()
			return <-served
		}
	}
}
