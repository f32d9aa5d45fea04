package daemon

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// entra plays the token endpoint of a provider that gives a token for one resource at a time.
type entra struct {
	mu    sync.Mutex // guards asked
	asked []string   // the scope parameters
}

func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	scope := form.Get("scope")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, scope)
	status, answer := 200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"`+
		strings.TrimSuffix(scope, " offline_access")+`"}`
	if scope == "" || strings.Contains(scope, "graph.microsoft.com") && strings.Contains(scope, "outlook.office.com") {
		status, answer = 400, `{"error":"invalid_scope"}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

func TestGrantOfSeveralResources(t *testing.T) {
	const mail, imap, smtp = "https://graph.microsoft.com/Mail.Read", "https://outlook.office.com/IMAP.AccessAsUser.All",
		"https://outlook.office.com/SMTP.Send"
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		provider := &entra{}
		r.client = &http.Client{Transport: provider}
		r.write("accounts/work.toml", "provider = \"microsoft\"\nclient_id = \"app\"\n")
		granted := []string{imap, smtp, mail}
		r.store.save(t, "work", account.Credential{
			TokenEndpoint: "https://login.microsoftonline.com/common/oauth2/v2.0/token", ClientID: "app", AuthMethod: "none",
			RefreshToken: account.NewSecret("r"), Scopes: granted, LoggedInAt: r.now(),
		})
		r.start()
		for _, tt := range []struct {
			scope, want string
		}{
			{"", imap + " " + smtp},
			{smtp + " " + imap, imap + " " + smtp}, // all of the first resource, so the same token
			{imap, imap},
			{"mail.read", "mail.read"},
			{"https://outlook.office.com/.default", "https://outlook.office.com/.default"}, // as Azure's libraries ask
		} {
			got, err := r.ask(api.TokenRequest{Account: "work", Scope: tt.scope})
			if err != nil || got.Scope != tt.want {
				t.Errorf("%q: got scope %q, %v; want %q", tt.scope, got.Scope, err, tt.want)
			}
		}
		_, err := r.ask(api.TokenRequest{Account: "work", Scope: mail + " " + imap})
		r.wants(err, api.Unsupported)
		_, err = r.ask(api.TokenRequest{Account: "work", Scope: "https://outlook.office.com/POP.AccessAsUser.All"})
		r.wants(err, api.ScopeNotGranted)
		want := []string{imap + " " + smtp + " offline_access", imap, "mail.read", "https://outlook.office.com/.default"}
		if !slices.Equal(provider.asked, want) {
			t.Errorf("the provider was asked for %q, want %q", provider.asked, want)
		}
		if got := r.shown("work").ScopesGranted; !slices.Equal(got, granted) {
			t.Errorf("got %q recorded, want %q", got, granted)
		}
	})
}

func TestEqualScopedRequestsCostOne(t *testing.T) {
	const mail, imap = "https://graph.microsoft.com/Mail.Read", "https://graph.microsoft.com/Files.Read"
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		provider := &entra{}
		r.client = &http.Client{Transport: provider}
		r.write("accounts/work.toml", "provider = \"microsoft\"\nclient_id = \"app\"\n")
		r.store.save(t, "work", account.Credential{
			TokenEndpoint: "https://login.microsoftonline.com/common/oauth2/v2.0/token", ClientID: "app", AuthMethod: "none",
			RefreshToken: account.NewSecret("r"), Scopes: []string{mail, imap, "https://graph.microsoft.com/User.Read"}, LoggedInAt: r.now(),
		})
		r.start()
		var callers sync.WaitGroup
		for n := range 50 {
			callers.Go(func() {
				scope := []string{mail + " " + imap, imap + " " + mail, imap + "  " + mail + " " + imap}[n%3]
				if _, err := r.ask(api.TokenRequest{Account: "work", Scope: scope}); err != nil {
					t.Errorf("got %v, want a token", err)
				}
			})
		}
		callers.Wait()
		if want := []string{imap + " " + mail}; !slices.Equal(provider.asked, want) {
			t.Errorf("the provider was asked for %q, want %q once", provider.asked, want)
		}
		for _, other := range []api.TokenRequest{
			{Scope: mail + " " + imap, Audience: "x"}, {Scope: mail + " " + imap, Resource: "https://x.example.com"}, {Scope: mail},
		} {
			other.Account = "work"
			for range 2 {
				if _, err := r.ask(other); err != nil {
					t.Errorf("got %v, want a token", err)
				}
			}
		}
		if n := len(provider.asked); n != 4 {
			t.Errorf("got %d requests, want one for each of audience, resource and narrower scope too", n)
		}
	})
}
