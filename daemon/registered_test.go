package daemon

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
)

// registered returns the client that the store holds for the server; "" for none.
func (r *rig) registered() string {
	r.t.Helper()
	found, _, err := vault.New(&r.store.Memory).Registration(context.Background(), r.server.Issuer())
	if err != nil {
		r.t.Fatal(err)
	}
	return found.ClientID
}

// keepRegistration puts a client for the server into the store.
func (r *rig) keepRegistration(found account.Registration) {
	r.t.Helper()
	found.Issuer = r.server.Issuer()
	if err := vault.New(&r.store.Memory).SaveRegistration(context.Background(), found); err != nil {
		r.t.Fatal(err)
	}
}

// registers wants n requests for registration so far.
func (r *rig) registers(n int) {
	r.t.Helper()
	if got := r.server.Requests(oauthtest.Registration); got != n {
		r.t.Errorf("got %d registrations, want %d", got, n)
	}
}

// unregistered is the definition of an account whose issuer registers the client.
func (r *rig) unregistered() api.AccountDefinition {
	return api.AccountDefinition{Issuer: r.server.Issuer(), Scopes: []string{"openid", "email"}}
}

// forget makes the server forget its clients before it looks at a request.
func (r *rig) forget(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.server.ForgetClients()
		next.ServeHTTP(w, request)
	})
}

func TestRegistration(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{Registration: true, Device: true, PAR: true})
	r.start()
	l := r.begin("work", r.unregistered())
	id := query(t, l.url()).Get("client_id")
	if ids := r.server.RegisteredClients(); !slices.Equal(ids, []string{id}) {
		t.Errorf("got client %q, want the registered one of %q", id, ids)
	}
	l.cancel()
	r.wants(<-l.ended, api.LoginFailed)
	if r.registered() != "" {
		t.Error("a login that was not completed brought the client to the store")
	}
	r.nothingLeft("work")
	r.loggedIn("own", r.definition("openid"))
	if r.registered() != "" {
		t.Error("a login of another client brought the registered one to the store")
	}

	done := r.loggedIn("work", r.unregistered())
	if done.Email != "ada@example.com" || r.registered() != id || r.store.credential(t, "work").ClientID != id {
		t.Errorf("got client %q in the store, want %q, which the cancelled login had made", r.registered(), id)
	}
	if file := r.snapshot("work").file; strings.Contains(file, "client") || r.shown("work").ClientID != "" {
		t.Errorf("got file %q, want no client in it", file)
	}
	r.loggedIn("home", r.unregistered())
	r.restart()
	r.token() // refreshed as the registered client, which the account does not name
	r.loggedIn("third", r.unregistered())
	def := r.unregistered()
	def.Headless = true
	l = r.begin("fourth", def)
	if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
		t.Fatal(err)
	}
	l.cancel() // the client may use the device grant; its interval is not waited for
	<-l.ended
	r.registers(1)
	if n := r.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}

	if _, err := r.d.Remove(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.token()
	r.loggedIn("home", r.unregistered())
	r.registers(1)
}

func TestRegistrationMadeAnew(t *testing.T) {
	covering := []string{"http://127.0.0.1/callback"}
	for _, tt := range []struct {
		name string
		kept account.Registration
		uri  string
		anew bool
	}{
		{"as it is", account.Registration{ClientID: "app", AuthMethod: "none", RedirectURIs: covering}, "", false},
		{"secret that lives", account.Registration{ClientID: "web", AuthMethod: "client_secret_basic", RedirectURIs: covering,
			ClientSecret: account.NewSecret(clientSecret), SecretExpiry: time.Now().Add(time.Hour)}, "", false},
		{"secret that has expired", account.Registration{ClientID: "web", AuthMethod: "client_secret_basic", RedirectURIs: covering,
			ClientSecret: account.NewSecret(clientSecret), SecretExpiry: time.Now().Add(-time.Second)}, "", true},
		{"other redirect URIs", account.Registration{ClientID: "app", AuthMethod: "none", RedirectURIs: []string{"http://localhost/"}}, "", true},
		{"another path", account.Registration{ClientID: "app", AuthMethod: "none", RedirectURIs: covering}, "http://127.0.0.1/other", true},
		{"another host", account.Registration{ClientID: "app", AuthMethod: "none", RedirectURIs: covering}, "http://localhost/callback", true},
		{"none of them", account.Registration{ClientID: "app", AuthMethod: "none"}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{Registration: true})
			r.keepRegistration(tt.kept)
			r.start()
			def := r.unregistered()
			def.RedirectURI = tt.uri
			r.loggedIn("work", def)
			got := r.store.credential(t, "work").ClientID
			if tt.anew {
				r.registers(1)
				if got == tt.kept.ClientID || r.registered() != got {
					t.Errorf("got client %q, in the store %q; want a new one in both", got, r.registered())
				}
			} else {
				r.registers(0)
				if got != tt.kept.ClientID || r.registered() != got {
					t.Errorf("got client %q, want %q", got, tt.kept.ClientID)
				}
			}
			r.restart()
			r.token()
		})
	}
}

func TestUnreadableRegistrationIsReplaced(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{Registration: true})
	r.start()
	names := make(chan string, 4)
	r.store.script(func(_ context.Context, op, name string) error {
		if op == "put" && strings.HasPrefix(name, ".registration.") {
			names <- name
		}
		return nil
	})
	r.loggedIn("work", r.unregistered())
	r.store.script(nil)
	if len(names) != 1 {
		t.Fatalf("got %d registrations kept, want 1", len(names))
	}
	if err := r.store.Memory.Put(t.Context(), <-names, []byte("{")); err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.loggedIn("home", r.unregistered())
	r.registers(2)
	if id := r.store.credential(t, "home").ClientID; r.registered() != id {
		t.Errorf("got client %q in the store, want %q", r.registered(), id)
	}
	r.token() // the first account's client is in its own record
}

func TestClientForgottenByItsIssuer(t *testing.T) {
	t.Run("at the exchange", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{Registration: true})
		r.start()
		r.loggedIn("work", r.unregistered())
		r.restart()
		r.server.Script(oauthtest.Token, r.forget)
		l := r.begin("home", r.unregistered())
		l.visit(l.url())
		second := l.url()
		if second == "" {
			t.Fatalf("got %v, want the person asked once more", <-l.ended)
		}
		if err := l.decide(second, oauthtest.Allow); err != nil {
			t.Fatalf("got %v, want done", err)
		}
		r.registers(2)
		if id := r.store.credential(t, "home").ClientID; r.registered() != id || len(r.server.RegisteredClients()) != 1 {
			t.Errorf("got client %q in the store, want %q", r.registered(), id)
		}
	})
	t.Run("at the exchange, again and again", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{Registration: true})
		r.start()
		r.server.Always(oauthtest.Token, r.forget)
		l := r.begin("work", r.unregistered())
		l.visit(l.url())
		r.wants(l.decide(l.url(), oauthtest.Allow), api.ProviderRejected)
		if at, more := <-l.opened; more {
			t.Errorf("the person was asked a third time, at %q", at)
		}
		r.registers(2)
		r.nothingLeft("work")
		if r.registered() != "" {
			t.Error("a client came to the store without a login")
		}
	})
	t.Run("at the pushed request", func(t *testing.T) {
		for _, cfg := range []oauthtest.Config{{Registration: true, PAR: true}, {Registration: true, RequirePAR: true}} {
			r := newRealRig(t, cfg)
			r.start()
			r.loggedIn("work", r.unregistered())
			r.restart()
			r.server.ForgetClients()
			r.loggedIn("work", api.AccountDefinition{})
			r.registers(2)
			r.token()
			if r.registered() != r.store.credential(t, "work").ClientID {
				t.Error("the store has another client than the account")
			}
		}
	})
	t.Run("at the device authorization request", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{Registration: true, Device: true, DeviceInterval: time.Second})
		r.start()
		r.loggedIn("work", r.unregistered())
		r.server.ForgetClients()
		l := r.begin("work", api.AccountDefinition{Headless: true})
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		if err := <-l.ended; err != nil {
			t.Errorf("got %v, want done", err)
		}
		r.registers(2)
	})
	t.Run("a client of one's own is not replaced", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{Registration: true})
		r.start()
		r.server.Script(oauthtest.Token, oauthtest.Error(401, "invalid_client"))
		_, err := r.login("work", r.definition("openid"))
		r.wants(err, api.ProviderRejected)
		r.registers(0)
	})
}

func TestRegistrationRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault oauthtest.Fault
		want  api.Code
		word  string
	}{
		{"metadata", oauthtest.Error(400, "invalid_client_metadata"), api.ProviderRejected, "invalid_client_metadata"},
		{"redirect URI", oauthtest.Error(400, "invalid_redirect_uri"), api.ProviderRejected, "invalid_redirect_uri"},
		{"not for anybody", oauthtest.Status(403), api.LoginFailed, ""},
		{"a page", oauthtest.HTML(200), api.LoginFailed, ""},
		{"out of order", oauthtest.Status(503), api.ProviderUnreachable, ""},
		{"out of reach", oauthtest.Reset(), api.ProviderUnreachable, ""},
		{"no client id", oauthtest.Remove("client_id"), api.LoginFailed, "client_id"},
		{"a method we do not speak", oauthtest.Set("token_endpoint_auth_method", "private_key_jwt"), api.ProviderRejected, "auth method"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{Registration: true})
			r.start()
			r.server.Script(oauthtest.Registration, tt.fault)
			l := r.begin("work", r.unregistered())
			if l.url() != "" {
				t.Error("got an authorization URL, want none without a client")
			}
			err := <-l.ended
			r.wants(err, tt.want)
			if err != nil && (!strings.Contains(err.Error(), "did not register a client") || !strings.Contains(err.Error(), tt.word) ||
				!strings.Contains(api.AsError(err).Hint, "--client-id")) {
				t.Errorf("got %q, hint %q; want what happened with %q, and another way", err, api.AsError(err).Hint, tt.word)
			}
			r.nothingLeft("work")
		})
	}
	t.Run("not offered", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.start()
		l := r.begin("work", r.unregistered())
		l.url()
		r.wants(<-l.ended, api.BadRequest)
		r.nothingLeft("work")
	})
}

func TestRegistrationThatTheStoreDoesNotTake(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{Registration: true})
	r.start()
	r.store.script(func(_ context.Context, op, name string) error {
		if op == "put" && strings.HasPrefix(name, ".registration.") {
			return errFault
		}
		return nil
	})
	r.loggedIn("work", r.unregistered())
	r.loggedIn("home", r.unregistered())
	r.registers(1)
	r.store.script(nil)
	r.loggedIn("home", r.unregistered())
	r.registers(1)
	if r.registered() == "" {
		t.Error("the store has no client once it takes one")
	}
	r.restart()
	r.token()
	if _, err := os.Stat(config.AccountFile(r.dir, "home")); err != nil {
		t.Error(err)
	}
}

// An issuer that forgot a client shows its own error page and sends nobody back: the time-out is the only sign.
func TestRegistrationIsDroppedByATimeOut(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{Registration: true})
	r.start()
	r.loggedIn("work", r.unregistered())
	first := r.registered()
	r.server.ForgetClients()
	l := r.begin("work", api.AccountDefinition{Timeout: 1})
	if id := query(t, l.url()).Get("client_id"); id != first {
		t.Errorf("got client %q, want the kept one", id)
	}
	r.wants(<-l.ended, api.LoginTimeout)
	if id := r.registered(); id != "" {
		t.Errorf("got client %q in the store, want none", id)
	}
	r.loggedIn("work", api.AccountDefinition{})
	if id := r.registered(); id == "" || id == first {
		t.Errorf("got client %q in the store, want a new one", id)
	}
	r.registers(2)
}
