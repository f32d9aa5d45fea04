package config

import (
	"fmt"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

// TestMistakesInAnAccountFile checks that each key is checked, that its line is named, and that the account is not used.
func TestMistakesInAnAccountFile(t *testing.T) {
	const issuer = "issuer = \"https://login.example.com\"\nclient_id = \"app\"\n"
	const google = "provider = \"google\"\nclient_id = \"app\"\n"
	const pair = "client_id = \"app\"\nauthorization_endpoint = \"https://login.example.com/a\"\ntoken_endpoint = \"https://login.example.com/t\"\n"
	for _, tt := range []struct {
		name, toml string
		line       int
		says       string
	}{
		{"issuer", "client_id = \"app\"\nissuer = \"http://login.example.com\"\n", 2, "issuer: not https"},
		{"authorization endpoint", "client_id = \"app\"\nauthorization_endpoint = \"http://login.example.com/a\"\ntoken_endpoint = \"https://login.example.com/t\"\n",
			2, "authorization_endpoint: not https"},
		{"token endpoint", "client_id = \"app\"\nauthorization_endpoint = \"https://login.example.com/a\"\ntoken_endpoint = \"ftp://login.example.com/t\"\n",
			3, "token_endpoint: the URL's scheme"},
		{"device endpoint", pair + "device_authorization_endpoint = \"http://login.example.com/d\"\n", 4, "device_authorization_endpoint: not https"},
		{"revocation endpoint", pair + "revocation_endpoint = \"x\"\n", 4, "revocation_endpoint: the URL's scheme"},
		{"userinfo endpoint", pair + "userinfo_endpoint = \"https://u@login.example.com/\"\n", 4, "userinfo_endpoint: the URL has user information"},
		{"authentication method", pair + "token_endpoint_auth_method = \"secret_jwt\"\n", 4, "token_endpoint_auth_method is"},
		{"half of the endpoints", "client_id = \"app\"\ntoken_endpoint = \"https://login.example.com/t\"\n", 2, "go together"},
		{"unknown provider", "client_id = \"app\"\nprovider = \"corp\"\n", 2, "unknown provider \"corp\""},
		{"tenant of a provider without", google + "tenant = \"acme\"\n", 3, "google has no tenants"},
		{"missing tenant", "client_id = \"app\"\nprovider = \"okta\"\n", 2, "okta needs a tenant"},
		{"missing tenant of an own provider", "client_id = \"app\"\nprovider = \"own\"\n", 2, "own needs a tenant"},
		{"tenant of an issuer", issuer + "tenant = \"acme\"\n", 3, "the account names no provider"},
		{"scope", google + "scopes = [\"a\\\"b\"]\n", 3, "scopes: "},
		{"redirect URI", google + "redirect_uri = \"https://app.example.com/\"\n", 3, "redirect_uri: its host"},
		{"port 0", google + "redirect_ports = [8400, 0]\n", 3, "redirect_ports: 0 is not a port"},
		{"port beyond", google + "redirect_ports = [65536]\n", 3, "redirect_ports: 65536 is not a port"},
		{"reserved parameter", google + "auth_params = { state = \"x\" }\n", 3, "auth_params: state is set by oauthd itself"},
		{"reserved parameter, in a table", google + "[auth_params]\nstate = \"x\"\n", 4, "auth_params: state is set by oauthd itself"},
		{"scopes and an audience", "grant = \"service_account\"\nkey_file = \"k.json\"\nscopes = [\"a\"]\naudience = \"https://api.example.com\"\n",
			4, "keep one"},
		{"credential source", "grant = \"adc\"\ncredential_sources = [\"url\", \"aws\"]\n", 2, "\"aws\" is neither"},
		{"document", "issuer = \"https://login.example.com\"\nclient_id_metadata = \"https://ada.example.com\"\n", 2, "client_id_metadata: the URL has no path"},
		{"document and client", issuer + "client_id_metadata = \"https://ada.example.com/c.json\"\n", 3, "keep one"},
		{"document of a program", "grant = \"adc\"\nclient_id_metadata = \"https://ada.example.com/c.json\"\n", 2, "grants with a person"},
		{"no client", "provider = \"google\"\n", 0, "the account has no client"},
		{"no provider", "client_id = \"app\"\n", 0, "the account has no provider"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, wrong := mistakes(t, files(t, map[string]string{
				"accounts/work.toml": tt.toml,
				"config.toml":        "[providers.own]\nissuer = \"https://{tenant}.example.com\"\ntenant_hint = \"your company\"\n",
			}))
			at := ""
			if tt.line > 0 {
				at = fmt.Sprintf(":%d", tt.line)
			}
			if len(wrong) != 1 || !strings.Contains(wrong[0], "work.toml"+at+": ") || !strings.Contains(wrong[0], tt.says) {
				t.Errorf("got mistakes %q, want one at line %d with %q", wrong, tt.line, tt.says)
			}
			if _, ok := c.Account("work"); ok {
				t.Error("the account is used, want it left out")
			}
		})
	}
}

// TestAccountFilesThatAreRight checks the neighbours of what is wrong above.
func TestAccountFilesThatAreRight(t *testing.T) {
	c, wrong := mistakes(t, files(t, map[string]string{
		"accounts/tenant.toml":   "provider = \"okta\"\ntenant = \"acme.okta.com\"\nclient_id = \"app\"\n",
		"accounts/own.toml":      "provider = \"own\"\ntenant = \"acme\"\nclient_id = \"app\"\n",
		"accounts/ports.toml":    "provider = \"google\"\nclient_id = \"app\"\nredirect_ports = [1, 65535]\n",
		"accounts/robot.toml":    "grant = \"service_account\"\nkey_file = \"k.json\"\naudience = \"https://api.example.com\"\n",
		"accounts/program.toml":  "grant = \"client_credentials\"\ntoken_endpoint = \"https://login.example.com/t\"\nclient_id = \"app\"\naudience = \"x\"\nscopes = [\"a\"]\n",
		"accounts/sources.toml":  "grant = \"adc\"\ncredential_sources = [\"url\", \"executable\"]\n",
		"accounts/endpoint.toml": "client_id = \"app\"\nauthorization_endpoint = \"https://login.example.com/a\"\ntoken_endpoint = \"https://login.example.com/t\"\n",
		"config.toml": "[providers.own]\nissuer = \"https://{tenant}.example.com\"\ntenant_hint = \"your company\"\n" +
			"[providers.asked]\nauthorization_endpoint = \"https://login.example.com/a?b=c\"\ntoken_endpoint = \"https://login.example.com/t\"\n",
	}))
	if wrong != nil {
		t.Errorf("got mistakes %q, want none", wrong)
	}
	for name, want := range map[string]account.Account{"tenant": {Provider: "okta", Tenant: "acme.okta.com"}, "own": {Provider: "own", Tenant: "acme"}} {
		if got, ok := c.Account(name); !ok || got.Provider != want.Provider || got.Tenant != want.Tenant {
			t.Errorf("%s: got %q of %q, want %q of %q", name, got.Tenant, got.Provider, want.Tenant, want.Provider)
		}
	}
	if n := len(c.Names()); n != 7 {
		t.Errorf("got %d accounts, want 7", n)
	}
}

// TestPortsOfARedirectURI checks the ports that a fixed redirect URI may have.
func TestPortsOfARedirectURI(t *testing.T) {
	for port, ok := range map[string]bool{"1": true, "8400": true, "65535": true, "0": false, "65536": false, "-1": false, "": false, "0x50": false} {
		if err := CheckRedirectURI("http://127.0.0.1:" + port + "/cb"); (err == nil) != ok {
			t.Errorf("port %q: got %v, want ok %t", port, err, ok)
		}
	}
}
