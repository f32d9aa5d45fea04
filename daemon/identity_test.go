package daemon

import (
	"context"
	"fmt"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

// Who logged in is read from the ID token, and from userinfo what that leaves open.
func TestWhoLoggedIn(t *testing.T) {
	const ada, adasMail = "ada", "ada@example.com"
	for _, tt := range []struct {
		name           string
		scopes         []string
		token, info    func(s *oauthtest.Server) oauthtest.Fault
		subject, email string
		asked          int // requests to userinfo
	}{
		{"by the ID token", []string{"openid", "email"}, nil, nil, ada, adasMail, 0},
		{"by an ID token that names no address", []string{"openid", "email"},
			func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("email", nil) }, nil, ada, adasMail, 1},
		{"by an ID token, and the address was not asked for", []string{"openid"}, nil, nil, ada, "", 0},
		{"userinfo is about another person", []string{"openid", "email"},
			func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("email", nil) },
			func(*oauthtest.Server) oauthtest.Fault {
				return oauthtest.AlterFields(func(fields map[string]any) { fields["sub"], fields["email"] = "bob", "bob@example.com" })
			}, ada, "", 1},
		{"userinfo does not answer about the address", []string{"openid", "email"},
			func(s *oauthtest.Server) oauthtest.Fault { return s.SetClaim("email", nil) },
			func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Status(503) }, ada, "", 1},
		{"by userinfo alone", []string{"openid", "email"},
			func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Remove("id_token") }, nil, ada, adasMail, 1},
		{"by nobody", []string{"openid", "email"},
			func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Remove("id_token") },
			func(*oauthtest.Server) oauthtest.Fault { return oauthtest.Status(503) }, "", "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			for endpoint, fault := range map[oauthtest.Endpoint]func(s *oauthtest.Server) oauthtest.Fault{
				oauthtest.Token: tt.token, oauthtest.Userinfo: tt.info,
			} {
				if fault != nil {
					r.server.Script(endpoint, fault(r.server.Server))
				}
			}
			done := r.loggedIn("work", r.definition(tt.scopes...))
			if done.Subject != tt.subject || done.Email != tt.email {
				t.Errorf("got %q, %q; want %q, %q", done.Subject, done.Email, tt.subject, tt.email)
			}
			if n := r.server.Requests(oauthtest.Userinfo); n != tt.asked {
				t.Errorf("got %d requests to userinfo, want %d", n, tt.asked)
			}
		})
	}
}

// An ID token that comes although openid was not asked for has no nonce, because none was sent.
func TestIDTokenThatNobodyAskedFor(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	var unbound any
	r.server.Script(oauthtest.Token, oauthtest.Chain(
		oauthtest.AlterFields(func(fields map[string]any) { unbound = fields["id_token"] }), r.server.SetClaim("nonce", nil)))
	_, err := r.login("work", r.definition("openid"))
	r.wants(err, api.LoginFailed)
	if unbound == nil {
		t.Fatal("got no ID token to hand out")
	}
	r.server.Script(oauthtest.Token, oauthtest.Set("id_token", unbound))
	if done := r.loggedIn("work", r.definition("calendar.read")); done.Subject != "ada" {
		t.Errorf("got subject %q, want ada", done.Subject)
	}
}

// A store that fails is worded as the kind of store it is.
func TestLoginNamesTheStoreThatFails(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.write("config.toml", "[keystore]\nbackend = \"file\"\n")
	r.start()
	r.store.script(func(context.Context, string, string) error { return fmt.Errorf("x: %w", keystore.ErrFull) })
	err := <-r.begin("work", r.definition("openid")).ended
	r.wants(err, api.KeystoreFull)
	if want := "the file store has no room for the record"; err == nil || api.AsError(err).Message != want {
		t.Errorf("got %v, want %q", err, want)
	}
}
