package provider

import (
	"strings"
	"testing"
)

func TestForTenant(t *testing.T) {
	const guid = "9188040d-6c67-4c5b-b112-36a304b66dad"
	for _, tc := range []struct{ name, provider, tenant, token, issuer string }{
		{"default", "microsoft", "", "https://login.microsoftonline.com/common/oauth2/v2.0/token", ""},
		{"segment", "microsoft", "acme.example.com", "https://login.microsoftonline.com/acme.example.com/oauth2/v2.0/token", ""},
		{"GUID", "microsoft", guid, "https://login.microsoftonline.com/" + guid + "/oauth2/v2.0/token",
			"https://login.microsoftonline.com/" + guid + "/v2.0"},
		{"longest", "microsoft", strings.Repeat("a", 253), "https://login.microsoftonline.com/" + strings.Repeat("a", 253) + "/oauth2/v2.0/token", ""},
		{"host", "okta", "acme.okta.com", "", "https://acme.okta.com"},
		{"host and path", "okta", "acme.okta.com/oauth2/default", "", "https://acme.okta.com/oauth2/default"},
		{"host and port", "keycloak", "sso.example.com:8443/realms/main", "", "https://sso.example.com:8443/realms/main"},
		{"slash stays", "auth0", "acme.eu.auth0.com", "", "https://acme.eu.auth0.com/"},
		{"IPv6", "keycloak", "[::1]:8080/realms/a", "", "http://[::1]:8080/realms/a"},
		{"loopback", "keycloak", "127.0.0.1:8080/realms/a", "", "http://127.0.0.1:8080/realms/a"},
		{"none wanted", "google", "", "https://oauth2.googleapis.com/token", "https://accounts.google.com"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, _ := Lookup(tc.provider)
			p, err := p.ForTenant(tc.tenant)
			if err != nil || p.Endpoints.Token != tc.token || p.Issuer != tc.issuer || p.NeedsTenant() {
				t.Errorf("got token endpoint %q, issuer %q, %v; want %q, %q", p.Endpoints.Token, p.Issuer, err, tc.token, tc.issuer)
			}
			if p.Issuer != "" && CheckIssuer(p.Issuer) != nil {
				t.Errorf("issuer %q: %v", p.Issuer, CheckIssuer(p.Issuer))
			}
		})
	}
	p, _ := Lookup("microsoft")
	first, err := p.ForTenant("a.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := first.ForTenant("b.example.com"); err != nil || !strings.Contains(second.Endpoints.Token, "/b.example.com/") {
		t.Errorf("another tenant: got %q, %v", second.Endpoints.Token, err)
	}
}

func TestForTenantRefuses(t *testing.T) {
	for _, tc := range []struct{ name, provider, tenant, want string }{
		{"missing", "okta", "", "your Okta domain, such as acme.okta.com"},
		{"not wanted", "google", "acme", "has no tenants"},
		{"scheme", "okta", "https://acme.okta.com", "give your Okta domain"},
		{"user", "okta", "ada@acme.okta.com", "letters, digits"},
		{"user and password", "okta", "ada:pw@acme.okta.com", "start with a host"},
		{"query", "okta", "acme.okta.com?x=y", "letters, digits"},
		{"fragment", "okta", "acme.okta.com#x", "letters, digits"},
		{"escape", "okta", "acme.okta.com/%2e%2e", "letters, digits"},
		{"backslash", "okta", `acme.okta.com\x`, "letters, digits"},
		{"dots", "okta", "acme.okta.com/../x", "dots"},
		{"more behind an address", "okta", "[::1]x", "start with a host"},
		{"dots within a name", "okta", "acme..okta.com", "dots"},
		{"at sign in a segment", "microsoft", "a@b", "letters, digits"},
		{"bracket in a segment", "microsoft", "a[b", "letters, digits"},
		{"grave accent in a segment", "microsoft", "a`b", "letters, digits"},
		{"brace in a segment", "microsoft", "a{b", "letters, digits"},
		{"null in a segment", "microsoft", "a\x00b", "letters, digits"},
		{"dot", "okta", "acme.okta.com/./x", "dots"},
		{"no host", "okta", "/x", "empty"},
		{"empty segment", "okta", "acme.okta.com//x", "empty"},
		{"ends in a slash", "okta", "acme.okta.com/", "slash"},
		{"port of letters", "okta", "acme.okta.com:https", "start with a host"},
		{"port and more", "okta", "acme.okta.com:1:2", "start with a host"},
		{"space", "okta", "acme .okta.com", "letters, digits"},
		{"line break", "okta", "acme.okta.com\n", "letters, digits"},
		{"dash", "okta", "-acme", "dash"},
		{"mark", "okta", "{tenant}", "letters, digits"},
		{"long", "okta", strings.Repeat("a", 254), "too long"},
		{"path in a segment", "microsoft", "acme/x", "letters, digits"},
		{"dots in a segment", "microsoft", "..", "dots"},
		{"port in a segment", "microsoft", "acme:80", "letters, digits"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, _ := Lookup(tc.provider)
			got, err := p.ForTenant(tc.tenant)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got issuer %q, %v; want an error with %q", got.Issuer, err, tc.want)
			}
		})
	}
}

// FuzzForTenant looks for a tenant that leads a URL out of its place.
func FuzzForTenant(f *testing.F) {
	for _, seed := range []string{"acme", "acme.okta.com/oauth2/default", "127.0.0.1:8080", "[::1]/x", "a@b", "a/../b", "a%2fb", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tenant string) {
		microsoft, _ := Lookup("microsoft")
		if p, err := microsoft.ForTenant(tenant); err == nil && tenant != "" {
			u, err := parseURL(p.Endpoints.Token)
			if err != nil || u.Host != "login.microsoftonline.com" || u.Path != "/"+tenant+"/oauth2/v2.0/token" {
				t.Errorf("%q: got %q, %v", tenant, p.Endpoints.Token, err)
			}
		}
		shopify, _ := Lookup("shopify")
		if p, err := shopify.ForTenant(tenant); err == nil {
			u, err := parseURL(p.Endpoints.Token)
			if err == nil && (!strings.HasSuffix(u.Path, "/admin/oauth/access_token") || u.RawQuery != "" || u.User != nil) {
				t.Errorf("%q: got %q, %v", tenant, p.Endpoints.Token, err)
			}
			if err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
				t.Errorf("%q: got %q", tenant, p.Endpoints.Token)
			}
		}
	})
}
