package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

func TestClientSecretsOfAnAccount(t *testing.T) {
	absolute := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(absolute, []byte(desktopClient), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, toml   string
		json         string
		want         account.Account
		wantNoSecret bool
	}{
		{"relative to the file", `client_secrets = "c.json"`, desktopClient, account.Account{Provider: "google"}, false},
		{"relative, above", `client_secrets = "../sub/../accounts/c.json"`, desktopClient, account.Account{Provider: "google"}, false},
		{"absolute", "client_secrets = '" + absolute + "'", "", account.Account{Provider: "google"}, false},
		{"same client_id", "client_id = \"app\"\nclient_secrets = \"c.json\"", desktopClient, account.Account{Provider: "google"}, false},
		{"web client brings its redirect", `client_secrets = "c.json"`, webClient,
			account.Account{Provider: "google", RedirectURI: "http://127.0.0.1:8400/cb"}, false},
		{"the account's redirect wins", "redirect_uri = \"http://localhost/x\"\nclient_secrets = \"c.json\"", webClient,
			account.Account{Provider: "google", RedirectURI: "http://localhost/x"}, false},
		{"an issuer of one's own wins", "issuer = \"https://login.example.com\"\nclient_secrets = \"c.json\"", desktopClient,
			account.Account{Issuer: "https://login.example.com"}, false},
		{"endpoints on this machine", `client_secrets = "c.json"`, localClient, account.Account{Endpoints: account.Endpoints{
			Authorization: "http://127.0.0.1:9/auth", Token: "http://127.0.0.1:9/token"}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{"accounts/work.toml": tt.toml + "\n", "accounts/c.json": tt.json, "sub/x": ""})
			c, wrong := mistakes(t, dir)
			if wrong != nil {
				t.Fatalf("got mistakes %q, want none", wrong)
			}
			got, _ := c.Account("work")
			if got.ClientSecret.IsZero() != tt.wantNoSecret || !tt.wantNoSecret && got.ClientSecret.Reveal() != planted {
				t.Errorf("the client secret is set: %t, want %t and the file's", !got.ClientSecret.IsZero(), !tt.wantNoSecret)
			}
			got.ClientSecret = account.Secret{}
			tt.want.Name, tt.want.ClientID = "work", "app"
			tt.want.Grant, tt.want.File = account.GrantAuthorizationCode, AccountFile(dir, "work")
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestCheckRedirectURI(t *testing.T) {
	for uri, ok := range map[string]bool{
		"http://127.0.0.1":              true,
		"http://127.0.0.1/callback":     true,
		"http://127.0.0.1:8400/cb":      true,
		"http://[::1]:8400/":            true,
		"http://localhost/":             true,
		"https://127.0.0.1/":            true,
		"http://127.0.0.2/":             false,
		"http://0.0.0.0/":               false,
		"http://app.example.com/":       false,
		"http://localhost.example.com/": false,
		"http://u@127.0.0.1/":           false,
		"http://127.0.0.1/?a=b":         false,
		"http://127.0.0.1/?":            false,
		"http://127.0.0.1/#a":           false,
		"com.example.app:/cb":           false,
		"http://127.0.0.1:x/":           false,
		"127.0.0.1:8400":                false,
		"":                              false,
	} {
		if err := CheckRedirectURI(uri); (err == nil) != ok {
			t.Errorf("%q: got %v, want ok %t", uri, err, ok)
		}
	}
}

func TestCheckAuthParam(t *testing.T) {
	for _, key := range []string{"", "state", "nonce", "redirect_uri", "client_id", "response_type",
		"code_challenge", "code_challenge_method", "scope", "request", "request_uri"} {
		if CheckAuthParam(key, "x") == nil {
			t.Errorf("%q: got nil, want it refused", key)
		}
	}
	for value, ok := range map[string]bool{"query": true, "form_post": true, "fragment": false, "": false} {
		if err := CheckAuthParam("response_mode", value); (err == nil) != ok {
			t.Errorf("response_mode %q: got %v, want ok %t", value, err, ok)
		}
	}
	for _, key := range []string{"prompt", "login_hint", "access_type", "hd", "resource", "State"} {
		if err := CheckAuthParam(key, "x"); err != nil {
			t.Errorf("%q: got %v, want nil", key, err)
		}
	}
}

func TestWriteAccountRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name string
		a    account.Account
	}{
		{"small", account.Account{Provider: "google", ClientID: "app"}},
		{"a tenant", account.Account{Provider: "okta", Tenant: "acme.okta.com/oauth2/default", ClientID: "app"}},
		{"a document", account.Account{Issuer: "https://login.example.com", ClientIDMetadata: "https://ada.example.com/c.json"}},
		{"everything", account.Account{
			Issuer: "https://login.example.com", ClientID: "a \"quoted\" id\\",
			Endpoints: account.Endpoints{Authorization: "https://x.example.com/a", Token: "https://x.example.com/t",
				Device: "https://x.example.com/d", Revocation: "https://x.example.com/r", Userinfo: "https://x.example.com/u",
				AuthMethod: "client_secret_basic"},
			Scopes: []string{"openid", "https://www.example.com/auth/calendar"}, RedirectURI: "http://127.0.0.1:8400/cb",
			RedirectPorts: []int{8400, 8401}, AuthParams: map[string]string{"login_hint": "ada@example.com", "a b": "'\"\n"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "not", "there")
			want := tt.a
			want.Name, want.Grant = "work", account.GrantAuthorizationCode
			want.File, want.Managed = AccountFile(dir, "work"), true
			written := want
			written.ClientSecret = account.NewSecret(planted)
			at, err := writeAccount(dir, written)
			if err != nil || at != want.File {
				t.Fatalf("got %q, %v; want %q", at, err, want.File)
			}
			c, wrong := mistakes(t, dir)
			if got, _ := c.Account("work"); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v (mistakes %q), want %+v", got, wrong, want)
			}
			text, err := os.ReadFile(at)
			if err != nil || strings.Contains(string(text), planted) {
				t.Errorf("the file holds the client secret, or cannot be read (%v)", err)
			}
			if encoded, err := Encode(written); err != nil || string(text) != header+string(encoded) {
				t.Errorf("got %q, want the header and what Encode returns (%v)", text, err)
			}
		})
	}
}

func TestWriteAccountReplacesWhole(t *testing.T) {
	dir := files(t, map[string]string{"accounts/work.toml": header + "client_id = \"old\"\n" + strings.Repeat("# long\n", 1000)})
	file := AccountFile(dir, "work")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if _, err := writeAccount(dir, account.Account{Name: "work", Provider: "google", ClientID: "new"}); err != nil {
		t.Fatal(err)
	}
	if c, wrong := mistakes(t, dir); wrong != nil || c.Accounts["work"].ClientID != "new" || !c.Accounts["work"].Managed {
		t.Errorf("got %+v (mistakes %q), want the new account, managed", c.Accounts["work"], wrong)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("got %d files (%v), want no temporary one left", len(entries), err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	before, errBefore := open.Stat()
	after, errAfter := os.Stat(file)
	if errBefore != nil || errAfter != nil {
		t.Fatal(errBefore, errAfter)
	}
	if os.SameFile(before, after) {
		t.Error("got the same file written over, want it replaced by a rename")
	}
	if got := after.Mode().Perm(); got != 0o600 {
		t.Errorf("got mode %o, want 600", got)
	}
}

func TestWriteAccountFailure(t *testing.T) {
	dir := files(t, map[string]string{"accounts/work.toml/x": ""})
	if _, err := writeAccount(dir, account.Account{Name: "work", Provider: "google", ClientID: "app"}); err == nil {
		t.Error("got nil, want an error where a directory is in the way")
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "accounts")); err != nil || len(entries) != 1 {
		t.Errorf("got %d entries (%v), want no temporary file left", len(entries), err)
	}
}

func TestRemoveAccount(t *testing.T) {
	dir := files(t, map[string]string{"accounts/work.toml": ""})
	for _, name := range []string{"work", "work", "never"} {
		if err := removeAccount(dir, name); err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
		}
	}
	if _, err := os.Stat(AccountFile(dir, "work")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want the file gone", err)
	}
}

func TestManagedIsTheWholeHeader(t *testing.T) {
	const body = "client_id = \"app\"\nprovider = \"google\"\n"
	dir := files(t, map[string]string{
		"accounts/ours.toml":    header + body,
		"accounts/theirs.toml":  body,
		"accounts/later.toml":   "\n" + header + body,
		"accounts/changed.toml": strings.Replace(header, "oauthd", "ada", 1) + body,
	})
	c, _ := mistakes(t, dir)
	for name, want := range map[string]bool{"ours": true, "theirs": false, "later": false, "changed": false} {
		if got := c.Accounts[name].Managed; got != want {
			t.Errorf("%s: got managed %t, want %t", name, got, want)
		}
	}
}

func TestInvalidIn(t *testing.T) {
	e := &Invalid{[]Mistake{{"a", 1, "x"}, {"b", 0, "y"}, {"a", 2, "z"}}}
	if got := e.In("a").Error(); got != "a:1: x\na:2: z" {
		t.Errorf("got %q, want the mistakes of a", got)
	}
	if got := e.In("c"); got != nil {
		t.Errorf("got %v, want nil for a file without mistakes", got)
	}
}

func FuzzLoadAccount(f *testing.F) {
	for _, seed := range []string{
		"", "client_id = \"app\"", "scopes = [", "[auth_params]", "auth_params = { a = ", "redirect_ports = [1, ", "a.b.c = 1",
		"issuer = \"https://x\"\n[", "\xff", "redirect_uri = \"http://127.0.0.1:x\"", "client_secrets = \"..\"", "x = 1979-05-27",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, `"""`) || strings.Contains(text, `'''`) {
			t.Skip() // then the next line is part of a value, and no secret
		}
		dir := files(t, map[string]string{"accounts/work.toml": text + "\nclient_secret = \"" + planted + "\"\n"})
		c, wrong := mistakes(t, dir)
		if a, ok := c.Account("work"); ok || len(wrong) == 0 {
			t.Errorf("got %+v with %d mistakes, want a file with a secret refused", a, len(wrong))
		}
	})
}
