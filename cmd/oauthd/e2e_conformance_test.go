package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

func useServer(ctx context.Context, url, scenario string) error {
	flags, err := conformanceFlags(ctx, url, scenario)
	if err != nil {
		return err
	}
	bridge := exec.CommandContext(ctx, "oauthd", append([]string{"mcp", url}, flags...)...)
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

// conformanceFlags returns the flags of oauthd mcp for a scenario. If the client has a secret, somebody logs in beforehand: it
// is read from standard input, which belongs to the protocol later.
func conformanceFlags(ctx context.Context, url, scenario string) ([]string, error) {
	var given struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		PrivateKey   string `json:"private_key_pem"`
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
		login := exec.CommandContext(ctx, "oauthd", append([]string{"login", "server", "--resource", url, "--client-secret-stdin"}, flags...)...)
		login.Stdin, login.Stderr = strings.NewReader(given.ClientSecret), os.Stderr
		return nil, login.Run()
	}
	return flags, nil
}
