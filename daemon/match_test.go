package daemon

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// defined writes the file of an account of the server's anew, with more in it, and has it read.
func (r *rig) defined(name, more string) {
	r.t.Helper()
	r.write("accounts/"+name+".toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\n%s\n", r.server.Issuer(), more))
	if _, err := r.d.Reload(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

// TestTokenForAPlace asks for a token of an account at a place. The person's name at the provider is ada, which is the name
// of an account too.
func TestTokenForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.account("ada")
		r.start()
		r.defined("work", `hosts = ["api.example.com", "git.example.com", "*.pkg.example.com/v1"]`)
		r.defined("ada", `hosts = ["git.example.com", "api.example.com/admin"]`)
		for _, tt := range []struct {
			account, url string
			want         api.Code // "" for a token
		}{
			{"work", "https://api.example.com", ""},
			{"work", "https://api.example.com/v1/x", ""},
			{"work", "https://a.pkg.example.com/v1", ""},
			{"work", "https://a.pkg.example.com/v2", api.PolicyDenied},
			{"work", "https://api.example.com/admin/x", api.PolicyDenied}, // is ada's
			{"ada", "https://api.example.com/admin/x", ""},
			{"ada", "https://api.example.com/", api.PolicyDenied},
			{"work", "https://git.example.com/x", ""}, // both may
			{"ada", "https://git.example.com/x", ""},
			{"ada", "https://work@git.example.com/x", ""}, // the account that is named decides, not the user
			{"work", "https://elsewhere.example.com/", api.PolicyDenied},
			{"work", "http://api.example.com/", api.BadRequest},
			{"nobody", "https://api.example.com/", api.UnknownAccount},
			{"work", "", ""},
			{"", "https://api.example.com/v1/x", ""},
			{"", "https://elsewhere.example.com/", api.UnknownAccount},
		} {
			got, err := r.ask(api.TokenRequest{Account: tt.account, URL: tt.url})
			switch {
			case tt.want != "":
				r.wants(err, tt.want)
			case err != nil:
				t.Errorf("%s at %q: %v", tt.account, tt.url, err)
			case tt.account != "" && got.Account != tt.account:
				t.Errorf("%s at %q: got a token of %s", tt.account, tt.url, got.Account)
			}
		}
	})
}

// TestConsentIsNoWayAroundHosts takes the place away while a person is asked.
func TestConsentIsNoWayAroundHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.defined("work", "confirm = \"first\"\nhosts = [\"api.example.com\"]")
		answered := make(chan error, 1)
		go func() {
			_, err := r.d.Token(from(agent), api.TokenRequest{Account: "work", URL: "https://api.example.com/"})
			answered <- err
		}()
		synctest.Wait()
		r.defined("work", "confirm = \"first\"\nhosts = [\"git.example.com\"]")
		q := r.d.consent.List().Questions[0]
		if _, err := r.d.consent.Answer(q.ID, api.ConsentLock); err != nil {
			t.Fatal(err)
		}
		r.wants(<-answered, api.PolicyDenied)
	})
}
