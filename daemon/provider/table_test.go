package provider

import (
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

func TestTableIsWellFormed(t *testing.T) {
	if _, err := readTable(tableText); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"google", "microsoft", "github", "github-app", "gitlab", "slack", "atlassian", "spotify", "dropbox", "auth0", "okta",
		"keycloak", "cognito", "fastmail", "linkedin", "discord", "digitalocean", "zoom",
	} {
		if p, ok := Lookup(name); !ok || p.Name != name || p.Title == "" {
			t.Errorf("%s: got %q, %v", name, p.Name, ok)
		}
	}
	for name, keys := range map[string]bool{"google": true, "microsoft": true, "gitlab": true, "github": false} {
		p, _ := Lookup(name)
		if (p.JWKSURI != "") != keys || (p.IDTokenAlgorithms != nil) != keys {
			t.Errorf("%s: got jwks_uri %q, algorithms %v; want both: %t", name, p.JWKSURI, p.IDTokenAlgorithms, keys)
		}
		e := p.Endpoints
		if e.Authorization == "" || e.Token == "" || e.Userinfo == "" || e.Device == "" {
			t.Errorf("%s: an endpoint is missing: %+v", name, e)
		}
	}
	for _, name := range Names() {
		p, _ := Lookup(name)
		if p.Rotation == RotationNone && p.NoRefreshToken == "" {
			t.Errorf("%s: no sentence says why there is no refresh token", name)
		}
		if (p.JWKSURI != "") != (p.IDTokenAlgorithms != nil) {
			t.Errorf("%s: got jwks_uri %q, algorithms %v; want both or neither", name, p.JWKSURI, p.IDTokenAlgorithms)
		}
		if p.JWKSURI != "" && p.Issuer == "" && p.IssuerTemplate == "" {
			t.Errorf("%s: has keys for ID tokens of no issuer", name)
		}
	}
	if _, ok := Lookup("nobody"); ok {
		t.Error("Lookup knows nobody")
	}
}

// Whoever registers a client is told where, and what to do there, for the providers that most people come for.
func TestTableSaysHowToRegister(t *testing.T) {
	for _, name := range []string{
		"google", "microsoft", "github", "github-app", "gitlab", "slack", "atlassian", "bitbucket", "spotify", "dropbox", "auth0",
		"okta", "keycloak", "cognito", "linkedin", "discord", "digitalocean", "zoom", "x", "reddit", "strava", "twitch",
	} {
		p, _ := Lookup(name)
		if p.RegistrationURL == "" && p.TenantHint == "" || p.DocsURL == "" || len(p.RegistrationSteps) < 2 {
			t.Errorf("%s: got page %q, documentation %q and %d steps, want all", name, p.RegistrationURL, p.DocsURL, len(p.RegistrationSteps))
		}
		steps := strings.Join(p.Describe().RegistrationSteps, "\n")
		// Google and Strava have nothing to register a redirect URI in.
		if has := strings.Contains(steps, p.RedirectURI()); has == (name == "google" || name == "strava") {
			t.Errorf("%s: the steps have the redirect URI: got %t in %q", name, has, steps)
		}
	}
	for _, name := range Names() {
		p, _ := Lookup(name)
		for _, step := range p.Describe().RegistrationSteps {
			if strings.ContainsAny(step, "{}") || strings.HasSuffix(step, ".") || len(step) > 140 {
				t.Errorf("%s: got the step %q, want a short one without a place to fill or a full stop", name, step)
			}
		}
	}
}

func TestTableMistakesAreErrors(t *testing.T) {
	const right = `authorization_endpoint = "https://a.example.com/a"
		token_endpoint = "https://a.example.com/t"
		`
	if _, err := readTable([]byte("[a]\n" + right)); err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string]string{
		"unknown key": `autorization = "x"`,
		"wrong type":  `errors_in_200 = "yes"`,
		"wrong value": `narrowing = "token"`,
		"wrong URL":   `userinfo_endpoint = "http://a.example.com/u"`,
		"no page":     `registration_url = "javascript:alert(1)"`,
		"http page":   `docs_url = "http://a.example.com/#x"`,
		"no tenant":   `jwks_uri = "https://a.example.com/{tenant}/k"`,
	} {
		if _, err := readTable([]byte("[a]\n" + right + line)); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := readTable([]byte("[A]\n" + right)); err == nil {
		t.Error("upper-case name: got no error")
	}
	if _, err := readTable([]byte("[a]\n")); err == nil {
		t.Error("nothing: got no error")
	}
}

func TestLookupSharesNothing(t *testing.T) {
	p, _ := Lookup("google")
	p.AuthParams["prompt"] = "none"
	p.DefaultScopes[0] = "changed"
	p.entry.ScopeAliases["email"] = "changed"
	q, _ := Lookup("google")
	if q.entry.ScopeAliases["email"] == "changed" {
		t.Error("the rows are shared")
	}
	if q.AuthParams["prompt"] != "consent" || q.DefaultScopes[0] != "openid" {
		t.Errorf("got %v, %v; want the table's own", q.AuthParams, q.DefaultScopes)
	}
}

func TestQuirks(t *testing.T) {
	ms, _ := Lookup("microsoft")
	if ms.RedirectURI() != "http://localhost/" || ms.RedirectPort != "any" || ms.Endpoints.Revocation != "" || ms.OfflineScope != "offline_access" {
		t.Errorf("microsoft: got %+v", ms)
	}
	gh, _ := Lookup("github")
	if gh.NoRefreshToken == "" || gh.ScopeSeparator != "," || gh.SubjectClaim != "id" || gh.Issuer != "" {
		t.Errorf("github: got %+v", gh)
	}
	gl, _ := Lookup("gitlab")
	if !gl.RefreshKillsAccessToken || gl.Narrowing != NarrowNone || gl.Endpoints.Revocation == "" {
		t.Errorf("gitlab: got %+v", gl)
	}
	// AADSTS90009 and kubelogin#798: a refresh without scopes fails, or shrinks the grant.
	for name, want := range map[string]bool{"microsoft": true, "azure-ad-b2c": true, "okta": true, "google": false, "gitlab": false} {
		if p, _ := Lookup(name); p.RefreshScope != want {
			t.Errorf("%s: got refresh_scope %t, want %t", name, p.RefreshScope, want)
		}
	}
	g, _ := Lookup("google")
	if g.AuthParams["access_type"] != "offline" || g.AuthParams["prompt"] != "consent" || g.Narrowing != NarrowRefresh {
		t.Errorf("google: got %+v", g)
	}
}

func TestIssuerMatches(t *testing.T) {
	const tenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
	for _, tc := range []struct {
		name, provider, iss, tenant string
		want                        bool
	}{
		{"google", "google", "https://accounts.google.com", "", true},
		{"google without scheme", "google", "accounts.google.com", "", true},
		{"google with slash", "google", "https://accounts.google.com/", "", false},
		{"another", "google", "https://gitlab.com", "", false},
		{"empty", "google", "", "", false},
		{"none to match", "github", "https://github.com", "", false},
		{"none and empty", "github", "", "", false},
		{"tenant", "microsoft", "https://login.microsoftonline.com/" + tenant + "/v2.0", tenant, true},
		{"any tenant", "microsoft", "https://login.microsoftonline.com/" + tenant + "/v2.0", "", true},
		{"other tenant", "microsoft", "https://login.microsoftonline.com/" + tenant + "/v2.0", "x", false},
		{"no tenant", "microsoft", "https://login.microsoftonline.com/common/v2.0", "", false},
		{"path instead", "microsoft", "https://login.microsoftonline.com/a/b/v2.0", "a/b", false},
		{"other host", "microsoft", "https://login.evil.example/" + tenant + "/v2.0", tenant, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, _ := Lookup(tc.provider)
			if got := p.IssuerMatches(tc.iss, tc.tenant); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	const gmail = "https://www.googleapis.com/auth/gmail.readonly"
	custom := Provider{Row: Row{OfflineScope: "offline_access", ScopeParents: map[string]string{"a": "b", "b": "a"}}}
	for _, tc := range []struct {
		name     string
		provider string
		granted  []string
		wanted   []string
		missing  []string
	}{
		{"not said", "google", nil, []string{"x"}, nil},
		{"nothing granted", "google", []string{}, []string{"x", "x"}, []string{"x"}},
		{"alias", "google", []string{"openid", "https://www.googleapis.com/auth/userinfo.email"}, []string{"email", "openid"}, nil},
		{"alias, the other way", "google", []string{"email"}, []string{"https://www.googleapis.com/auth/userinfo.email"}, nil},
		{"subset", "google", []string{"openid"}, []string{"openid", gmail}, []string{gmail}},
		{"not echoed", "microsoft", []string{"https://graph.microsoft.com/Mail.Read"}, []string{"openid", "offline_access", "mail.read"}, nil},
		{"short and missing", "microsoft", []string{"https://graph.microsoft.com/User.Read"}, []string{"Mail.Read"}, []string{"Mail.Read"}},
		{"other resource", "microsoft", []string{"https://graph.microsoft.com/Mail.Read"}, []string{"https://outlook.office.com/Mail.Read"},
			[]string{"https://outlook.office.com/Mail.Read"}},
		{"the default of a resource", "microsoft", []string{"https://vault.azure.net/user_impersonation"}, []string{"https://Vault.azure.net/.default"}, nil},
		{"with a slash", "microsoft", []string{"https://vault.azure.net/user_impersonation"}, []string{"https://vault.azure.net//.default"}, nil},
		{"the default of another", "microsoft", []string{"https://vault.azure.net/user_impersonation", "openid"},
			[]string{"https://storage.azure.com/.default", "https://vault.azure.net.evil.example/.default"},
			[]string{"https://storage.azure.com/.default", "https://vault.azure.net.evil.example/.default"}},
		{"of nothing", "microsoft", []string{"openid"}, []string{"/.default", ".default"}, []string{"/.default", ".default"}},
		{"elsewhere", "google", []string{gmail}, []string{"https://www.googleapis.com/auth/.default"}, []string{"https://www.googleapis.com/auth/.default"}},
		{"wider", "github", []string{"repo", "user"}, []string{"public_repo", "user:email"}, nil},
		{"widest", "github", []string{"admin:org"}, []string{"read:org"}, nil},
		{"narrower", "github", []string{"public_repo"}, []string{"repo"}, []string{"repo"}},
		{"case counts", "gitlab", []string{"Api"}, []string{"api"}, []string{"api"}},
		{"offline", "", []string{"x"}, []string{"offline_access", "x"}, nil},
		{"offline at a provider that nobody described", "fitbit", []string{"x"}, []string{"offline_access", "x", "y"}, []string{"y"}},
		{"ring of parents", "", []string{"x"}, []string{"a"}, []string{"a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := custom
			if tc.provider != "" {
				p, _ = Lookup(tc.provider)
			}
			if got := p.Covers(tc.granted, tc.wanted); !reflect.DeepEqual(got, tc.missing) {
				t.Errorf("got %v, want %v", got, tc.missing)
			}
		})
	}
}

func TestPinAuthMethod(t *testing.T) {
	google, _ := Lookup("google")
	zoom, _ := Lookup("zoom") // its row says client_secret_basic
	custom := func(method string) Provider {
		return Row{Endpoints: account.Endpoints{AuthMethod: method}}.Provider("custom")
	}
	reddit, _ := Lookup("reddit")
	strict := custom("client_secret_basic")
	strict.ClientSecretRequired = true
	advertise := func(m ...string) Provider { return Provider{AuthMethods: m} }
	for _, tc := range []struct {
		name       string
		p          Provider
		secret     bool
		key        bool
		configured string
		want       AuthMethod
	}{
		{"configured wins", google, true, false, "client_secret_basic", AuthBasic},
		{"configured none", google, false, false, "none", AuthNone},
		{"configured without secret", google, false, false, "client_secret_post", ""},
		{"configured Basic without secret", google, false, false, "client_secret_basic", AuthBasic},
		{"configured Basic with a key alone", google, false, true, "client_secret_basic", ""},
		{"a person's row, no secret", custom("client_secret_basic"), false, false, "", AuthBasic},
		{"a person's row, no secret, key", custom("client_secret_basic"), false, true, "", AuthPrivateKeyJWT},
		{"a person's row for clients with secrets, no secret", strict, false, false, "", AuthNone},
		{"a row for empty secrets, no secret", reddit, false, false, "", AuthBasic},
		{"a row for empty secrets, configured", reddit, false, false, "none", AuthNone},
		{"a row for empty secrets, key", reddit, false, true, "", AuthPrivateKeyJWT},
		{"a person's row, no secret, another method", custom("client_secret_post"), false, false, "", AuthNone},
		{"a person's row, no secret, configured", custom("client_secret_basic"), false, false, "none", AuthNone},
		{"a person's row, secret", custom("client_secret_post"), true, false, "", AuthPost},
		{"a person's row for keys, no key", custom("private_key_jwt"), false, false, "", ""},
		{"a person's row for none, secret", custom("none"), true, false, "", ""},
		{"a built-in row, no secret", zoom, false, false, "", AuthNone},
		{"configured none with secret", google, true, false, "none", ""},
		{"configured unknown", google, true, false, "client_secret_jwt", ""},
		{"table", google, true, false, "", AuthPost},
		{"no secret", google, false, false, "", AuthNone},
		{"both advertised", advertise("client_secret_post", "client_secret_basic"), true, false, "", AuthBasic},
		{"post advertised", advertise("private_key_jwt", "client_secret_post"), true, false, "", AuthPost},
		{"nothing of ours advertised", advertise("private_key_jwt"), true, false, "", ""},
		{"not said", advertise(), true, false, "", AuthBasic},
		{"key", advertise(), false, true, "", AuthPrivateKeyJWT},
		{"key before secret", google, true, true, "", AuthPrivateKeyJWT},
		{"key, advertised", advertise("private_key_jwt"), false, true, "", AuthPrivateKeyJWT},
		{"key, not advertised", advertise("client_secret_basic"), true, true, "", ""},
		{"key, not advertised, configured", advertise("client_secret_basic"), false, true, "private_key_jwt", AuthPrivateKeyJWT},
		{"key and secret, the secret configured", google, true, true, "client_secret_basic", AuthBasic},
		{"configured for a key without one", google, true, false, "private_key_jwt", ""},
		{"configured none with key", google, false, true, "none", ""},
		{"advertised, no secret", advertise("client_secret_basic"), false, false, "", AuthNone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.p.PinAuthMethod(tc.secret, tc.key, tc.configured)
			if got != tc.want || (err == nil) != (tc.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

// LookupIssuer takes the first that fits, in no order.
func TestNoTwoRowsShareAnIssuer(t *testing.T) {
	owner := map[string]string{}
	for name, row := range builtIn() {
		for _, issuer := range append([]string{row.Issuer, row.IssuerTemplate}, row.IssuerAliases...) {
			if other := owner[issuer]; issuer != "" && other != "" && row.Issuer != "https://{tenant}" {
				t.Errorf("%s and %s have the issuer %q", other, name, issuer)
			}
			owner[issuer] = name
		}
	}
}

func BenchmarkLookupIssuer(b *testing.B) {
	for b.Loop() {
		LookupIssuer("https://login.example.com")
	}
}
