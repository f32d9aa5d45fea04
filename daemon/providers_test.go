package daemon

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/config"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

func TestProviders(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{Providers: map[string]provider.Provider{}}
	d := New(Config{Dir: dir, Store: &keystore.Memory{}, Log: zerolog.Nop(), Config: cfg})
	if err := os.WriteFile(config.MainFile(dir), []byte("[providers.corp]\nissuer = \"https://login.example.com\"\nidle_limit = \"12h\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := d.Providers(t.Context())
	if err != nil || len(all) != len(provider.Names())+1 {
		t.Fatalf("got %d providers, %v; want the table's and one more", len(all), err)
	}
	if !slices.IsSortedFunc(all, func(a, b api.Provider) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("they are not sorted")
	}
	corp, err := d.Provider(t.Context(), "corp")
	if err != nil || corp.BuiltIn || !corp.Discovered || corp.IdleLimit.Duration() != 12*time.Hour || corp.Issuer != "https://login.example.com" {
		t.Errorf("corp: got %+v, %v", corp, err)
	}
	slack, err := d.Provider(t.Context(), "slack")
	if err != nil || !slack.BuiltIn || slack.Discovered || slack.RedirectPort != api.RedirectPortFixed ||
		slack.RedirectURI != "http://localhost:8400/callback" || slack.RevocationForm != "bearer" || slack.ScopeParameter != "user_scope" {
		t.Errorf("slack: got %+v, %v", slack, err)
	}
	okta, err := d.Provider(t.Context(), "okta")
	if err != nil || okta.Issuer != "https://{tenant}" || okta.Tenant != "" || okta.TenantHint == "" || okta.RevocationForm != "" {
		t.Errorf("okta: got %+v, %v", okta, err)
	}
	for name, hint := range map[string]string{"gogle": "did you mean google?", "crop": "did you mean", "%00": "oauthd providers lists"} {
		_, err := d.Provider(t.Context(), name)
		if e := api.AsError(err); err == nil || e.Code != api.UnknownProvider || !strings.HasPrefix(e.Hint, hint) {
			t.Errorf("%s: got %v, hint %q; want unknown_provider with %q", name, err, api.AsError(err).Hint, hint)
		}
	}
}
