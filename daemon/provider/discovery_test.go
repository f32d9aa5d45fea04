package provider

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is a server of fixed answers that remembers what it was asked.
type site struct {
	*httptest.Server
	mu    sync.Mutex // guards asked
	asked []string
}

func newSite(t *testing.T, answers map[string]http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		if h := answers[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// doc answers with a good document whose issuer is the server's URL and path; more is added to it.
func doc(path, more string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":"http://%[1]s%[2]s","authorization_endpoint":"http://%[1]s/auth",`+
			`"token_endpoint":"http://%[1]s/token"%[3]s}`, r.Host, path, more)
	}
}

const (
	oauthPath = "/.well-known/oauth-authorization-server"
	oidcPath  = "/.well-known/openid-configuration"
)

func TestDiscoverOrder(t *testing.T) {
	for _, tc := range []struct {
		name, path, at string
		asked          []string
	}{
		{"RFC 8414", "", oauthPath, []string{oauthPath}},
		{"OpenID Connect", "", oidcPath, []string{oauthPath, oidcPath}},
		{"slash", "/", oidcPath, []string{oauthPath, oidcPath}},
		{"path, RFC 8414", "/t", oauthPath + "/t", []string{oauthPath + "/t"}},
		{"path, inserted", "/t", oidcPath + "/t", []string{oauthPath + "/t", oidcPath + "/t"}},
		{"path, appended", "/t", "/t" + oidcPath, []string{oauthPath + "/t", oidcPath + "/t", "/t" + oidcPath}},
		{"path with slash", "/t/", "/t" + oidcPath, []string{oauthPath + "/t", oidcPath + "/t", "/t" + oidcPath}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, map[string]http.HandlerFunc{tc.at: doc(tc.path, "")})
			p, err := Discover(t.Context(), nil, s.URL+tc.path)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(s.asked, tc.asked) {
				t.Errorf("asked %v, want %v", s.asked, tc.asked)
			}
			host := strings.TrimPrefix(s.URL, "http://")
			if p.Issuer != s.URL+tc.path || p.Name != host || p.Endpoints.Token != s.URL+"/token" || p.OfflineScope != "" || p.AuthParams != nil {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestDiscoverReadsTheDocument(t *testing.T) {
	s := newSite(t, map[string]http.HandlerFunc{oauthPath: doc("", `,"device_authorization_endpoint":"https://d.example.com/",
		"revocation_endpoint":"https://r.example.com/","userinfo_endpoint":"https://u.example.com/","Issuer":"https://other.example.com",
		"token_endpoint_auth_methods_supported":["client_secret_post"],"scopes_supported":["openid","offline_access","email","profile"],
		"authorization_response_iss_parameter_supported":true,"some_member":7,"jwks_uri":"https://k.example.com/",
		"pushed_authorization_request_endpoint":"https://p.example.com/","require_pushed_authorization_requests":true,
		"registration_endpoint":"https://c.example.com/","response_modes_supported":["fragment","form_post","query","query"],
		"id_token_signing_alg_values_supported":["none","HS256","ES256","XX","RS256"]`)})
	p, err := Discover(t.Context(), nil, s.URL)
	if err != nil {
		t.Fatal(err)
	}
	e := p.Endpoints
	if e.Device != "https://d.example.com/" || e.Revocation != "https://r.example.com/" || e.Userinfo != "https://u.example.com/" ||
		e.Authorization != s.URL+"/auth" || e.AuthMethod != "" {
		t.Errorf("endpoints: got %+v", e)
	}
	if !p.RequireIss || p.OfflineScope != "offline_access" || p.AuthParams["prompt"] != "consent" || p.Narrowing != "" {
		t.Errorf("got %+v", p)
	}
	if p.JWKSURI != "https://k.example.com/" || p.PushedAuthorizationEndpoint != "https://p.example.com/" || !p.RequirePAR ||
		p.RegistrationEndpoint != "https://c.example.com/" {
		t.Errorf("got %+v", p)
	}
	if want := []string{"form_post", "query"}; !reflect.DeepEqual(p.ResponseModes, want) {
		t.Errorf("response modes: got %v, want %v", p.ResponseModes, want)
	}
	if want := []string{"ES256", "RS256"}; !reflect.DeepEqual(p.IDTokenAlgorithms, want) {
		t.Errorf("ID token algorithms: got %v, want %v", p.IDTokenAlgorithms, want)
	}
	if want := []string{"openid", "email"}; !reflect.DeepEqual(p.DefaultScopes, want) {
		t.Errorf("default scopes: got %v, want %v", p.DefaultScopes, want)
	}
	if !reflect.DeepEqual(p.AuthMethods, []string{"client_secret_post"}) || !reflect.DeepEqual(p.ScopesSupported, []string{"openid", "offline_access", "email", "profile"}) {
		t.Errorf("lists: got %v, %v", p.AuthMethods, p.ScopesSupported)
	}
}

func TestDiscoverRefuses(t *testing.T) {
	write := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	for _, tc := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"HTML", write("<html>hidden-text</html>"), "not a JSON object"},
		{"array", write(`["hidden-text"]`), "not a JSON object"},
		{"null", write(`null`), "not a JSON object"},
		{"cut off", write(`{"issuer":"hidden-text`), "not a JSON object"},
		{"too large", write(`{"issuer":"` + strings.Repeat("x", MaxBody)), "larger than"},
		{"issuer a number", write(`{"issuer":7}`), "issuer is not a string"},
		{"http endpoint", doc("", `,"userinfo_endpoint":"http://hidden-text.example.com/"`), "userinfo_endpoint: not https"},
		{"opener's trap", doc("", `,"authorization_endpoint":"file:///hidden-text"`), "authorization_endpoint"},
		{"dash", doc("", `,"authorization_endpoint":"--hidden-text"`), "authorization_endpoint"},
		{"user information", doc("", `,"token_endpoint":"https://hidden-text@example.com/"`), "token_endpoint"},
		{"no token endpoint", doc("", `,"token_endpoint":null`), "no token_endpoint"},
		{"no authorization endpoint", doc("", `,"authorization_endpoint":""`), "no authorization_endpoint"},
		{"list a string", doc("", `,"scopes_supported":"hidden-text"`), "scopes_supported is not a list of strings"},
		{"keys over http", doc("", `,"jwks_uri":"http://hidden-text.example.com/"`), "jwks_uri: not https"},
		{"pushed over http", doc("", `,"pushed_authorization_request_endpoint":"http://hidden-text.example.com/"`),
			"pushed_authorization_request_endpoint: not https"},
		{"registration a number", doc("", `,"registration_endpoint":7`), "registration_endpoint is not a string"},
		{"PAR required and absent", doc("", `,"require_pushed_authorization_requests":true`), "requires one"},
		{"flag a string", doc("", `,"authorization_response_iss_parameter_supported":"true"`), "not true or false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, map[string]http.HandlerFunc{oauthPath: tc.h})
			_, err := Discover(t.Context(), nil, s.URL)
			var de *DiscoveryError
			if !errors.As(err, &de) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if _, ok := de.Transient(); ok {
				t.Error("the error is transient")
			}
			if !strings.Contains(err.Error(), s.URL+oauthPath) || strings.Contains(err.Error(), "hidden-text") {
				t.Errorf("want the URL and nothing of the document: %v", err)
			}
		})
	}
}

func TestDiscoverWhereNothingIsSaid(t *testing.T) {
	s := newSite(t, map[string]http.HandlerFunc{oauthPath: doc("", `,"id_token_signing_alg_values_supported":["HS256"]`)})
	p, err := Discover(t.Context(), nil, s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if p.ResponseModes != nil || p.IDTokenAlgorithms == nil || len(p.IDTokenAlgorithms) != 0 || p.RequirePAR || p.JWKSURI != "" {
		t.Errorf("got %+v, want nil response modes and an empty list of algorithms", p)
	}
}

func TestDiscoverWithoutAuthorizationEndpoint(t *testing.T) {
	s := newSite(t, map[string]http.HandlerFunc{
		oauthPath: doc("", `,"authorization_endpoint":null,"grant_types_supported":["client_credentials"]`)})
	if _, err := Discover(t.Context(), nil, s.URL); err != nil {
		t.Error(err)
	}
}

func TestDiscoverAnotherIssuer(t *testing.T) {
	s := newSite(t, map[string]http.HandlerFunc{oauthPath: doc("/", ""), oidcPath: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>")
	}})
	_, err := Discover(t.Context(), nil, s.URL)
	var mismatch *IssuerMismatchError
	if !errors.As(err, &mismatch) {
		t.Fatalf("got %v, want *IssuerMismatchError", err)
	}
	if want := (IssuerMismatchError{Want: s.URL, Got: s.URL + "/", URL: s.URL + oauthPath}); *mismatch != want {
		t.Errorf("got %+v, want %+v", *mismatch, want)
	}
}

func TestDiscoverFollowsNoRedirect(t *testing.T) {
	target := newSite(t, nil)
	s := newSite(t, map[string]http.HandlerFunc{oauthPath: func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL+"/x", http.StatusFound)
	}})
	_, err := Discover(t.Context(), &http.Client{}, s.URL)
	if err == nil || !strings.Contains(err.Error(), "redirect") {
		t.Errorf("got %v, want a word of the redirect", err)
	}
	if len(target.asked) != 0 {
		t.Errorf("the target was asked %v", target.asked)
	}
}

func TestDiscoverTrouble(t *testing.T) {
	t.Run("no document", func(t *testing.T) {
		s := newSite(t, nil)
		_, err := Discover(t.Context(), nil, s.URL)
		if !errors.Is(err, ErrNoDiscovery) || !strings.Contains(err.Error(), s.URL) {
			t.Errorf("got %v, want ErrNoDiscovery and the issuer", err)
		}
	})
	t.Run("busy", func(t *testing.T) {
		s := newSite(t, map[string]http.HandlerFunc{oauthPath: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(http.StatusServiceUnavailable)
		}})
		_, err := Discover(t.Context(), nil, s.URL)
		var de *DiscoveryError
		if !errors.As(err, &de) {
			t.Fatalf("got %v, want *DiscoveryError", err)
		}
		if after, ok := de.Transient(); !ok || after != 9*time.Second {
			t.Errorf("got %v, %v; want 9s, true", after, ok)
		}
	})
	t.Run("busy, but the second URL has it", func(t *testing.T) {
		s := newSite(t, map[string]http.HandlerFunc{oidcPath: doc("", ""), oauthPath: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}})
		if _, err := Discover(t.Context(), nil, s.URL); err != nil {
			t.Error(err)
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = ln.Close()
		_, err = Discover(t.Context(), nil, "http://"+ln.Addr().String())
		var de *DiscoveryError
		if !errors.As(err, &de) {
			t.Fatalf("got %v, want *DiscoveryError", err)
		}
		if _, ok := de.Transient(); !ok {
			t.Errorf("not transient: %v", err)
		}
	})
	t.Run("bad issuer", func(t *testing.T) {
		if _, err := Discover(t.Context(), nil, "http://login.example.com"); err == nil || !strings.Contains(err.Error(), "not https") {
			t.Errorf("got %v, want a word of https", err)
		}
	})
}

// The table's rules hold for its issuers, however they were named.
func TestKnownIssuerKeepsItsRules(t *testing.T) {
	const tenant = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
	body := func(issuer string) []byte {
		return []byte(`{"issuer":"` + issuer + `","authorization_endpoint":"https://a.example.com/","token_endpoint":"https://t.example.com/",` +
			`"scopes_supported":["offline_access"]}`)
	}
	p, err := parseDocument("https://accounts.google.com", body("https://accounts.google.com"))
	if err != nil || p.Name != "google" || p.AuthParams["access_type"] != "offline" || p.Endpoints.Token != "https://t.example.com/" ||
		p.Endpoints.AuthMethod != "client_secret_post" {
		t.Errorf("google: got %+v, %v", p, err)
	}
	p, err = parseDocument(tenant, body(tenant))
	if err != nil || p.RedirectHost != "localhost" || p.Issuer != tenant || p.IssuerMatches(strings.Replace(tenant, "9", "8", 1), "") {
		t.Errorf("microsoft: got %+v, %v", p, err)
	}
}

func FuzzDiscoveryDocument(f *testing.F) {
	const issuer = "https://login.example.com"
	f.Add([]byte(`{"issuer":"https://login.example.com","authorization_endpoint":"https://a.example.com/","token_endpoint":"https://t.example.com/"}`))
	f.Add([]byte(`{"issuer":"https://login.example.com","token_endpoint":"-x","scopes_supported":[1]}`))
	f.Add([]byte(`[]`))
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parseDocument(issuer, body)
		if err != nil {
			return
		}
		if p.Issuer != issuer || p.Endpoints.Token == "" {
			t.Errorf("accepted %+v", p)
		}
		for _, u := range []string{p.Endpoints.Authorization, p.Endpoints.Token, p.Endpoints.Device, p.Endpoints.Revocation, p.Endpoints.Userinfo,
			p.JWKSURI, p.PushedAuthorizationEndpoint, p.RegistrationEndpoint} {
			if u != "" && CheckURL(u) != nil {
				t.Errorf("accepted %q: %v", u, CheckURL(u))
			}
		}
	})
}
