package words

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// unreachable is a request to a provider that failed on the way there.
type unreachable struct{ error }

func (unreachable) Transient() (time.Duration, bool) { return 0, true }

func (u unreachable) Unwrap() error { return u.error }

func TestWayOut(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"407", &provider.ProxyError{Proxy: "proxy.example.com:3128", Status: 407}, "HTTPS_PROXY=http://USER:PASSWORD@proxy.example.com:3128"},
		{"403", &provider.ProxyError{Proxy: "proxy.example.com:3128", Status: 403}, "NO_PROXY"},
		{"out of reach", &provider.ProxyError{Proxy: "proxy.example.com:3128"}, "check HTTPS_PROXY"},
		{"no such host", provider.SafeCause(&net.DNSError{Name: "login.example.com", IsNotFound: true}), "through a proxy, set HTTPS_PROXY"},
		{"anything", errors.New("no network"), "otherwise"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := wayOut(fmt.Errorf("asking: %w", tt.err), "otherwise"); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			var told *api.Error
			if err := Discovery("corp", unreachable{tt.err}); !errors.As(err, &told) || told.Code != api.ProviderUnreachable ||
				tt.want != "otherwise" && !strings.Contains(told.Hint, tt.want) {
				t.Errorf("discovery: got %v, want provider_unreachable and %q", err, tt.want)
			}
		})
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Each journey to a provider says what to do about the network.
func TestRefusedByAProxy(t *testing.T) {
	c := grant.Client{HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
		return nil, &provider.ProxyError{Proxy: "proxy.example.com:3128", Status: 407}
	})}}
	_, err := c.Refresh(t.Context(), grant.Refresh{
		TokenEndpoint: "https://login.example.com/token", Auth: grant.ClientAuth{ID: "desk", Method: provider.AuthNone},
	})
	for name, got := range map[string]error{
		"token":  Token(account.Account{Name: "work", Grant: account.GrantAuthorizationCode}, "corp", time.Now(), err),
		"login":  Login{Account: "work", Provider: "corp"}.Exchange(err),
		"import": Import{Provider: "corp"}.Refused(err),
	} {
		var told *api.Error
		if !errors.As(got, &told) || !strings.Contains(told.Hint, "USER:PASSWORD@proxy.example.com:3128") ||
			!strings.Contains(told.Message, "the proxy proxy.example.com:3128 refused to connect: 407") {
			t.Errorf("%s: got %+v, want the proxy, its status and what to do", name, told)
		}
	}
}
