package config

import (
	"strings"
	"testing"

	"oauthd/daemon/account"
)

func TestDPoPOfAnAccount(t *testing.T) {
	const base = "issuer = \"https://login.example.com\"\nclient_id = \"app\"\n"
	for _, tt := range []struct {
		name, toml, wrong string
		want              bool
	}{
		{"wanted", base + "dpop = true\n", "", true},
		{"not wanted", base + "dpop = false\n", "", false},
		{"not said", base, "", false},
		{"with the client credentials grant", base + "key_file = \"k.pem\"\ngrant = \"client_credentials\"\ndpop = true\n", "", true},
		{"with a service account", "grant = \"service_account\"\nkey_file = \"k.json\"\ndpop = true\n", ":3: dpop is for grants with a client", false},
		{"not a boolean", base + "dpop = \"yes\"\n", ":3: ", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, wrong := mistakes(t, files(t, map[string]string{"accounts/work.toml": tt.toml}))
			if tt.wrong == "" && wrong != nil || tt.wrong != "" && (len(wrong) != 1 || !strings.Contains(wrong[0], tt.wrong)) {
				t.Fatalf("got mistakes %q, want %q", wrong, tt.wrong)
			}
			if a, _ := c.Account("work"); a.DPoP != tt.want {
				t.Errorf("got %t, want %t", a.DPoP, tt.want)
			}
		})
	}
}

func TestDPoPIsWritten(t *testing.T) {
	dir := t.TempDir()
	want := account.Account{Name: "work", Issuer: "https://login.example.com", ClientID: "app", Grant: account.GrantAuthorizationCode, DPoP: true}
	if _, err := writeAccount(dir, want); err != nil {
		t.Fatal(err)
	}
	c, wrong := mistakes(t, dir)
	if got, _ := c.Account("work"); !got.DPoP {
		t.Errorf("got false (mistakes %q), want dpop kept when a login writes the file anew", wrong)
	}
}
