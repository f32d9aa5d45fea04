package daemon

import (
	"context"
	"net"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

// corp writes an entry for the rig's server into config.toml, with one more line.
func (r *rig) corp(line string) {
	r.write("config.toml", "[providers.corp]\nissuer = \""+r.server.Issuer()+"\"\n"+line+"\n")
}

// A new login replaces a record that cannot be read, as the hint of that failure promises.
func TestLoginReplacesADamagedRecord(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.loggedIn("work", r.definition("openid"))
	if err := r.store.Memory.Put(t.Context(), "work", []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	r.restart()
	r.refused(api.Internal)
	r.loggedIn("work", api.AccountDefinition{})
	r.token()
}

// A record that the store does not give is no reason to ask a person: the login could not be saved beside it.
func TestLoginBesideARecordThatCannotBeHad(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.store.failing("get", keystore.ErrUnavailable)
	l := r.begin("work", r.definition("openid"))
	if l.url() != "" {
		t.Error("got an authorization URL, want none")
	}
	r.wants(<-l.ended, api.KeystoreUnavailable)
}

// A file of that name which is wrong stands in the way of a new account, and stays as it is.
func TestLoginBesideABrokenFile(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.write("accounts/work.toml", "colour = \"red\"\n")
	before := r.snapshot("work")
	r.wants(<-r.begin("work", r.definition("openid")).ended, api.ConfigInvalid)
	r.unchanged("work", before)
}

// Only the person whose account it is may log in again, unless the account is at another issuer now.
func TestPersonOfAnotherIssuer(t *testing.T) {
	for issuer, want := range map[string]api.Code{"": api.SubjectMismatch, "https://old.example.com": ""} {
		r := newRealRig(t, oauthtest.Config{})
		r.account("work")
		c := r.store.credential(t, "work")
		c.Subject = "bob"
		if issuer != "" {
			c.Issuer = issuer
		}
		r.store.save(t, "work", c)
		r.start()
		_, err := r.login("work", api.AccountDefinition{})
		if want != "" {
			r.wants(err, want)
		} else if err != nil {
			t.Errorf("logged in at another issuer before: got %v, want done", err)
		}
	}
}

// A provider that has no page to log in at is not asked through a browser.
func TestLoginWithoutAnAuthorizationEndpoint(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.server.Always(oauthtest.Discovery, oauthtest.Chain(
		oauthtest.Remove("authorization_endpoint"), oauthtest.Set("grant_types_supported", []string{devicePolls})))
	r.start()
	err := <-r.begin("work", r.definition("openid")).ended
	r.wants(err, api.Unsupported)
	if err != nil && (!strings.Contains(err.Error(), "no authorization endpoint") || !strings.HasSuffix(api.AsError(err).Hint, "work --device")) {
		t.Errorf("got %v, hint %q; want the other way", err, api.AsError(err).Hint)
	}
}

// A redirect URI whose port is taken is told at once; the hint depends on who chose the port.
func TestRedirectPortThatIsTaken(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	def := r.definition("openid")
	def.RedirectURI = "http://" + taken.Addr().String() + "/callback"
	err = <-r.begin("work", def).ended
	r.wants(err, api.PortUnavailable)
	if err != nil && !strings.Contains(api.AsError(err).Hint, "--redirect-uri") {
		t.Errorf("got hint %q, want another port", api.AsError(err).Hint)
	}
	r.nothingLeft("work")
}

// What an entry of config.toml says about a provider holds for its logins.
func TestLoginAtAConfiguredProvider(t *testing.T) {
	t.Run("no nonce", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.corp("no_nonce = true")
		r.start()
		l := r.begin("work", api.AccountDefinition{Provider: "corp", ClientID: "app", Scopes: []string{"openid"}})
		at := l.url()
		if query(t, at).Has("nonce") {
			t.Error("the URL has a nonce, want none")
		}
		if err := l.decide(at, oauthtest.Allow); err != nil {
			t.Errorf("got %v, want done", err)
		}
	})
	t.Run("secret required, and given", func(t *testing.T) {
		r := newRealRig(t, oauthtest.Config{})
		r.corp("client_secret_required = true")
		r.start()
		r.loggedIn("work", api.AccountDefinition{Provider: "corp", ClientID: "web", ClientSecret: clientSecret, Scopes: []string{"openid"}})
	})
}

// A machine grant whose issuer does not answer, or whose credential cannot be stored, leaves nothing.
func TestMachineLoginThatCannotBe(t *testing.T) {
	t.Run("no issuer", func(t *testing.T) {
		r := newRealRig(t, machines())
		r.write("deploy.pem", pemOf(t, machineKeys().client))
		r.write("accounts/work.toml", "grant = \"client_credentials\"\nissuer = \""+r.server.Issuer()+
			"\"\nclient_id = \"deploy\"\nkey_file = \"../deploy.pem\"\nkey_id = \"k1\"\nscopes = [\"calendar.read\"]\n")
		r.server.Always(oauthtest.Discovery, oauthtest.Status(503))
		r.start()
		r.wants(<-r.begin("work", api.AccountDefinition{}).ended, api.ProviderUnreachable)
	})
	t.Run("no room", func(t *testing.T) {
		r := newRealRig(t, machines())
		r.start()
		r.store.failing("put", keystore.ErrFull)
		l := r.begin("work", r.buildDefinition("calendar.read"))
		r.wants(<-l.ended, api.KeystoreFull)
		if n := len(l.told); n != 0 {
			t.Errorf("got %d events, want none", n)
		}
		r.store.script(nil)
		r.nothingLeft("work")
	})
}

// A registration that the store does not give is not made a second time behind its back.
func TestRegistrationThatCannotBeRead(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{Registration: true})
	r.start()
	r.store.script(func(_ context.Context, op, name string) error {
		if op == "get" && strings.HasPrefix(name, ".registration") {
			return keystore.ErrUnavailable
		}
		return nil
	})
	r.wants(<-r.begin("work", r.unregistered()).ended, api.KeystoreUnavailable)
	r.registers(0)
}
