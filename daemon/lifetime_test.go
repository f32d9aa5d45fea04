package daemon

import (
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
)

// A token whose end is stated in another way than RFC 6749's is not served beyond it.
func TestTokenWithAnotherKindOfExpiry(t *testing.T) {
	for name, change := range map[string]func(fields map[string]any){
		"expires_at":          func(fields map[string]any) { fields["expires_at"] = time.Now().Add(time.Minute).Unix() },
		"expires_at, as text": func(fields map[string]any) { fields["expires_at"] = time.Now().Add(time.Minute).Format(time.RFC3339) },
		"expires":             func(fields map[string]any) { fields["expires"] = 60 },
		"with a unit":         func(fields map[string]any) { fields["expires_in"] = "60s" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{KeepRefreshTokens: true})
				r.account("work")
				r.start()
				r.server.Always(oauthtest.Token, oauthtest.AlterFields(func(fields map[string]any) {
					delete(fields, "expires_in")
					change(fields)
				}))
				first := r.token()
				if first.ExpiresIn == nil || *first.ExpiresIn < 58 || *first.ExpiresIn > 60 {
					t.Errorf("got expires_in %v, want a minute", first.ExpiresIn)
				}
				if again := r.token(); again.AccessToken != first.AccessToken || r.refreshes() != 1 {
					t.Errorf("got %d refreshes while the token lives, want 1", r.refreshes())
				}
				time.Sleep(61 * time.Second)
				if later := r.token(); later.AccessToken == first.AccessToken {
					t.Error("the token is served after it has ended")
				}
			})
		})
	}
}
