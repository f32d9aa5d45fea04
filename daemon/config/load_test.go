package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

// planted stands for a secret in a file; no message may quote it.
const planted = "hunter2-GOCSPX"

const (
	desktopClient = `{"installed":{"client_id":"app","client_secret":"` + planted + `",
		"auth_uri":"https://accounts.google.com/o/oauth2/auth","token_uri":"https://oauth2.googleapis.com/token"}}`
	webClient = `{"web":{"client_id":"app","client_secret":"` + planted + `",
		"auth_uri":"https://accounts.google.com/o/oauth2/auth","token_uri":"https://oauth2.googleapis.com/token",
		"redirect_uris":["https://app.example.com/cb","http://127.0.0.1:8400/cb"]}}`
	localClient = `{"installed":{"client_id":"app","auth_uri":"http://127.0.0.1:9/auth","token_uri":"http://127.0.0.1:9/token"}}`
)

// files makes a configuration directory of files by their path in it.
func files(t testing.TB, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range contents {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mistakes returns what Load finds wrong in dir, with dir taken out of the texts.
func mistakes(t testing.TB, dir string) (*Config, []string) {
	t.Helper()
	c, err := Load(dir)
	if c == nil {
		t.Fatal("got no Config, want one always")
	}
	if err == nil {
		return c, nil
	}
	var invalid *Invalid
	if !errors.As(err, &invalid) || len(invalid.Mistakes) == 0 {
		t.Fatalf("got error %T, want an *Invalid with mistakes", err)
	}
	if strings.Contains(err.Error(), planted) {
		t.Error("a message quotes the secret")
	}
	var lines []string
	for _, m := range invalid.Mistakes {
		lines = append(lines, strings.ReplaceAll(m.String(), dir+string(filepath.Separator), ""))
	}
	return c, lines
}

func TestLoadDefaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
	}{
		{"no directory", nil},
		{"empty files", map[string]string{"config.toml": ""}},
		{"other files", map[string]string{"accounts/.tmp-1": "x", "accounts/work.toml~": "x", "accounts/.hidden.toml": "x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, got := mistakes(t, filepath.Join(files(t, tt.files), map[bool]string{true: "nowhere"}[tt.files == nil]))
			if got != nil {
				t.Fatalf("got mistakes %q, want none", got)
			}
			if c.Backend != "keychain" || len(c.Providers) != 0 || len(c.Accounts) != 0 {
				t.Errorf("got backend %q, %d providers, %d accounts; want keychain and none", c.Backend, len(c.Providers), len(c.Accounts))
			}
		})
	}
}

func TestLoadEveryKey(t *testing.T) {
	endpoints := `
authorization_endpoint = "https://login.example.com/authorize"
token_endpoint = "https://login.example.com/token"
device_authorization_endpoint = "https://login.example.com/device"
revocation_endpoint = "https://login.example.com/revoke"
userinfo_endpoint = "https://login.example.com/userinfo"
token_endpoint_auth_method = "client_secret_post"
`
	wantEndpoints := account.Endpoints{
		Authorization: "https://login.example.com/authorize",
		Token:         "https://login.example.com/token",
		Device:        "https://login.example.com/device",
		Revocation:    "https://login.example.com/revoke",
		Userinfo:      "https://login.example.com/userinfo",
		AuthMethod:    "client_secret_post",
	}
	dir := files(t, map[string]string{
		"config.toml": "client_id_metadata = \"https://ada.example.com/c.json\"\n[keystore]\nbackend = \"memory\"\n[providers.corp]\nissuer = \"https://login.example.com\"\n" + endpoints +
			"[providers.\"other\"]\nissuer = \"http://127.0.0.1:8080/\"\n",
		"accounts/work.toml": `provider = "corp"
client_id = "app"
scopes = ["openid email", "openid"]
grant = "authorization_code"
redirect_uri = "http://127.0.0.1/cb"
redirect_ports = [8400, 8401]
auth_params = { login_hint = "ada@example.com", prompt = "consent" }
` + endpoints,
		"accounts/issuer.toml": "issuer = \"https://login.example.com\"\nclient_id = \"app\"\n[auth_params]\nhd = \"example.com\"\n",
		"accounts/notes.toml":  "issuer = \"https://login.example.com\"\nclient_id_metadata = \"https://ada.example.com/own.json\"\n",
		"accounts/ada@x.toml":  header + "provider = \"google\"\nclient_id = \"app\"\n",
	})
	c, got := mistakes(t, dir)
	if got != nil {
		t.Fatalf("got mistakes %q, want none", got)
	}
	if c.Backend != "memory" {
		t.Errorf("got backend %q, want memory", c.Backend)
	}
	if c.ClientIDMetadata != "https://ada.example.com/c.json" {
		t.Errorf("got client id metadata %q, want that of the file", c.ClientIDMetadata)
	}
	if p := c.Providers["corp"]; p.Name != "corp" || p.Issuer != "https://login.example.com" || p.Endpoints != wantEndpoints {
		t.Errorf("got provider %+v, want corp with every endpoint", p)
	}
	if p := c.Providers["other"]; p.Issuer != "http://127.0.0.1:8080/" || p.Endpoints != (account.Endpoints{}) {
		t.Errorf("got provider %+v, want an issuer alone", p)
	}
	for name, want := range map[string]account.Account{
		"work": {
			Provider: "corp", ClientID: "app", Endpoints: wantEndpoints, Scopes: []string{"openid", "email"},
			RedirectURI: "http://127.0.0.1/cb", RedirectPorts: []int{8400, 8401},
			AuthParams: map[string]string{"login_hint": "ada@example.com", "prompt": "consent"},
		},
		"issuer": {Issuer: "https://login.example.com", ClientID: "app", AuthParams: map[string]string{"hd": "example.com"}},
		"notes":  {Issuer: "https://login.example.com", ClientIDMetadata: "https://ada.example.com/own.json"},
		"ada@x":  {Provider: "google", ClientID: "app", Managed: true},
	} {
		want.Name, want.Grant, want.File = name, account.GrantAuthorizationCode, AccountFile(dir, name)
		if got, _ := c.Account(name); !reflect.DeepEqual(got, want) {
			t.Errorf("account %s:\n got %+v\nwant %+v", name, got, want)
		}
	}
}

func TestLoadMistakes(t *testing.T) {
	const good = "client_id = \"app\"\nprovider = \"google\"\n"
	for _, tt := range []struct {
		name  string
		main  string
		work  string // accounts/work.toml
		other map[string]string
		want  []string // beginnings or parts of the lines, in order
	}{
		{name: "unknown key", main: "\ncolour = 1\n", want: []string{`config.toml:2: unknown key "colour"`}},
		{name: "client id metadata", main: "\nclient_id_metadata = \"http://ada.example.com/c.json\"\n", want: []string{"config.toml:2: client_id_metadata: not https"}},
		{name: "unknown key in a table", main: "[keystore]\nbackend = \"memory\"\npath = \"x\"\n", want: []string{`config.toml:3: unknown key "keystore.path"`}},
		{name: "secret in an account", work: good + "client_secret = \"" + planted + "\"\n",
			want: []string{`accounts/work.toml:3: unknown key "client_secret"; a secret does not belong here`}},
		{name: "wrong type", work: good + "scopes = \"" + planted + "\"\n", want: []string{"accounts/work.toml:3: "}},
		{name: "wrong type of a port", work: good + "redirect_ports = [\"" + planted + "\"]\n", want: []string{"accounts/work.toml:3: "}},
		{name: "not TOML", work: good + "client_id " + planted + "\n", want: []string{"accounts/work.toml:3: "}},
		{name: "unfinished text", work: good + "scopes = [\"" + planted + "\n", want: []string{"accounts/work.toml:3: "}},
		{name: "key twice", work: good + "client_id = \"" + planted + "\"\n", want: []string{"accounts/work.toml:3: "}},
		{name: "unknown store", main: "[keystore]\nbackend = \"vault\"\n", want: []string{"config.toml:2: backend is"}},
		{name: "an event's command without a program", main: "on_event = [\"\", \"x\"]\n", want: []string{"config.toml:1: on_event is a command"}},
		{name: "an event's command as a text", main: "on_event = \"notify\"\n", want: []string{"config.toml:1: "}},
		{name: "a place that is no host", work: good + "hosts = [\"git.example.com\", \"http://git.example.com\"]\n",
			want: []string{"accounts/work.toml:3: hosts: \"http://git.example.com\" is plain http"}},
		{name: "built-in name", main: "[providers.google]\nissuer = \"https://login.example.com\"\n",
			want: []string{"config.toml:1: google is a built-in provider"}},
		{name: "provider without anything", main: "[providers.corp]\n", want: []string{"config.toml:1: provider corp needs an issuer"}},
		{name: "half of the endpoints", main: "[providers.corp]\nissuer = \"https://x.example.com\"\ntoken_endpoint = \"https://x.example.com/t\"\n",
			want: []string{"config.toml:3: authorization_endpoint and token_endpoint go together"}},
		{name: "plain http", main: "[providers.corp]\nissuer = \"http://login.example.com\"\n", want: []string{"config.toml:2: issuer: not https"}},
		{name: "password in a URL", main: "[providers.corp]\nissuer = \"https://u:" + planted + "@x.example.com\"\n",
			want: []string{"config.toml:2: issuer: the URL has user information"}},
		{name: "auth method", main: "[providers.corp]\nissuer = \"https://x.example.com\"\ntoken_endpoint_auth_method = \"tls_client_auth\"\n",
			want: []string{"config.toml:3: token_endpoint_auth_method is"}},
		{name: "unknown provider", work: "client_id = \"app\"\nprovider = \"corp\"\n", want: []string{`accounts/work.toml:2: unknown provider "corp"`}},
		{name: "a number for a list", work: good + "scopes = 3\n",
			want: []string{"accounts/work.toml:3: scopes: a TOML integer, but it must be a list of strings"}},
		{name: "a list for a string", work: good + "tenant = [\"a\"]\n",
			want: []string{"accounts/work.toml:3: tenant: a TOML array, but it must be a string"}},
		{name: "unknown grant", work: good + "grant = \"password\"\n", want: []string{`accounts/work.toml:3: grant: there is no "password"`}},
		{name: "a program has a client of its own", work: "issuer = \"https://login.example.com\"\ngrant = \"client_credentials\"\n",
			want: []string{"accounts/work.toml: the account has no client"}},
		{name: "keys of other grants", work: good + "subject = \"ada@example.com\"\naudience = \"a\"\ncredential_sources = [\"url\"]\nkey_id = \"k\"\n",
			want: []string{"accounts/work.toml:3: subject is for", "accounts/work.toml:4: audience is for",
				"accounts/work.toml:5: credential_sources is for", "accounts/work.toml:6: key_id names"}},
		{name: "a service account for both", work: "grant = \"service_account\"\nscopes = [\"a\"]\naudience = \"b\"\n",
			want: []string{"accounts/work.toml:3: a service account's token is for scopes or for an audience"}},
		{name: "credential source", work: "grant = \"adc\"\ncredential_sources = [\"url\", \"shell\"]\n",
			want: []string{`accounts/work.toml:2: credential_sources: "shell" is neither`}},
		{name: "no client", work: "provider = \"google\"\n", want: []string{"accounts/work.toml: the account has no client"}},
		{name: "no provider", work: "client_id = \"app\"\n", want: []string{"accounts/work.toml: the account has no provider"}},
		{name: "scopes", work: good + "scopes = [\"openid email\", \"a\\\\b\", \"c\"]\n", want: []string{`accounts/work.toml:3: scopes: "a\\b" is not a scope`}},
		{name: "ports", work: good + "redirect_ports = [0, 8400, 70000]\n",
			want: []string{"accounts/work.toml:3: redirect_ports: 0 is not a port", "accounts/work.toml:3: redirect_ports: 70000 is not a port"}},
		{name: "auth_params inline", work: good + "auth_params = { state = \"x\" }\n", want: []string{"accounts/work.toml:3: auth_params: state is set by oauthd itself"}},
		{name: "auth_params table", work: good + "\n[auth_params]\nhd = \"a\"\nnonce = \"x\"\n",
			want: []string{"accounts/work.toml:6: auth_params: nonce is set by oauthd itself"}},
		{name: "several together", main: "[keystore]\nbackend = \"drawer\"\n[providers.corp]\nissuer = \"ftp://x\"\n",
			work: "issuer = \"http://x.example.com\"\nredirect_uri = \"ftp://127.0.0.1/\"\ngrant = \"password\"\n",
			want: []string{"config.toml:2: ", "config.toml:4: issuer", "accounts/work.toml:1: issuer", "accounts/work.toml:3: grant",
				"accounts/work.toml:2: redirect_uri"}},
		{name: "bad names", other: map[string]string{"accounts/Work.toml": good, "accounts/-x.toml": good, "accounts/.toml": good},
			want: []string{`accounts/-x.toml: "-x" cannot be an account name`, `accounts/.toml: "" cannot be`, `accounts/Work.toml: "Work" cannot be an account name`}},
		{name: "device names of Windows", other: map[string]string{"accounts/con.toml": good, "accounts/lpt1.x.toml": good, "accounts/com10.toml": good},
			want: []string{`accounts/con.toml: "con" is the name of a device`, `accounts/lpt1.x.toml: "lpt1.x" is the name of a device`}},
		{name: "client_secrets missing", work: "client_secrets = \"none.json\"\n", want: []string{"accounts/work.toml:1: client_secrets "}},
		{name: "client_secrets broken", work: "client_secrets = \"c.json\"\n",
			other: map[string]string{"accounts/c.json": desktopClient[:len(desktopClient)-9]}, want: []string{"accounts/work.toml:1: client_secrets "}},
		{name: "client_secrets of another client", work: "client_id = \"mine\"\nclient_secrets = \"c.json\"\n",
			other: map[string]string{"accounts/c.json": desktopClient}, want: []string{"belongs to another client than client_id"}},
		{name: "client_secrets of another provider", work: "provider = \"gitlab\"\nclient_secrets = \"c.json\"\n",
			other: map[string]string{"accounts/c.json": desktopClient}, want: []string{"client of google, the account's provider is gitlab"}},
		{name: "web client without loopback redirect", work: "client_secrets = \"c.json\"\n",
			other: map[string]string{"accounts/c.json": strings.Replace(webClient, "127.0.0.1", "app.example.com", 1)},
			want:  []string{"has no loopback redirect URI registered"}},
		{name: "accounts is a file", other: map[string]string{"accounts": ""}, want: []string{"accounts: is a file, not a directory"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := map[string]string{"config.toml": tt.main}
			if tt.work != "" {
				all["accounts/work.toml"] = tt.work
			}
			for name, text := range tt.other {
				all[name] = text
			}
			c, got := mistakes(t, files(t, all))
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("mistake %d: got %q, want %q in it", i, got[i], want)
				}
			}
			if _, ok := c.Accounts["work"]; ok && tt.work != "" {
				t.Error("got the account whose file is wrong, want it left out")
			}
		})
	}
}

func TestWrongClientIDMetadataIsNotTaken(t *testing.T) {
	c, wrong := mistakes(t, files(t, map[string]string{"config.toml": "client_id_metadata = \"http://ada.example.com/c.json\"\n"}))
	if len(wrong) != 1 || c.ClientIDMetadata != "" {
		t.Errorf("got %q, mistakes %q; want it left out, and told", c.ClientIDMetadata, wrong)
	}
}
