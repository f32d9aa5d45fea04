package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// A provider that wants the redirect URI at each refresh is not sent a refresh token without one.
func TestImportWantsTheRedirectURI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.write("config.toml", "[providers.corp]\nissuer = \""+r.server.Issuer()+"\"\nredirect_uri_at_refresh = true\n")
		r.start()
		request := r.saved("openid")
		request.Provider = "corp"
		_, err := r.take(t.Context(), request)
		r.wants(err, api.BadRequest)
		if err != nil && !strings.Contains(api.AsError(err).Hint, "--redirect-uri") {
			t.Errorf("got hint %q, want the flag", api.AsError(err).Hint)
		}
		if n := r.refreshes(); n != 0 {
			t.Errorf("got %d refreshes, want none", n)
		}
		r.nothingLeft("work")

		request.RedirectURI = "http://127.0.0.1/callback"
		r.taken(request)
		if c := r.store.credential(t, "work"); c.RedirectURI != request.RedirectURI || !slices.Contains(c.Scopes, "openid") {
			t.Errorf("got redirect URI %q, want it stored for later refreshes", c.RedirectURI)
		}
		r.token()
	})
}
