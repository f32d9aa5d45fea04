package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

const (
	jwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	notesIssuer    = "http://localhost"
	notesResource  = "https://mcp.notes.example/mcp"
)

// company is a rig whose account corp is the login of a company, and whose account work has its tokens via that, from the
// server notes.
type company struct {
	*rig
	notes *oauthtest.Running
}

// RoundTrip implements [http.RoundTripper].
func (c *company) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasPrefix(req.URL.String(), notesIssuer) {
		there := req.Clone(req.Context())
		there.URL.Host, there.Host = "127.0.0.1", "localhost" // a pipe leads there alone
		return c.notes.Client().Transport.RoundTrip(there)
	}
	return c.rig.RoundTrip(req)
}

// newCompany makes a company; client is corp's at notes, and lines are more of the account's file.
func newCompany(t *testing.T, client oauthtest.Client, lines string) *company {
	var corp *oauthtest.Running
	notes := oauthtest.Pipe(oauthtest.Config{
		Issuer: notesIssuer, Scopes: []string{"notes.read", "notes.write"}, Clients: []oauthtest.Client{client},
		AccessTokenLifetime: 10 * time.Minute,
		Trusts:              []oauthtest.TrustedIssuer{{Issuer: "http://127.0.0.1", Keys: func() []oauthtest.Key { return corp.Keys() }}},
	})
	t.Cleanup(func() {
		if err := notes.Close(); err != nil {
			t.Error(err)
		}
	})
	r := newRig(t, oauthtest.Config{Exchange: &oauthtest.Exchange{Assertions: []oauthtest.AssertionTarget{{
		Issuer: notesIssuer, Clients: map[string]string{"app": client.ID}, Resources: []string{notesResource},
		Scopes: []string{"notes.read", "notes.write"},
	}}}})
	corp = r.server
	c := &company{r, notes}
	r.client = &http.Client{Transport: c}
	r.account("corp", "openid", "email", "offline_access")
	r.write("accounts/work.toml", fmt.Sprintf("via = \"corp\"\nissuer = %q\nclient_id = %q\nresource = %q\n%s",
		notesIssuer, client.ID, notesResource, lines))
	return c
}

func publicNotes() oauthtest.Client { return oauthtest.Client{ID: "notes-app"} }

// asked returns how many assertions and how many tokens were asked for.
func (c *company) asked() (assertions, tokens int) {
	return c.server.TokenRequests(exchangeGrant), c.notes.TokenRequests(jwtBearerGrant)
}

func TestVia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, publicNotes(), "")
		c.start()
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() { c.token() })
		}
		callers.Wait()
		tok := c.token()
		if audience, _, ok := c.notes.Audience(tok.AccessToken); !ok || len(audience) != 1 || audience[0] != notesResource {
			t.Errorf("got a token for %q, valid: %t; want %s", audience, ok, notesResource)
		}
		if tok.Scope != "notes.read notes.write" || tok.IDToken != "" {
			t.Errorf("got scope %q, want that of the assertion, and no ID token", tok.Scope)
		}
		if a, n := c.asked(); a != 1 || n != 1 || c.refreshes() != 1 {
			t.Errorf("got %d assertions, %d tokens and %d refreshes; want one each", a, n, c.refreshes())
		}

		// It is renewed in the same way, ahead of its end.
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		if next := c.token(); next.AccessToken == tok.AccessToken {
			t.Error("got the old token, want it renewed")
		}
		if a, n := c.asked(); a != 2 || n != 2 || c.refreshes() != 1 {
			t.Errorf("got %d assertions, %d tokens and %d refreshes; want two, two and one", a, n, c.refreshes())
		}
		if c.store.raw(t, "work") != "" {
			t.Error("something is stored of the account")
		}
		if a := c.shown("work"); a.State != api.StateReady || a.Grant != "identity_assertion" || a.LastError != nil {
			t.Errorf("got %s by %s, %v; want ready by identity_assertion", a.State, a.Grant, a.LastError)
		}
	})
}

func TestViaNarrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, publicNotes(), "")
		c.start()
		tok, err := c.ask(api.TokenRequest{Account: "work", Scope: "notes.read"})
		if err != nil || tok.Scope != "notes.read" {
			t.Errorf("got scope %q, %v; want notes.read", tok.Scope, err)
		}
		_, err = c.ask(api.TokenRequest{Account: "work", Scope: "admin"})
		c.wants(err, api.ProviderRejected)
		_, err = c.ask(api.TokenRequest{Account: "work", Resource: "https://elsewhere.example"})
		c.wants(err, api.ProviderRejected)
		_, err = c.ask(api.TokenRequest{Account: "work", Audience: "https://elsewhere.example"})
		c.wants(err, api.BadRequest)
	})
}

// The other account's login is what a person renews.
func TestViaNeedsTheOtherLogin(t *testing.T) {
	for _, tt := range []struct {
		name    string
		before  func(c *company)
		state   api.State
		hint    string
		request api.TokenRequest
	}{
		{"nobody is logged in", func(c *company) {
			if err := c.store.Delete(context.Background(), "corp"); err != nil {
				c.t.Fatal(err)
			}
		}, api.StateLoginRequired, "oauthd login corp", api.TokenRequest{}},
		{"the login has ended", func(c *company) { c.server.RevokeAll() }, api.StateLoginRequired, "oauthd login corp", api.TokenRequest{}},
		{"its issuer wants a new one", func(c *company) {
			c.server.Script(oauthtest.Token, nil, oauthtest.Error(400, "insufficient_user_authentication"))
		}, api.StateLoginRequired, "oauthd login corp", api.TokenRequest{}},
		{"it has no ID token", func(c *company) { c.server.Script(oauthtest.Token, oauthtest.Remove("id_token")) },
			api.StateLoginRequired, "oauthd login corp --scope openid", api.TokenRequest{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCompany(t, publicNotes(), "")
				tt.before(c)
				c.start()
				tt.request.Account = "work"
				_, err := c.ask(tt.request)
				c.wants(err, api.LoginRequired)
				if err != nil && api.AsError(err).Hint != tt.hint {
					t.Errorf("got hint %q, want %q", api.AsError(err).Hint, tt.hint)
				}
				if a := c.shown("work"); a.State != tt.state || a.LastError == nil || !strings.HasPrefix(a.LastError.Hint, "oauthd login corp") {
					t.Errorf("got %s, %+v; want %s, and corp in its hint", a.State, a.LastError, tt.state)
				}
				if n := c.notes.Requests(oauthtest.Token); n != 0 {
					t.Errorf("got %d requests to the server, want none", n)
				}
			})
		})
	}
}

func TestViaRefused(t *testing.T) {
	for _, tt := range []struct {
		name       string
		corp       []oauthtest.Fault
		notes      oauthtest.Fault
		code, then api.Code // "" for a token
	}{
		{"no assertion for it", []oauthtest.Fault{nil, oauthtest.Error(400, "invalid_target")}, nil, api.ProviderRejected, ""},
		{"an access token in its place", []oauthtest.Fault{nil, oauthtest.Set("issued_token_type", "urn:ietf:params:oauth:token-type:access_token")}, nil,
			api.ProviderRejected, ""},
		{"the issuer is away", []oauthtest.Fault{nil, oauthtest.Error(503, "unavailable")}, nil, api.ProviderUnreachable, api.ProviderUnreachable},
		{"the server takes no assertion", nil, oauthtest.Error(400, "invalid_grant"), api.ProviderRejected, api.ProviderRejected},
		{"the server is away", nil, oauthtest.Error(503, "unavailable"), api.ProviderUnreachable, api.ProviderUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCompany(t, publicNotes(), "")
				c.server.Script(oauthtest.Token, tt.corp...)
				c.notes.Script(oauthtest.Token, tt.notes)
				c.start()
				_, err := c.ask(api.TokenRequest{Account: "work"})
				c.wants(err, tt.code)
				if a := c.shown("corp"); a.State != api.StateReady || a.LastError != nil {
					t.Errorf("corp: got %s, %v; want ready", a.State, a.LastError)
				}
				time.Sleep(time.Hour) // longer than any back-off
				c.token()
			})
		})
	}
}

// What ends corp's login takes the tokens along that were made of it.
func TestViaEndsWithTheOtherLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, publicNotes(), "")
		c.start()
		c.token()
		if _, err := c.d.Logout(context.Background(), "corp"); err != nil {
			t.Fatal(err)
		}
		if a := c.shown("work"); a.State != api.StateLoginRequired || a.LastError == nil || a.LastError.Hint != "oauthd login corp" {
			t.Errorf("got %s, %v; want login_required, and corp's login in its hint", a.State, a.LastError)
		}
		if e := c.refused(api.LoginRequired); e.Hint != "oauthd login corp" {
			t.Errorf("got hint %q, want corp's login", e.Hint)
		}
	})
}

// A client with a secret keeps that in a file, or in the store after a login without a browser.
func TestViaWithASecret(t *testing.T) {
	client := oauthtest.Client{ID: "notes-app", Secret: clientSecret}
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, client, "token_endpoint_auth_method = \"client_secret_basic\"\n")
		c.start()
		c.refused(api.LoginRequired)
		l := c.begin("work", api.AccountDefinition{ClientSecret: clientSecret})
		if err := <-l.ended; err != nil || l.last().Event != api.EventDone {
			t.Fatalf("login: got %v, last event %q; want done", err, l.last().Event)
		}
		c.token()
		raw := c.store.raw(t, "work")
		if !strings.Contains(raw, clientSecret) || strings.Contains(raw, "token\":") && strings.Contains(raw, "refresh_token") {
			t.Error("the record has not the secret, or has a token; want the one without the other")
		}
		c.restart()
		c.token()
	})
}

// A login that brings a secret or a key has the file say so, as the rest is in the store.
func TestLoginViaWithASecret(t *testing.T) {
	for _, tt := range []struct {
		name   string
		client oauthtest.Client
		def    api.AccountDefinition
		want   string
	}{
		{"basic", oauthtest.Client{ID: "notes-app", Secret: clientSecret}, api.AccountDefinition{ClientSecret: clientSecret}, "client_secret_basic"},
		{"post", oauthtest.Client{ID: "notes-app", Secret: clientSecret, AuthMethod: oauthtest.AuthPost},
			api.AccountDefinition{ClientSecret: clientSecret}, "client_secret_post"},
		{"a key", oauthtest.Client{ID: "notes-app", Keys: []oauthtest.Key{{ID: "k1", Public: machineKeys().client.Public()}}},
			api.AccountDefinition{Key: api.Confidential(pemOf(t, machineKeys().client)), KeyID: "k1"}, "private_key_jwt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCompany(t, tt.client, "")
				if err := os.Remove(config.AccountFile(c.dir, "work")); err != nil {
					t.Fatal(err)
				}
				c.start()
				tt.def.Via, tt.def.Issuer, tt.def.ClientID, tt.def.Resource = "corp", notesIssuer, "notes-app", notesResource
				l := c.begin("work", tt.def)
				if err := <-l.ended; err != nil {
					t.Fatalf("login: got %v, want done", err)
				}
				text, err := os.ReadFile(config.AccountFile(c.dir, "work"))
				if err != nil || !strings.Contains(string(text), "token_endpoint_auth_method = '"+tt.want+"'\n") {
					t.Errorf("got file %q, %v; want %s in it", text, err, tt.want)
				}
				c.tell(string(text)) // to be searched for secrets
				c.restart()
				c.token()
				if c.store.raw(t, "work") == "" {
					t.Error("nothing is stored, want the secret or key")
				}
			})
		})
	}
}

// The login verb makes such an account too.
func TestLoginVia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, publicNotes(), "")
		if err := os.Remove(config.AccountFile(c.dir, "work")); err != nil {
			t.Fatal(err)
		}
		c.start()
		def := api.AccountDefinition{Via: "corp", Issuer: notesIssuer, ClientID: "notes-app", Resource: notesResource}
		l := c.begin("work", def)
		if err := <-l.ended; err != nil || l.last().Event != api.EventDone || l.last().Grant != "identity_assertion" {
			t.Fatalf("login: got %v, last event %+v; want done", err, l.last())
		}
		c.token()
		text, err := os.ReadFile(config.AccountFile(c.dir, "work"))
		if err != nil || !strings.Contains(string(text), "via = 'corp'\n") {
			t.Errorf("got file %q, %v; want via in it", text, err)
		}
		for name, def := range map[string]api.AccountDefinition{
			"another grant":      {Via: "corp", Issuer: notesIssuer, ClientID: "x", Grant: "device_code"},
			"no such account":    {Via: "nobody", Issuer: notesIssuer, ClientID: "x"},
			"itself":             {Via: "other", Issuer: notesIssuer, ClientID: "x"},
			"one via another":    {Via: "work", Issuer: notesIssuer, ClientID: "x"},
			"no client":          {Via: "corp", Issuer: notesIssuer},
			"a grant without it": {Grant: "identity_assertion", Issuer: notesIssuer, ClientID: "x"},
		} {
			l := c.begin("other", def)
			if err := <-l.ended; err == nil {
				t.Errorf("%s: got a login, want an error", name)
			}
		}
	})
}

// A caller that waits for a login waits for that of the other account.
func TestInteractiveVia(t *testing.T) {
	p := &person{agrees: true}
	exchange := &oauthtest.Exchange{}
	r := newRealRig(t, oauthtest.Config{Exchange: exchange})
	p.rig, r.person = r, p
	notes, err := oauthtest.Listen(oauthtest.Config{
		Scopes: []string{"notes.read"}, Clients: []oauthtest.Client{publicNotes()},
		Trusts: []oauthtest.TrustedIssuer{{Issuer: r.server.Issuer(), Keys: r.server.Keys}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = notes.Close() })
	exchange.Assertions = []oauthtest.AssertionTarget{{
		Issuer: notes.Issuer(), Clients: map[string]string{"app": "notes-app"}, Resources: []string{notesResource}, Scopes: []string{"notes.read"},
	}}
	r.start()
	r.loggedIn("corp", r.definition())
	r.tried("work", api.AccountDefinition{Via: "corp", Issuer: notes.Issuer(), ClientID: "notes-app", Resource: notesResource})
	r.server.RevokeAll()
	if _, err := r.ask(api.TokenRequest{Account: "corp", Force: true}); err == nil {
		t.Fatal("got a token of a login that has ended")
	}
	r.server.Script(oauthtest.Token, oauthtest.Error(400, "insufficient_user_authentication"))
	if _, err := r.ask(api.TokenRequest{Account: "work", Force: true, Interactive: true}); err != nil {
		t.Errorf("got %v, want a token after a login", err)
	}
	if len(p.questions) != 1 || !strings.Contains(p.questions[0], "corp") {
		t.Errorf("got the questions %q, want one about corp", p.questions)
	}
}
