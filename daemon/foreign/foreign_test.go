package foreign

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthd/ipc/api/apitest"
)

const (
	refresh = "rt-sentinel-of-a-refresh-token"
	access  = "at-sentinel-of-an-access-token"
	secret  = "cs-sentinel-of-a-client-secret"
)

// sample reads a file of testdata/foreign with secrets of its own in it.
func sample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "foreign", name))
	if err != nil {
		t.Fatal(err)
	}
	return fill(string(text))
}

func fill(text string) string {
	return strings.NewReplacer("$REFRESH", refresh, "$ACCESS", access, "$SECRET", secret, "$PORT", "8400").Replace(text)
}

func TestParse(t *testing.T) {
	const tokenURI = "http://127.0.0.1:8400/token"
	scopes := []string{"openid", "email", "calendar.read"}
	for _, tt := range []struct {
		name, data string
		want       Found
	}{
		{"google-auth", sample(t, "google-auth.json"), Found{
			Format: "a token.json of google-auth", TokenURI: tokenURI, ClientID: "post", AuthMethod: "client_secret_post", Scopes: scopes,
		}},
		{"google-auth with a byte order mark, without expiry, token and scopes", "\xef\xbb\xbf" + sample(t, "google-auth-bare.json"), Found{
			Format: "a token.json of google-auth", TokenURI: tokenURI, ClientID: "post", AuthMethod: "client_secret_post",
		}},
		{"google-auth of Google", strings.ReplaceAll(sample(t, "google-auth.json"), tokenURI, "https://oauth2.googleapis.com/token"), Found{
			Format: "a token.json of google-auth", Provider: "google", TokenURI: "https://oauth2.googleapis.com/token",
			ClientID: "post", AuthMethod: "client_secret_post", Scopes: scopes,
		}},
		{"google-auth elsewhere", sample(t, "google-auth-elsewhere.json"), Found{
			Format: "a token.json of google-auth", TokenURI: "https://tokens.invalid/token", Doubt: "tokens.invalid",
			ClientID: "post", AuthMethod: "client_secret_post", Scopes: []string{"openid"},
		}},
		{"gcloud", sample(t, "gcloud-adc.json"), Found{
			Format: "gcloud's application default credentials", TokenURI: tokenURI, ClientID: "post", AuthMethod: "client_secret_post",
			Email: "ada@example.com",
		}},
		{"gcloud as it is", fill(`{"type":"authorized_user","client_id":"c","client_secret":"$SECRET","refresh_token":"$REFRESH"}`), Found{
			Format: "gcloud's application default credentials", Provider: "google", ClientID: "c", AuthMethod: "client_secret_post",
		}},
		{"gcloud of another universe", fill(`{"type":"authorized_user","client_id":"c","client_secret":"$SECRET","refresh_token":"$REFRESH","universe_domain":"cloud.example"}`), Found{
			Format: "gcloud's application default credentials", TokenURI: "https://oauth2.cloud.example/token",
			Doubt: "oauth2.cloud.example", ClientID: "c", AuthMethod: "client_secret_post",
		}},
		{"oauth2client", sample(t, "oauth2client.json"), Found{
			Format: "a storage file of oauth2client", TokenURI: tokenURI, ClientID: "post", AuthMethod: "client_secret_post", Scopes: scopes,
			Email: "ada@example.com",
		}},
		{"oauth2client with Google's former address", strings.ReplaceAll(sample(t, "oauth2client.json"), tokenURI, "https://accounts.google.com/o/oauth2/token"), Found{
			Format: "a storage file of oauth2client", Provider: "google", TokenURI: "https://accounts.google.com/o/oauth2/token",
			ClientID: "post", AuthMethod: "client_secret_post", Scopes: scopes, Email: "ada@example.com",
		}},
		{"a multistore with one", sample(t, "multistore.json"), Found{
			Format: "a multistore file of oauth2client", TokenURI: tokenURI, ClientID: "post", AuthMethod: "client_secret_post",
			Scopes: []string{"openid", "email"}, Shared: "oauth2client keeps several credentials in such a file",
		}},
		{"oidc-agent", sample(t, "oidc-agent.json"), Found{
			Format: "an account of oidc-agent", Name: "corp", Issuer: "http://127.0.0.1:8400/", ClientID: "basic",
			Scopes: []string{"openid", "email", "offline_access"},
		}},
		{"oidc-agent elsewhere", strings.ReplaceAll(sample(t, "oidc-agent.json"), "http://127.0.0.1:8400/\"", "https://login.example.com/\""), Found{
			Format: "an account of oidc-agent", Name: "corp", Issuer: "https://login.example.com/", Doubt: "login.example.com",
			ClientID: "basic", Scopes: []string{"openid", "email", "offline_access"},
		}},
		{"oidc-agent at Google", strings.ReplaceAll(sample(t, "oidc-agent.json"), "http://127.0.0.1:8400/\"", "https://accounts.google.com/\""), Found{
			Format: "an account of oidc-agent", Name: "corp", Issuer: "https://accounts.google.com/", Provider: "google",
			ClientID: "basic", Scopes: []string{"openid", "email", "offline_access"},
		}},
		{"rclone", sample(t, "rclone.conf"), Found{
			Format: "a remote of rclone", Name: "drive", AuthURI: "http://127.0.0.1:8400/authorize", TokenURI: tokenURI, ClientID: "basic",
			NoClient: "the remote uses rclone's own client, which is not in the file",
			Shared:   "rclone keeps the remote's other settings in such a file",
		}},
		{"rclone at Google with its own client", sample(t, "rclone-own-client.conf"), Found{
			Format: "a remote of rclone", Name: "drive", Provider: "google", Scopes: []string{"https://www.googleapis.com/auth/drive.readonly"},
			NoClient: "the remote uses rclone's own client, which is not in the file",
			Shared:   "rclone keeps the remote's other settings in such a file",
		}},
		{"a saved token", sample(t, "saved-token.json"), Found{
			Format: "a saved token", NoClient: "a saved token does not say which client it was given to",
		}},
		{"a git credential", sample(t, "git-credential.txt"), Found{
			Format: "a git credential", Issuer: "http://127.0.0.1:8400", NoClient: "a git credential does not say which client it was given to",
		}},
		{"a git credential of GitLab", strings.ReplaceAll(sample(t, "git-credential.txt"), "127.0.0.1:8400", "gitlab.com"), Found{
			Format: "a git credential", Provider: "gitlab", NoClient: "a git credential does not say which client it was given to",
		}},
		{"a bare refresh token", sample(t, "bare.txt"), Found{
			Format: "a bare refresh token", NoClient: "a bare refresh token does not say which client it was given to",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.data))
			if err != nil {
				t.Fatalf("got %v, want it read", err)
			}
			if got.Kind != KindCredential || got.RefreshToken.Reveal() != refresh {
				t.Errorf("got kind %q, want a credential with the refresh token of the sample", got.Kind)
			}
			if s := got.ClientSecret.Reveal(); strings.Contains(tt.data, "client_secret") && s != secret {
				t.Errorf("got %d bytes of client secret, want those of the sample", len(s))
			}
			if !slices.Equal(got.Scopes, tt.want.Scopes) {
				t.Errorf("got scopes %q, want %q", got.Scopes, tt.want.Scopes)
			}
			for _, field := range []struct{ name, got, want string }{
				{"format", got.Format, tt.want.Format}, {"name", got.Name, tt.want.Name},
				{"provider", got.Provider, tt.want.Provider}, {"issuer", got.Issuer, tt.want.Issuer},
				{"authorization endpoint", got.AuthURI, tt.want.AuthURI}, {"token endpoint", got.TokenURI, tt.want.TokenURI},
				{"doubt", got.Doubt, tt.want.Doubt}, {"auth method", got.AuthMethod, tt.want.AuthMethod},
				{"client id", got.ClientID, tt.want.ClientID}, {"no client", got.NoClient, tt.want.NoClient},
				{"email", got.Email, tt.want.Email}, {"shared", got.Shared, tt.want.Shared},
			} {
				if field.got != field.want {
					t.Errorf("%s: got %q, want %q", field.name, field.got, field.want)
				}
			}
		})
	}
}

func TestParseWithoutRefreshToken(t *testing.T) {
	key := sample(t, "service-account.json")
	got, err := Parse([]byte(key))
	if err != nil || got.Kind != KindKey || got.Key.Reveal() != strings.TrimSpace(key) || got.Email != "robot@example.com" {
		t.Errorf("got kind %q of %q, error %v; want the service account's whole key", got.Kind, got.Email, err)
	}
	client := `{"installed":{"client_id":"post","auth_uri":"http://127.0.0.1:8400/authorize","token_uri":"http://127.0.0.1:8400/token","client_secret":"` + secret + `"}}`
	got, err = Parse([]byte(client))
	if err != nil || got.Kind != KindClient || got.ClientID != "post" || got.ClientSecret.Reveal() != secret {
		t.Errorf("got kind %q of client %q, error %v; want a client", got.Kind, got.ClientID, err)
	}
}

func TestMistakes(t *testing.T) {
	token := sample(t, "google-auth.json")
	for _, tt := range []struct{ name, data, want string }{
		{"nothing", " \n", "the file is empty"},
		{"too large", strings.Repeat("x", MaxSize+1), "the file is larger than 512 kB, so it is no saved credential"},
		{"cut off", token[:100], "the file is cut off: its JSON ends unfinished after byte 100"},
		{"a slip in the JSON", `{"refresh_token": ` + refresh + `}`, "the file is not JSON: syntax error at byte 19"},
		{"two objects", token + token, "the file has something after its JSON object"},
		{"an array", "[" + token + "]", "the file is a JSON array; what can be imported is an object"},
		{"other JSON", `{"name":"x"}`, "the file is JSON, but of no format that is known here"},
		{"a wrong type", strings.Replace(token, `"post"`, "7", 1), "the file's client_id is not a string"},
		{"wrong scopes", strings.Replace(token, `["openid", "email", "calendar.read"]`, "{}", 1), "the file's scopes is not a list of strings"},
		{"no refresh token", `{"client_id":"c","client_secret":"` + secret + `","token_uri":"https://oauth2.googleapis.com/token"}`,
			"there is no refresh token in the file"},
		{"an access token alone", sample(t, "google-auth-access-only.json"),
			"the file holds an access token alone, which ends soon and cannot be renewed"},
		{"a bare access token of Google", "ya29." + access, "the file holds an access token alone, which ends soon and cannot be renewed"},
		{"impersonation", sample(t, "impersonated.json"),
			"the file has the type impersonated_service_account: it says how to get credentials and contains none"},
		{"a service account without key", `{"type":"service_account","client_email":"robot@example.com"}`,
			"the service account's key has no client_email or no private_key"},
		{"an ended oauth2client credential", strings.Replace(sample(t, "oauth2client.json"), `"invalid": false`, `"invalid": true`, 1),
			"oauth2client has marked this credential as ended"},
		{"oauth2client's service account", `{"_class":"ServiceAccountCredentials","_module":"oauth2client.service_account"}`,
			"the file is what oauth2client keeps of a service account; its key came from another file"},
		{"a multistore with two", sample(t, "multistore-two.json"), "the file has 2 credentials, of these clients: post, web"},
		{"an empty multistore", `{"data":[],"file_version":1}`, "the oauth2client store is empty"},
		{"a broken multistore", `{"data":[{"credential":7}],"file_version":1}`, "the oauth2client store has an entry without a credential"},
		{"broken client_secrets", `{"installed":{}}`, `client_secrets: the file's "installed" has no client_id`},
		{"oidc-agent as it rests", sample(t, "oidc-agent-sealed.txt"), "the file is an account of oidc-agent, encrypted"},
		{"an old oidc-agent file", "472:0aFF:0bFF:0cFF", "the file is an account of oidc-agent, encrypted"},
		{"oidc-agent without", `{"issuer_url":"https://login.example.com/","client_id":"c","refresh_token":""}`,
			"there is no refresh token in this account of oidc-agent"},
		{"rclone encrypted", "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nAAAA", "the file is rclone's configuration, encrypted"},
		{"rclone with two", sample(t, "rclone-two.conf"), "the file has 2 remotes with a token: drive, photos"},
		{"rclone without", "[local]\ntype = local\n", "no remote in the file has a token"},
		{"rclone with a broken token", "[d]\ntoken = {\"refresh_token\n", "the remote's token is not a JSON object"},
		{"rclone with an access token", fill("[d]\ntoken = {\"access_token\":\"$ACCESS\"}\n"),
			"the file holds an access token alone, which ends soon and cannot be renewed"},
		{"not INI after all", "[d]\nsome words\n", "the file has no format that oauthd knows"},
		{"comments", "# nothing\n", "the file has nothing but comments"},
		{"a git credential without", "protocol=https\nhost=example.com\npassword=" + access, "there is no oauth_refresh_token in the git credential"},
		{"two git credentials", "host=a\noauth_refresh_token=x\n\nhost=b\noauth_refresh_token=y", "the file has several git credentials"},
		{"a pickle", "\x80\x04\x95google.oauth2.credentials", "the file is a Python pickle, which only running it could read"},
		{"a pickle after a JSON string", "\uFFFD\x04\uFFFDgoogle.oauth2.credentials", "the file is a Python pickle, which only running it could read"},
		{"a database", "SQLite format 3\x00\x10", "the file is an SQLite database, as gcloud keeps its own logins in"},
		{"UTF-16", "\xff\xfe{\x00", "the file is in UTF-16; save it as UTF-8"},
		{"PEM", "-----BEGIN PRIVATE KEY-----\n" + secret, "the file is in PEM, as keys and certificates are"},
		{"prose", "Dear Ada, here is the token", "the file has no format that oauthd knows, and not a refresh token alone"},
		{"HTML", "<html></html>", "the file has no format that oauthd knows, and not a refresh token alone"},
		{"a short word", "hunter2", "the file has no format that oauthd knows, and not a refresh token alone"},
		{"plain http", strings.Replace(token, "http://127.0.0.1:8400", "http://tokens.example.com", 1),
			"the token endpoint in the file cannot be used: not https (http is for loopback addresses and localhost only)"},
		{"a line break in the token", strings.Replace(token, refresh, refresh+`\n`, 1), "the refresh token in the file has a character that none may have"},
		{"an odd scope", strings.Replace(token, `"openid"`, `"op\u001benid"`, 1), "a scope in the file has a character that none may have"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.data))
			if err == nil {
				t.Fatalf("got nil, want %q", tt.want)
			}
			for _, hidden := range []string{refresh, access, secret} {
				if strings.Contains(err.Error(), hidden) {
					t.Fatal("the error quotes a secret")
				}
			}
			if err.Error() != tt.want {
				t.Errorf("got %q, want %q", err, tt.want)
			}
			var m *Mistake
			if !errors.As(err, &m) || m.Hint == "" {
				t.Errorf("got %T without a hint, want a Mistake with one", err)
			}
		})
	}
}

func TestWhose(t *testing.T) {
	const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	for _, tt := range []struct{ name, tokenURI, issuer, provider, tenant, doubt string }{
		{"Google", "https://oauth2.googleapis.com/token", "", "google", "", ""},
		{"Google long ago", "https://www.googleapis.com/oauth2/v3/token", "", "google", "", ""},
		{"Google's name in another host", "https://oauth2.googleapis.com.example.com/token", "", "", "", "oauth2.googleapis.com.example.com"},
		{"Microsoft", "https://login.microsoftonline.com/common/oauth2/v2.0/token", "", "microsoft", "", ""},
		{"a tenant of Microsoft", "https://login.microsoftonline.com/" + tenant + "/oauth2/v2.0/token", "", "microsoft", tenant, ""},
		{"a tenant's issuer", "", "https://login.microsoftonline.com/" + tenant + "/v2.0", "microsoft", tenant, ""},
		{"GitHub, of an app that has refresh tokens", "https://github.com/login/oauth/access_token", "", "github-app", "", ""},
		{"a path like Cognito's on any host", "https://login.example.com/oauth2/token", "", "", "", "login.example.com"},
		{"Google's issuer with another's token endpoint", "https://tokens.example.com/token", "https://accounts.google.com", "", "", "tokens.example.com"},
		{"this machine with another's issuer", "http://127.0.0.1:1/token", "https://login.example.com", "", "", "login.example.com"},
		{"this machine", "http://[::1]:1/token", "http://localhost:1", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := Found{TokenURI: tt.tokenURI, Issuer: tt.issuer}
			if m := f.settle(); m != nil {
				t.Fatal(m)
			}
			if f.Provider != tt.provider || f.Tenant != tt.tenant || f.Doubt != tt.doubt {
				t.Errorf("got provider %q, tenant %q, doubt %q; want %q, %q, %q", f.Provider, f.Tenant, f.Doubt, tt.provider, tt.tenant, tt.doubt)
			}
		})
	}
}

func TestFits(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, value, tenant string
		want                         bool
	}{
		{"the same", "https://login.example.com/token", "https://login.example.com/token", "", true},
		{"nothing", "", "", "", false},
		{"a tenant", "https://login.example.com/{tenant}/token", "https://login.example.com/acme/token", "acme", true},
		{"two segments", "https://login.example.com/{tenant}/token", "https://login.example.com/a/b/token", "a/b", false},
		{"a parent", "https://login.example.com/{tenant}/token", "https://login.example.com/../token", "..", false},
		{"a query", "https://login.example.com/{tenant}/token", "https://login.example.com/a?b/token", "a?b", false},
		{"an open host", "https://{tenant}/token", "https://elsewhere.example.com/token", "", false},
		{"an open part of the host", "https://{tenant}.example.com/token", "https://acme.example.com/token", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tenant, ok := fits(tt.pattern, tt.value)
			if ok != tt.want || ok && tenant != tt.tenant {
				t.Errorf("got %q, %t; want %q, %t", tenant, ok, tt.tenant, tt.want)
			}
		})
	}
}

// FuzzParse holds what is true of every text: no error quotes it, and what is found can be used.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "foreign", "*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("got %d samples, error %v", len(files), err)
	}
	for _, file := range files {
		text := sample(f, filepath.Base(file))
		f.Add([]byte(text))
		f.Add([]byte(text[:len(text)/2]))
	}
	f.Add([]byte(`{"installed":{"client_id":"c"}}`))
	f.Add([]byte("\x80\x04"))
	f.Add([]byte("[a]\ntoken = {}"))
	f.Add([]byte("472:00:00:00"))
	for _, name := range apitest.Hostile() {
		f.Add([]byte("[" + name + "]\ntoken = {}\n[b]\ntoken = {}"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := Parse(data)
		if err != nil {
			var m *Mistake
			if !errors.As(err, &m) || m.Hint == "" || m.Reason == "" {
				t.Errorf("got %T, want a Mistake with a hint", err)
			}
			for _, hidden := range []string{refresh, access, secret} {
				if strings.Contains(err.Error(), hidden) {
					t.Error("the error quotes a secret")
				}
			}
			shown := m.Reason + m.Hint
			if bad := apitest.Unprintable(shown); bad != "" || strings.Contains(shown, "\n") || len(shown) > 2000 {
				t.Errorf("got %q (%s), want one plain line", shown, bad)
			}
			return
		}
		switch {
		case found.Format == "":
			t.Error("nothing was recognised, and there is no error")
		case found.Kind == KindCredential && found.RefreshToken.IsZero(), found.Kind == KindKey && found.Key.IsZero():
			t.Errorf("got kind %s without what it is", found.Kind)
		case found.Provider == "" && found.Doubt == "" && (strings.Contains(found.TokenURI, "https://") || strings.Contains(found.Issuer, "https://")):
			for _, at := range []string{found.TokenURI, found.AuthURI, found.Issuer} {
				if host := strings.Split(strings.TrimPrefix(strings.TrimPrefix(at, "https://"), "http://"), "/")[0]; at != "" &&
					!strings.HasPrefix(strings.ToLower(host), "localhost") && !strings.HasPrefix(host, "127.") && !strings.HasPrefix(host, "[") {
					t.Errorf("got no doubt about %q", host)
				}
			}
		}
	})
}
