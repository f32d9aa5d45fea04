package provider

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// onOrigin serves documents; SELF in them is the server's own URL.
func onOrigin(t *testing.T, documents map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := documents[r.URL.Path]
		switch {
		case r.URL.Path == "/mcp":
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", scope="a b"`)
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			http.NotFound(w, r)
		case text == "broken":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, strings.ReplaceAll(text, "SELF", "http://"+r.Host))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDiscoverOrigin(t *testing.T) {
	const at, rest = "/.well-known/oauth-authorization-server", `","authorization_endpoint":"SELF/x/authorize","token_endpoint":"SELF/x/token","registration_endpoint":"SELF/x/register",` +
		`"code_challenge_methods_supported":["S256"]}`
	for _, test := range []struct {
		name, document, token string
		supposed              bool
		wrong                 string
	}{
		{"its own issuer", `{"issuer":"SELF` + rest, "/x/token", false, ""},
		{"another issuer on it", `{"issuer":"SELF/oauth` + rest, "/x/token", false, ""},
		{"nothing", "", "/token", true, ""},
		{"an issuer elsewhere", `{"issuer":"https://bank.example.com` + rest, "", false, "belongs to the issuer"},
		{"an issuer on another port", `{"issuer":"SELF1` + rest, "", false, "belongs to the issuer"},
		{"an issuer with a query", `{"issuer":"SELF/?x` + rest, "", false, "belongs to the issuer"},
		{"trouble", "broken", "", false, "503"},
		{"no document", "[]", "", false, "not a JSON object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			documents := map[string]string{}
			if test.document != "" {
				documents[at] = test.document
			}
			self := onOrigin(t, documents)
			p, err := DiscoverOrigin(t.Context(), nil, self)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("got %+v, %v, want an error with %q", p.Row, err, test.wrong)
				}
				return
			}
			if err != nil || p.Issuer != self || p.Endpoints.Token != self+test.token || p.Supposed != test.supposed || p.RegistrationEndpoint == "" ||
				len(p.ChallengeMethods) != 1 || p.ChallengeMethods[0] != "S256" {
				t.Errorf("got %+v, %v, want the token endpoint %s of issuer %s", p, err, test.token, self)
			}
		})
	}
}

// Only a server that asks for a token may be one of that revision, and one that says where its tokens come from is not.
func TestSilentResource(t *testing.T) {
	self := onOrigin(t, nil)
	got, err := DiscoverResource(t.Context(), nil, self+"/mcp")
	if silent, ok := errors.AsType[*ResourceError](err); !ok || !silent.Silent() || got.Issuer != self || got.Resource != self+"/mcp" || len(got.Scopes) != 2 {
		t.Errorf("silent: got %+v, %v", got, err)
	}
	_, err = DiscoverResource(t.Context(), nil, self+"/open")
	if other, ok := errors.AsType[*ResourceError](err); !ok || other.Silent() {
		t.Errorf("no challenge: got %v", err)
	}
	self = onOrigin(t, map[string]string{protectedPath + "/mcp": `{"resource":"https://bank.example.com"}`})
	_, err = DiscoverResource(t.Context(), nil, self+"/mcp")
	if other, ok := errors.AsType[*ResourceError](err); !ok || other.Silent() {
		t.Errorf("a lie: got %v", err)
	}
}

func TestOrigin(t *testing.T) {
	for address, want := range map[string]string{
		"https://mcp.example.com/mcp?x": "https://mcp.example.com", "http://127.0.0.1:80/": "http://127.0.0.1:80", "no URL": "",
	} {
		if got := Origin(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
