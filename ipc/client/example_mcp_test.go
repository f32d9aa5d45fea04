package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// mcpHandler has the Go SDK for MCP use an account's tokens. The daemon does all that the SDK would do for a login:
// discovery, registration, the browser and refreshing.
type mcpHandler struct {
	client  *client.Client
	request api.TokenRequest
}

var _ auth.OAuthHandler = (*mcpHandler)(nil)

// TokenSource implements [auth.OAuthHandler]. The SDK asks the source at each request.
func (h *mcpHandler) TokenSource(ctx context.Context) (oauth2.TokenSource, error) {
	return h.client.TokenSource(ctx, h.request), nil
}

// Authorize implements [auth.OAuthHandler]: the SDK repeats the request once if it returns nil.
func (h *mcpHandler) Authorize(ctx context.Context, req *http.Request, resp *http.Response) error {
	defer resp.Body.Close()
	r := h.request
	if resp.StatusCode == http.StatusForbidden {
		// A person has to agree to more; all who wait for that share one question.
		if r.Scope = missingScopes(resp); r.Scope == "" {
			return errors.New("the server answers " + resp.Status)
		}
		r.Interactive = true
		_, err := h.client.Token(ctx, r)
		return err
	}
	token, err := h.client.Token(ctx, r)
	if err != nil || req.Header.Get("Authorization") != "Bearer "+token.AccessToken {
		return err // another program had the token replaced meanwhile
	}
	r.Force = true
	_, err = h.client.Token(ctx, r)
	return err
}

// missingScopes returns the scopes that a refused request needs (RFC 6750 §3).
func missingScopes(resp *http.Response) string {
	challenges, err := oauthex.ParseWWWAuthenticate(resp.Header.Values("WWW-Authenticate"))
	if err != nil {
		return ""
	}
	for _, c := range challenges {
		if c.Scheme == "bearer" && c.Params["scope"] != "" {
			return c.Params["scope"]
		}
	}
	return ""
}

// A client made with the Go SDK for MCP. The account's hosts must allow the server: oauthd login notes --resource URL sees to
// that.
func Example_mcp() {
	ctx := context.Background()
	var c client.Client
	defer c.Close()

	const server = "https://mcp.example.com/mcp"
	transport := &mcp.StreamableClientTransport{
		Endpoint:     server,
		OAuthHandler: &mcpHandler{&c, api.TokenRequest{Account: "notes", URL: server}},
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent"}, nil).Connect(ctx, transport, nil)
	if errors.Is(err, client.ErrLoginRequired) {
		fmt.Println("run: oauthd login notes")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(tools.Tools))
}
