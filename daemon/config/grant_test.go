package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

func TestCheckResource(t *testing.T) {
	for resource, ok := range map[string]bool{
		"https://api.example.com":         true,
		"https://api.example.com/a?b=c":   true,
		"http://127.0.0.1:8400/mcp":       true,
		"urn:example:mail":                true,
		"api://0123":                      true,
		"https://api.example.com/#":       false,
		"https://api.example.com/#a":      false,
		"https://api.example.com/%zz":     false,
		"/mail":                           false,
		"api.example.com":                 false,
		"//api.example.com":               false,
		"":                                false,
		":":                               false,
		"https://api.example.com/\x00":    false,
		"https://api.example.com/\r\nx: ": false,
	} {
		if err := CheckResource(resource); (err == nil) != ok {
			t.Errorf("%q: got %v, want ok %t", resource, err, ok)
		}
	}
}

func TestCheckGrant(t *testing.T) {
	for grant, ok := range map[string]bool{
		"authorization_code": true, "device_code": true, "client_credentials": true, "service_account": true, "adc": true,
		"": false, "Device_Code": false, "device": false, "password": false, "implicit": false,
		"urn:ietf:params:oauth:grant-type:device_code": false,
	} {
		err := CheckGrant(grant)
		if (err == nil) != ok {
			t.Errorf("%q: got %v, want ok %t", grant, err, ok)
		}
		if err != nil && (!strings.Contains(err.Error(), fmt.Sprintf("%q", grant)) || !strings.Contains(err.Error(), "device_code")) {
			t.Errorf("%q: got %q, want it named, and what there is", grant, err)
		}
	}
}

func TestGrantAndResourceOfAnAccount(t *testing.T) {
	const base = "issuer = \"https://login.example.com\"\nclient_id = \"app\"\n"
	for _, tt := range []struct {
		name, toml string
		grant      account.Grant
		resource   string
		mistakes   []string // line and beginning
	}{
		{"neither", base, account.GrantAuthorizationCode, "", nil},
		{"both", base + "grant = \"device_code\"\nresource = \"https://api.example.com\"\n", account.GrantDeviceCode, "https://api.example.com", nil},
		{"the default, said", base + "grant = \"authorization_code\"\n", account.GrantAuthorizationCode, "", nil},
		{"wrong grant", base + "grant = \"password\"\n", "", "", []string{":3: grant: there is no \"password\""}},
		{"wrong resource", base + "\nresource = \"mail\"\n", "", "", []string{":4: resource: must be an absolute URI"}},
		{"both wrong", base + "resource = \"https://x/#\"\ngrant = \"x\"\n", "", "", []string{":4: grant: ", ":3: resource: "}},
		{"grant of another type", base + "grant = 1\n", "", "", []string{":3: "}},
		{"resources", base + "resource = [\"https://api.example.com\"]\n", "", "", []string{":3: "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{"accounts/work.toml": tt.toml})
			c, wrong := mistakes(t, dir)
			if len(wrong) != len(tt.mistakes) {
				t.Fatalf("got mistakes %q, want %q", wrong, tt.mistakes)
			}
			for _, want := range tt.mistakes {
				if !strings.Contains(strings.Join(wrong, "\n"), want) {
					t.Errorf("got mistakes %q, want %q", wrong, want)
				}
			}
			if a, ok := c.Account("work"); ok != (tt.mistakes == nil) || a.Grant != tt.grant || a.Resource != tt.resource {
				t.Errorf("got grant %q, resource %q (%t); want %q, %q", a.Grant, a.Resource, ok, tt.grant, tt.resource)
			}
		})
	}
}

func TestGrantAndResourceRoundTrip(t *testing.T) {
	dir := t.TempDir()
	want := account.Account{
		Name: "work", Issuer: "https://login.example.com", Grant: account.GrantDeviceCode, Resource: "https://api.example.com/?a=\"b\"",
		RedirectURI: "https://localhost:8400/cb", File: AccountFile(dir, "work"), Managed: true,
	}
	if _, err := writeAccount(dir, want); err != nil {
		t.Fatal(err)
	}
	c, wrong := mistakes(t, dir)
	if got, _ := c.Account("work"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (mistakes %q), want %+v without a client", got, wrong, want)
	}
}

func TestWhoMayDoWithoutAClient(t *testing.T) {
	c := &Config{Providers: map[string]provider.Provider{
		"corp": {Name: "corp", Row: provider.Row{Issuer: "https://login.example.com"}},
		"old":  {Name: "old", Row: provider.Row{Endpoints: account.Endpoints{Authorization: "https://x.example.com/a", Token: "https://x.example.com/t"}}},
	}}
	for _, tt := range []struct {
		name string
		a    account.Account
		want bool
	}{
		{"an issuer", account.Account{Issuer: "https://login.example.com"}, true},
		{"a provider with an issuer", account.Account{Provider: "corp"}, true},
		{"a provider with endpoints alone", account.Account{Provider: "old"}, false},
		{"endpoints alone", account.Account{Endpoints: account.Endpoints{Token: "https://x.example.com/t"}}, false},
		{"built in", account.Account{Provider: "google"}, false},
		{"nothing", account.Account{}, false},
		{"a program", account.Account{Issuer: "https://login.example.com", Grant: account.GrantClientCredentials}, false},
	} {
		if got := c.MayRegister(tt.a); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

func FuzzCheckResource(f *testing.F) {
	for _, seed := range []string{"https://api.example.com/a?b#c", "urn:x", "", "#", "a:%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, resource string) {
		if CheckResource(resource) == nil && (strings.ContainsAny(resource, "#\r\n\x00") || !strings.Contains(resource, ":")) {
			t.Errorf("%q was taken", resource)
		}
	})
}

func TestAccountsWithoutAPerson(t *testing.T) {
	dir := t.TempDir()
	accounts := filepath.Join(dir, "accounts")
	if err := os.Mkdir(accounts, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"build": "grant = \"client_credentials\"\ntoken_endpoint = \"https://login.example.com/token\"\nclient_id = \"app\"\n" +
			"token_endpoint_auth_method = \"private_key_jwt\"\nkey_file = \"app.pem\"\nkey_id = \"k1\"\naudience = \"https://api.example.com\"\n",
		"robot": "grant = \"service_account\"\nkey_file = \"/keys/robot.json\"\nsubject = \"ada@example.com\"\nscopes = [\"a\"]\n",
		"here":  "grant = \"adc\"\ncredential_sources = [\"executable\"]\n",
	} {
		if err := os.WriteFile(filepath.Join(accounts, name+".toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	build, robot, here := c.Accounts["build"], c.Accounts["robot"], c.Accounts["here"]
	if want := filepath.Join(accounts, "app.pem"); build.KeyFile != want || build.KeyID != "k1" || build.Audience != "https://api.example.com" {
		t.Errorf("build: got %+v, want its key, relative to the file", build)
	}
	if robot.KeyFile != "/keys/robot.json" || robot.Subject != "ada@example.com" {
		t.Errorf("robot: got %+v", robot)
	}
	if here.Grant != account.GrantADC || !slices.Equal(here.CredentialSources, []string{"executable"}) {
		t.Errorf("here: got %+v", here)
	}
	for _, a := range c.Accounts {
		text, err := Encode(*a)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(a.File, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Accounts, c.Accounts) {
		t.Errorf("written and read again: got %+v, want %+v", again.Accounts, c.Accounts)
	}
}
