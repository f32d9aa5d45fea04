package daemon

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// saved is a file of google-auth with the refresh token of a login that oauthd knows nothing of.
func (r *rig) saved(scopes ...string) api.ImportRequest {
	r.t.Helper()
	c := r.authorize("openid", "email", "offline_access", "calendar.read")
	text, err := json.Marshal(map[string]any{
		"token": "x", "refresh_token": c.RefreshToken.Reveal(), "token_uri": c.TokenEndpoint, "client_id": "app", "scopes": scopes,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return api.ImportRequest{Data: api.Confidential(text), As: "work"}
}

// take runs an import and returns its events.
func (r *rig) take(ctx context.Context, request api.ImportRequest) (events []api.ImportEvent, err error) {
	err = r.d.Import(ctx, request, func(e api.ImportEvent) {
		r.tell(e)
		events = append(events, e)
	})
	if err != nil {
		r.tell(err)
	}
	return events, err
}

// taken runs an import that is not to fail, and returns its last event.
func (r *rig) taken(request api.ImportRequest) api.ImportEvent {
	r.t.Helper()
	events, err := r.take(r.t.Context(), request)
	if err != nil || len(events) != 2 || events[0].Event != api.EventFound || events[1].Event != api.EventDone {
		r.t.Fatalf("import: got %d events and error %v, want found and done", len(events), err)
	}
	return events[1]
}

func TestImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.start()
		old := r.server.RefreshTokens()
		request := r.saved("openid", "email")
		done := r.taken(request)
		scopes := []string{"openid", "email", "offline_access", "calendar.read"}
		if done.Account != "work" || done.Email != "ada@example.com" || done.Subject != "ada" || !done.Rotated ||
			!slices.Equal(done.ScopesGranted, scopes) || done.Warnings != nil {
			t.Errorf("got %+v, want work of ada@example.com with the scopes, rotated, without warnings", done)
		}
		c := r.store.credential(t, "work")
		if !r.server.Active(c.RefreshToken.Reveal()) || c.Issuer != r.server.Issuer() || c.ClientID != "app" ||
			c.TokenEndpoint != r.server.Issuer()+"/token" || c.RevocationEndpoint == "" || c.AuthMethod != "none" || c.Generation != 1 {
			t.Errorf("got record of %s, %s, %s, generation %d; want this import's, rotated", c.Issuer, c.TokenEndpoint, c.ClientID, c.Generation)
		}
		if n := r.server.RefreshTokens(); n != old+1 || r.refreshes() != 1 {
			t.Errorf("got %d refresh tokens after %d refreshes, want the one that replaced it after one", n, r.refreshes())
		}
		if a := r.shown("work"); a.State != api.StateReady || !slices.Equal(a.ScopesRequested, []string{"openid", "email"}) {
			t.Errorf("got state %s, scopes %q; want ready, with the file's scopes", a.State, a.ScopesRequested)
		}
		r.token()
		r.restart()
		r.token()
		if n := r.refreshes(); n != 2 {
			t.Errorf("got %d refreshes, want none for the proof's own token, and one after the restart", n)
		}
		_, err := r.take(t.Context(), request)
		r.wants(err, api.BadRequest) // it is there already
	})
}

func TestImportIsSavedBeforeItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		arrived, release := make(chan struct{}), make(chan struct{})
		r.store.script(func(_ context.Context, op, name string) error {
			if op == "put" && name == "work" {
				close(arrived)
				<-release
			}
			return nil
		})
		ended := make(chan error, 1)
		done := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			ended <- r.d.Import(ctx, request, func(e api.ImportEvent) {
				if e.Event == api.EventDone {
					done <- struct{}{}
				}
			})
		}()
		<-arrived
		cancel() // who goes away now stops nothing
		synctest.Wait()
		if len(done) != 0 || len(ended) != 0 || r.refreshes() != 1 {
			t.Errorf("got %d done events after %d refreshes while the store has not answered, want none after 1", len(done), r.refreshes())
		}
		close(release)
		if err := <-ended; err != nil || len(done) != 1 {
			t.Errorf("got %v and %d done events, want it carried through", err, len(done))
		}
		r.token()
	})
}

func TestImportThatLeavesNothing(t *testing.T) {
	for _, tt := range []struct {
		name     string
		fault    oauthtest.Fault
		want     api.Code
		says     string
		requests int
	}{
		{"refused", oauthtest.Error(400, "invalid_grant"), api.LoginRequired, "no longer accepts this refresh token (invalid_grant)", 1},
		{"503", oauthtest.Status(503), api.ProviderUnreachable, "cannot be reached now", 1},
		{"wrong client", oauthtest.Error(401, "invalid_client"), api.ProviderRejected, "refused the request: invalid_client", 1},
		{"HTML", oauthtest.HTML(200), api.ProviderUnreachable, "cannot be reached now", 1},
		{"connection reset twice", oauthtest.Reset(), api.ProviderUnreachable, "may have used the refresh token", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
				r.start()
				request := r.saved()
				sent := r.server.Requests(oauthtest.Token)
				r.server.Always(oauthtest.Token, tt.fault)
				events, err := r.take(t.Context(), request)
				r.wants(err, tt.want)
				if err != nil && (!strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "nothing was imported")) {
					t.Errorf("got %q, want %q, and that nothing was imported", err, tt.says)
				}
				if len(events) != 1 || events[0].Event != api.EventFound {
					t.Errorf("got %d events, want found alone", len(events))
				}
				if n := r.server.Requests(oauthtest.Token) - sent; n != tt.requests {
					t.Errorf("got %d token requests, want %d", n, tt.requests)
				}
				r.nothingLeft("work")
				r.server.Always(oauthtest.Token, nil)
				r.taken(request)
			})
		})
	}
}

func TestImportIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Log("an answer that was lost is asked for once more")
		r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
		r.start()
		r.server.Script(oauthtest.Token, nil, oauthtest.LoseAnswer()) // the other tool's login comes first
		r.taken(r.saved())
		r.token()
	})
	synctest.Test(t, func(t *testing.T) {
		t.Log("so is one with a new refresh token and nothing else of use")
		r := newRig(t, oauthtest.Config{})
		r.start()
		r.server.Script(oauthtest.Token, nil, oauthtest.Remove("access_token"))
		r.taken(r.saved())
		r.token()
		if !r.server.Active(r.store.credential(t, "work").RefreshToken.Reveal()) {
			t.Error("the store has a spent refresh token")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		t.Log("and where that is all that ever comes, the new refresh token is kept")
		r := newRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		r.server.Always(oauthtest.Token, oauthtest.Remove("access_token"))
		_, err := r.take(t.Context(), request)
		r.wants(err, api.ProviderRejected)
		r.server.Always(oauthtest.Token, nil)
		if tok := r.token(); tok.AccessToken == "" {
			t.Error("got an empty token, want one by the refresh token that was kept")
		}
	})
}

func TestImportWhenTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Log("before anything is sent")
		r := newRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		r.store.script(func(_ context.Context, op, _ string) error {
			if op == "put" {
				return errFault
			}
			return nil
		})
		_, err := r.take(t.Context(), request)
		r.wants(err, api.KeystoreUnavailable)
		if n := r.refreshes(); n != 0 {
			t.Errorf("got %d refreshes, want none", n)
		}
		r.store.script(nil)
		r.taken(request)
	})
	synctest.Test(t, func(t *testing.T) {
		t.Log("after the provider has rotated")
		r := newRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		r.store.failing("put", errFault)
		done := r.taken(request)
		if len(done.Warnings) != 1 || !strings.Contains(done.Warnings[0], "kept in memory") {
			t.Errorf("got warnings %q, want one that it is kept in memory", done.Warnings)
		}
		if a := r.shown("work"); !a.Degraded || a.State != api.StateReady {
			t.Errorf("got degraded %t, state %s; want true and ready", a.Degraded, a.State)
		}
		r.token()
		r.store.script(nil)
		if err := r.stop(); err != nil {
			t.Errorf("got %v, want it saved at the end", err)
		}
		r.start()
		r.token()
	})
	synctest.Test(t, func(t *testing.T) {
		t.Log("and where it has not, nothing is kept")
		r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
		r.start()
		request := r.saved()
		r.store.failing("put", errFault)
		_, err := r.take(t.Context(), request)
		r.wants(err, api.KeystoreUnavailable)
		r.store.script(nil)
		r.nothingLeft("work")
		r.taken(request)
	})
}

func TestImportWhenTheFileFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		at := r.write("accounts", "in the way of a directory")
		_, err := r.take(t.Context(), request)
		r.wants(err, api.ConfigInvalid)
		if n := r.refreshes(); n != 0 {
			t.Errorf("got %d refreshes, want none", n)
		}
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}

		// Once the refresh token is spent, what replaced it is kept, and the person is told the lines of the file.
		r.store.script(func(_ context.Context, op, name string) error {
			if op == "put" && name == "work" {
				return os.WriteFile(at, nil, 0o600)
			}
			return nil
		})
		_, err = r.take(t.Context(), request)
		r.wants(err, api.ConfigInvalid)
		if err != nil && !strings.Contains(api.AsError(err).Hint, `client_id = 'app'`) {
			t.Errorf("got hint %q, want the file's lines", api.AsError(err).Hint)
		}
		r.store.script(nil)
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
		r.write("accounts/work.toml", "issuer = \""+r.server.Issuer()+"\"\nclient_id = \"app\"\n")
		r.token()
	})
}

func TestImportOfOneWhoIsNotNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		// The refresh token is spent by now, so an ID token for somebody else's client does not undo the import.
		r.server.Script(oauthtest.Token, r.server.SetClaim("aud", "another"))
		if done := r.taken(request); done.Email != "" || done.Subject != "" {
			t.Errorf("got %q, %q; want nobody", done.Email, done.Subject)
		}
		r.token()
	})
}

func TestImportIntoAnAccount(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(r *rig, c *account.Credential) // c is the record there is
		request func(r *api.ImportRequest)
		says    string // "" if it is taken
	}{
		{"that nobody was ever logged in to", func(_ *rig, c *account.Credential) { *c = account.Credential{} }, nil, ""},
		{"that ended, of nobody the provider named", func(_ *rig, c *account.Credential) { c.Dead, c.Subject, c.Email = true, "", "" }, nil, ""},
		{"that is logged in", func(*rig, *account.Credential) {}, nil, "is logged in"},
		{"that ended, of a person", func(_ *rig, c *account.Credential) { c.Dead = true }, nil, "still holds the ended login of ada@example.com"},
		{"of another client", func(r *rig, c *account.Credential) {
			*c = account.Credential{}
			r.write("accounts/work.toml", "issuer = \""+r.server.Issuer()+"\"\nclient_id = \"web\"\n")
		}, nil, "with another client"},
		{"of another grant", func(r *rig, c *account.Credential) {
			*c = account.Credential{}
			r.write("accounts/work.toml", "issuer = \""+r.server.Issuer()+"\"\nclient_id = \"app\"\ngrant = \"client_credentials\"\n")
		}, nil, "with another grant"},
		{"of another provider, by name", func(_ *rig, c *account.Credential) { *c = account.Credential{} },
			func(r *api.ImportRequest) { r.Provider = "google" }, "at another provider"},
		{"of another provider, by its endpoint", func(r *rig, c *account.Credential) {
			*c = account.Credential{}
			r.write("accounts/work.toml", "provider = \"google\"\nclient_id = \"app\"\n")
		}, nil, "goes only where it came from"},
		{"whose file is wrong", func(r *rig, c *account.Credential) {
			*c = account.Credential{}
			r.write("accounts/work.toml", "colour = \"red\"\n")
		}, nil, "unknown key"},
		{"whose file is a person's, with more scopes", func(_ *rig, c *account.Credential) { *c = account.Credential{} },
			func(r *api.ImportRequest) { r.Scopes = []string{"email"} }, "is yours"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.account("work")
				c := r.store.credential(t, "work")
				if err := r.store.Memory.Delete(t.Context(), "work"); err != nil {
					t.Fatal(err)
				}
				tt.prepare(r, &c)
				if c.ClientID != "" {
					r.store.save(t, "work", c)
				}
				before := r.snapshot("work")
				r.startAnyhow()
				request := r.saved()
				if tt.request != nil {
					tt.request(&request)
				}
				_, err := r.take(t.Context(), request)
				if tt.says == "" {
					if err != nil {
						t.Fatalf("got %v, want it taken", err)
					}
					r.token()
					return
				}
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want %q", err, tt.says)
				}
				if n := r.refreshes(); n != 0 {
					t.Errorf("got %d refreshes, want none", n)
				}
				r.unchanged("work", before)
			})
		})
	}
}

// startAnyhow starts a daemon over files of which one may be wrong.
func (r *rig) startAnyhow() {
	r.t.Helper()
	at := config.AccountFile(r.dir, "work")
	text, err := os.ReadFile(at)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.Remove(at); err != nil {
		r.t.Fatal(err)
	}
	r.start()
	r.write(filepath.Join("accounts", "work.toml"), string(text))
}

func TestImportWhoseEndpointNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// An issuer below a path is not found by its token endpoint's host.
		r := newRig(t, oauthtest.Config{Issuer: "/realm"})
		r.start()
		request := r.saved()
		_, err := r.take(t.Context(), request)
		r.wants(err, api.ConfigInvalid)
		if n := r.refreshes(); n != 0 {
			t.Errorf("got %d refreshes, want none", n)
		}
		r.nothingLeft("work")
		request.Issuer = r.server.Issuer()
		r.taken(request)
		r.token()

		// rclone's configuration may name both endpoints, and then they are all there is.
		c := r.authorize("calendar.read", "offline_access")
		token, err := json.Marshal(map[string]string{"refresh_token": c.RefreshToken.Reveal(), "token_type": "bearer"})
		if err != nil {
			t.Fatal(err)
		}
		r.taken(api.ImportRequest{Data: api.Confidential("[Big Disk]\nclient_id = app\nauth_url = " + r.server.Issuer() + "/authorize\ntoken_url = " +
			c.TokenEndpoint + "\ntoken = " + string(token) + "\n")})
		a, ok := r.d.book.Configured("big-disk")
		if !ok || a.Endpoints.Token != c.TokenEndpoint || a.Endpoints.Authorization == "" || a.Issuer != "" {
			t.Errorf("got %+v, want an account of both endpoints", a.Endpoints)
		}
		if _, err := r.ask(api.TokenRequest{Account: "big-disk", Force: true}); err != nil {
			t.Errorf("got %v, want a token", err)
		}
	})
}

func TestImportAndLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.start()
		request := r.saved()
		held := make(chan struct{})
		r.store.script(func(ctx context.Context, op, name string) error {
			if op == "put" && name == ".probe" {
				close(held)
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		ended := make(chan error, 1)
		go func() { _, err := r.take(context.WithoutCancel(t.Context()), request); ended <- err }()
		<-held
		r.store.script(nil)
		r.d.logins.Supersede("work") // as a newer login does
		r.wants(<-ended, api.LoginSuperseded)
		if n := r.refreshes(); n != 0 {
			t.Errorf("got %d refreshes, want none", n)
		}
		r.nothingLeft("work")
		if err := r.d.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := r.take(t.Context(), request)
		r.wants(err, api.Locked)
	})
}
