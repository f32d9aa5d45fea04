package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// conformanceMetadata is the client id metadata document that the suite knows.
const conformanceMetadata = "https://conformance-test.local/client-metadata.json"

// conformanceClient is the client that the suite runs: it lists the tools of the server at the URL, and calls one.
func conformanceClient() int {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := useServer(ctx, os.Args[len(os.Args)-1], os.Getenv("MCP_CONFORMANCE_SCENARIO")); err != nil {
		fmt.Fprintln(os.Stderr, "mcp-client:", err)
		return 1
	}
	return 0
}

func useServer(ctx context.Context, server, scenario string) error {
	flags, err := conformanceFlags(ctx, server, scenario)
	if err != nil {
		return err
	}
	bridge := exec.CommandContext(ctx, "oauthd", append([]string{"mcp", server}, flags...)...)
	bridge.Stderr = os.Stderr
	client := sdk.NewClient(&sdk.Implementation{Name: "conformance"}, nil)
	session, err := client.Connect(ctx, &sdk.CommandTransport{Command: bridge}, nil)
	if err != nil {
		return err
	}
	if _, err = session.ListTools(ctx, nil); err == nil {
		_, err = session.CallTool(ctx, &sdk.CallToolParams{Name: "test-tool"})
	}
	return errors.Join(err, session.Close())
}

// conformanceCompany is a company's issuer in the suite. Nobody can log in there: the suite hands out the ID token of a login.
type conformanceCompany struct {
	ClientID      string `json:"idp_client_id"`
	IDToken       string `json:"idp_id_token"`
	TokenEndpoint string `json:"idp_token_endpoint"`
}

// logIn has oauthd take the login over as an account named corp. Until the end of this process, a token endpoint stands before
// the issuer's, which alone knows that login, and whose answers to all else are passed back.
func (c conformanceCompany) logIn(ctx context.Context) error {
	to, err := url.Parse(c.TokenEndpoint)
	if err != nil {
		return err
	}
	issuer := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: to.Scheme, Host: to.Host})
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if form, err := url.ParseQuery(string(body)); err != nil || form.Get("grant_type") != "refresh_token" {
			r.Body = io.NopCloser(bytes.NewReader(body))
			issuer.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 3600, "id_token": c.IDToken})
	}))
	config, err := os.OpenFile(filepath.Join(os.Getenv("HOME"), ".config", "oauthd", "config.toml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(config, "[providers.company]\nauthorization_endpoint = %q\ntoken_endpoint = %q\ntoken_endpoint_auth_method = \"none\"\n",
		endpoint.URL+"/authorize", endpoint.URL+to.Path)
	if err = errors.Join(err, config.Close()); err != nil {
		return err
	}
	takeover := exec.CommandContext(ctx, "oauthd", "import", "-", "--as", "corp", "--provider", "company", "--client-id", c.ClientID)
	takeover.Stdin, takeover.Stderr = strings.NewReader("rt-of-the-company\n"), os.Stderr
	return takeover.Run()
}

// conformanceFlags returns the flags of oauthd mcp for a scenario. If the client has a secret, somebody logs in beforehand: it
// is read from standard input, which belongs to the protocol later.
func conformanceFlags(ctx context.Context, server, scenario string) ([]string, error) {
	var given struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		PrivateKey   string `json:"private_key_pem"`
		conformanceCompany
	}
	if text := os.Getenv("MCP_CONFORMANCE_CONTEXT"); text != "" {
		if err := json.Unmarshal([]byte(text), &given); err != nil {
			return nil, err
		}
	}
	var flags []string
	if given.ClientID != "" {
		flags = append(flags, "--client-id", given.ClientID)
	}
	if strings.Contains(scenario, "client-credentials") {
		flags = append(flags, "--grant", "client_credentials")
	}
	switch {
	case scenario == "auth/basic-cimd":
		return []string{"--client-id-metadata", conformanceMetadata}, nil
	case given.PrivateKey != "":
		if err := os.WriteFile("key.pem", []byte(given.PrivateKey), 0o600); err != nil {
			return nil, err
		}
		return append(flags, "--key-file", "key.pem"), nil
	case given.ClientSecret != "":
		if given.IDToken != "" {
			if err := given.logIn(ctx); err != nil {
				return nil, err
			}
			flags = append(flags, "--via", "corp")
		}
		login := exec.CommandContext(ctx, "oauthd", append([]string{"login", "server", "--resource", server, "--client-secret-stdin"}, flags...)...)
		login.Stdin, login.Stderr = strings.NewReader(given.ClientSecret), os.Stderr
		return nil, login.Run()
	}
	return flags, nil
}
