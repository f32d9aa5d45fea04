package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/provider"
)

// TestProviderSaysWhatTheTableCan gives a provider of config.toml each kind of column.
func TestProviderSaysWhatTheTableCan(t *testing.T) {
	dir := files(t, map[string]string{"config.toml": `[providers.corp]
title = "The company"
issuer = "https://{tenant}/"
tenant = "login.example.com"
token_endpoint_auth_method = "client_secret_post"
redirect_host = "localhost"
redirect_path = "/back"
redirect_port = "fixed"
rotation = "rotating"
idle_limit = "14d"
narrowing = "refresh"
refresh_kills_access_token = true
redirect_uri_at_refresh = true
scope_separator = ","
request_scope_separator = ","
scope_parameter = "user_scope"
default_scopes = ["a", "b"]
auth_params = { audience = "api" }
revocation_form = "rfc7009"
[providers.corp.scope_aliases]
a = "https://login.example.com/a"
`})
	c, got := mistakes(t, dir)
	if got != nil {
		t.Fatalf("got mistakes %q, want none", got)
	}
	p := c.Providers["corp"]
	if p.Issuer != "https://login.example.com/" || p.Title != "The company" || p.Endpoints.AuthMethod != "client_secret_post" {
		t.Errorf("got %+v", p)
	}
	if p.RedirectURI() != "http://localhost:8400/back" {
		t.Errorf("redirect: got %s, want localhost, /back and a fixed port", p.RedirectURI())
	}
	if p.Rotation != provider.RotationRotating || p.IdleLimit.Duration() != 14*24*time.Hour || p.Narrowing != provider.NarrowRefresh ||
		!p.RefreshKillsAccessToken || !p.RedirectURIAtRefresh || p.RevocationForm != "" {
		t.Errorf("got %+v", p)
	}
	if p.ScopeSeparator != "," || p.RequestScopeSeparator != "," || p.ScopeParameter != "user_scope" ||
		!reflect.DeepEqual(p.DefaultScopes, []string{"a", "b"}) || p.ScopeAliases["a"] != "https://login.example.com/a" ||
		p.AuthParams["audience"] != "api" {
		t.Errorf("got %+v", p)
	}
	if other, err := p.ForTenant("other.example.com"); err != nil || other.Issuer != "https://other.example.com/" {
		t.Errorf("another tenant: got %q, %v", other.Issuer, err)
	}
}

func TestProviderMistakes(t *testing.T) {
	const corp = "[providers.corp]\nissuer = \"https://login.example.com\"\n"
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", corp + "colour = 1\n", `config.toml:3: unknown key "providers.corp.colour"`},
		{"secret", corp + "client_secret = \"" + planted + "\"\n", "config.toml:3: unknown key"},
		{"wrong value", corp + "redirect_port = \"8400\"\n", `config.toml:3: redirect_port is "any" or "fixed"`},
		{"wrong type", corp + "idle_limit = 90\n", "config.toml:3: providers.corp.idle_limit: a TOML integer, but it must be a duration such as \"90d\""},
		{"idle limit", corp + "idle_limit = \"90 days\"\n", `config.toml:3: idle_limit: must be a duration such as "90d"`},
		{"tenant without place", corp + "tenant = \"x\"\n", "config.toml:3: tenant: no URL has a place"},
		{"place without tenant", "[providers.corp]\nissuer = \"https://{tenant}\"\n", "config.toml:1: URLs with {tenant} need a tenant"},
		{"parameter inline", corp + "auth_params = { state = \"x\" }\n", "config.toml:3: auth_params: state is set by oauthd itself"},
		{"parameter in a table", corp + "[providers.corp.more_scopes_params]\na = \"b\"\nnonce = \"x\"\n",
			"config.toml:5: more_scopes_params: nonce is set by oauthd itself"},
		{"scope parameter", corp + "scope_parameter = \"state\"\n", "config.toml:3: scope_parameter: that parameter has another use"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, got := mistakes(t, files(t, map[string]string{"config.toml": tt.text}))
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want one with %q", got, tt.want)
			}
			if _, ok := c.Providers["corp"]; ok && !strings.Contains(tt.want, "unknown key") {
				t.Error("got the provider whose value is wrong, want it left out")
			}
		})
	}
}

// TestBuiltInParameters holds the table to the rule that a person's parameters keep.
func TestBuiltInParameters(t *testing.T) {
	for _, name := range provider.Names() {
		p, _ := provider.Lookup(name)
		for _, params := range []map[string]string{p.AuthParams, p.MoreScopesParams} {
			for key, value := range params {
				if err := CheckAuthParam(key, value); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
