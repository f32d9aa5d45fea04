package mint

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/grant"
	"oauthd/daemon/vault"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// TestLogoutInAnotherWay ends a grant where it takes an access token to do so.
func TestLogoutInAnotherWay(t *testing.T) {
	credential := account.Credential{
		TokenEndpoint:      "https://api.dropboxapi.com/oauth2/token",
		RevocationEndpoint: "https://api.dropboxapi.com/2/auth/token/revoke",
		ClientID:           "app", AuthMethod: "none", RefreshToken: account.NewSecret("fake-refresh-token"),
	}
	for _, tt := range []struct {
		name   string
		change func(*account.Account, *account.Credential)
		answer int // of the token endpoint
		want   string
		done   bool
	}{
		{"a fresh access token", func(*account.Account, *account.Credential) {}, 200,
			"/oauth2/token, /2/auth/token/revoke Bearer fake-access-token", true},
		{"the kept access token", func(_ *account.Account, c *account.Credential) {
			c.RefreshToken, c.AccessToken = account.Secret{}, account.NewSecret("fake-kept-token")
		}, 200, "/2/auth/token/revoke Bearer fake-kept-token", true},
		{"a login that has ended", func(*account.Account, *account.Credential) {}, 400, "/oauth2/token", false},
		{"a provider that was another then", func(_ *account.Account, c *account.Credential) {
			c.RevocationEndpoint = "https://login.example.com/revoke"
		}, 200, "/revoke", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				got = append(got, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Authorization")))
				if strings.HasSuffix(r.URL.Path, "/oauth2/token") && tt.answer != 200 {
					return answer(tt.answer, `{"error":"invalid_grant"}`), nil
				}
				return answer(200, `{"access_token":"fake-access-token"}`), nil
			})
			v := vault.New(&keystore.Memory{})
			b := book.New(book.Config{Dir: t.TempDir(), Config: &config.Config{}, Vault: v, Log: zerolog.Nop(), Now: time.Now})
			m := New(Config{Book: b, Vault: v, Grants: &grant.Client{HTTP: &http.Client{Transport: transport}}, Log: zerolog.Nop(), Now: time.Now})
			a, c := account.Account{Name: "work", Provider: "dropbox"}, credential
			tt.change(&a, &c)
			result := m.Revoke(context.Background(), a, c)
			if result.Revoked != tt.done || !tt.done && result.Detail == "" {
				t.Errorf("got %+v, want revoked=%t", result, tt.done)
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("requests: got %s, want %s", got, tt.want)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body))}
}

// Nothing is asked of a provider that offers no revocation, and the person is told where else to end the grant.
func TestLogoutWithoutRevocation(t *testing.T) {
	s := newStub(t)
	s.start()
	result := s.Revoke(t.Context(), s.account, account.Credential{ClientID: "app", RefreshToken: account.NewSecret("fake")})
	if result.Revoked || !strings.Contains(result.Detail, "corp offers no revocation") || s.forms != nil {
		t.Errorf("got %+v after %d requests, want the truth after none", result, len(s.forms))
	}
}

// The refresh that brings the access token to revoke repeats the redirect URI, as every refresh does.
func TestLastRefreshRepeatsTheRedirectURI(t *testing.T) {
	const uri = "http://127.0.0.1:8400/callback"
	s := newStub(t, `{"access_token":"fake","token_type":"Bearer"}`)
	s.provider.RevocationForm, s.provider.Endpoints.Revocation = "bearer", "https://login.example.com/revoke"
	s.start()
	result := s.Revoke(t.Context(), s.account, account.Credential{
		TokenEndpoint: tokenEndpoint, RevocationEndpoint: s.provider.Endpoints.Revocation, ClientID: "app", AuthMethod: "none",
		RefreshToken: account.NewSecret("fake"), RedirectURI: uri,
	})
	if !result.Revoked {
		t.Errorf("got %+v, want the grant revoked", result)
	}
	s.wantAsked("redirect_uri", uri, "")
}

// A grant is ended where it came from, although its provider is configured no more; without the client's key it is not.
func TestLogoutOfWhatIsLeft(t *testing.T) {
	s := newStub(t, "{}")
	s.account.Provider = "gone"
	s.start()
	c := account.Credential{
		RevocationEndpoint: "https://login.example.com/revoke", ClientID: "app", AuthMethod: "none", RefreshToken: account.NewSecret("fake"),
	}
	if result := s.Revoke(t.Context(), s.account, c); !result.Revoked || len(s.forms) != 1 {
		t.Errorf("a provider that is gone: got %+v after %d requests, want the grant revoked", result, len(s.forms))
	}
	c.AuthMethod = "private_key_jwt"
	result := s.Revoke(t.Context(), s.account, c)
	if result.Revoked || !strings.Contains(result.Detail, "cannot authenticate") || len(s.forms) != 1 {
		t.Errorf("a key that is gone: got %+v after %d requests, want the truth after no other", result, len(s.forms))
	}
}
