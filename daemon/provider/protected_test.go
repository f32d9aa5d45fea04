package provider

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

func TestTokenChallenge(t *testing.T) {
	for value, want := range map[string]map[string]string{
		`Bearer resource_metadata="https://x.example.com/m", scope="a b"`: {"resource_metadata": "https://x.example.com/m", "scope": "a b"},
		`bearer realm=x`: {"realm": "x"},
		`Basic realm="a, Bearer", Bearer scope="a"`:             {"scope": "a"},
		`Negotiate abc==, Bearer Scope = "a\"b"`:                {"scope": `a"b`},
		`Bearer`:                                                {},
		`Bearer scope="unfinished`:                              {},
		`Bearer scope="a", scope="b", error=insufficient_scope`: {"scope": "a", "error": "insufficient_scope"},
		`Basic realm="x"`:                                       nil,
		`,,,`:                                                   nil,
		"":                                                      nil,
	} {
		if got := tokenChallenge(http.Header{"Www-Authenticate": {value}}); !reflect.DeepEqual(got, challenge{parameters: want}) {
			t.Errorf("%s: got %v, want %v for bearer tokens", value, got, want)
		}
	}
}

// A server that takes bound tokens alone has no Bearer challenge.
func TestDPoPChallenge(t *testing.T) {
	for value, want := range map[string]map[string]string{
		`DPoP algs="ES256", resource_metadata="https://x.example.com/m"`: {"algs": "ES256", "resource_metadata": "https://x.example.com/m"},
		`Basic realm="x", dpop error="use_dpop_nonce"`:                   {"error": "use_dpop_nonce"},
	} {
		if got := tokenChallenge(http.Header{"Www-Authenticate": {value}}); !reflect.DeepEqual(got, challenge{want, true}) {
			t.Errorf("%s: got %v, want %v for bound tokens", value, got, want)
		}
	}
	both := `DPoP algs="ES256", Bearer scope="a"`
	if got := tokenChallenge(http.Header{"Www-Authenticate": {both}}); got.bound || got.parameters["scope"] != "a" {
		t.Errorf("%s: got %v, want the Bearer challenge", both, got)
	}
}

func FuzzTokenChallenge(f *testing.F) {
	f.Add(`Basic realm="a, Bearer", Bearer scope="a"`)
	f.Add(`Bearer scope="`)
	f.Fuzz(func(_ *testing.T, value string) {
		tokenChallenge(http.Header{"Www-Authenticate": {value}})
	})
}

// resourceServer answers a request for what is protected with a challenge, and for metadata with the documents.
func resourceServer(t *testing.T, challenge string, documents map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := strings.NewReplacer("SELF", "http://"+r.Host)
		if r.Header.Get("Authorization") != "" {
			t.Error("a credential was sent")
		}
		if text, ok := documents[r.URL.Path]; ok {
			if to, ok := strings.CutPrefix(text, "redirect "); ok {
				http.Redirect(w, r, own.Replace(to), http.StatusFound)
				return
			}
			_, _ = w.Write([]byte(own.Replace(text)))
			return
		}
		if strings.HasPrefix(r.URL.Path, "/.well-known/") || r.URL.Path == "/elsewhere" {
			http.NotFound(w, r)
			return
		}
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", own.Replace(challenge))
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDiscoverResource(t *testing.T) {
	const document = `{"resource":"SELF/mcp","authorization_servers":["https://login.example.com","https://other.example.com"],"scopes_supported":["x","y"]}`
	for _, test := range []struct {
		name, challenge string
		documents       map[string]string
		resource        string // what it calls itself, after the server's own URL
		scopes          []string
		wrong           string
	}{
		{"by the challenge", `Bearer resource_metadata="SELF/elsewhere/m", scope="a b"`, map[string]string{"/elsewhere/m": document}, "/mcp", []string{"a", "b"}, ""},
		{"at the path", "", map[string]string{protectedPath + "/mcp": document}, "/mcp", []string{"x", "y"}, ""},
		{"at the root", "", map[string]string{protectedPath: strings.Replace(document, "SELF/mcp", "SELF", 1)}, "", []string{"x", "y"}, ""},
		{"a place without a document, then the path", `Bearer resource_metadata="SELF/elsewhere"`, map[string]string{protectedPath + "/mcp": document}, "/mcp", []string{"x", "y"}, ""},
		{"a redirect, then the root", "", map[string]string{protectedPath + "/mcp": "redirect SELF/login", protectedPath: strings.Replace(document, "SELF/mcp", "SELF", 1)}, "", []string{"x", "y"}, ""},
		{"a loop", `Bearer resource_metadata="SELF/elsewhere/m"`, map[string]string{"/elsewhere/m": "redirect SELF/elsewhere/m"}, "", nil, "a redirect (302), which is not followed"},
		{"nothing", "", nil, "", nil, "does not say where its tokens come from"},
		{"another resource", "", map[string]string{protectedPath + "/mcp": strings.Replace(document, "SELF/mcp", "https://bank.example.com", 1)}, "", nil, "is for the resource"},
		{"a path beside it", "", map[string]string{protectedPath + "/mcp": strings.Replace(document, "SELF/mcp", "SELF/mc", 1)}, "", nil, "is for the resource"},
		{"below it", "", map[string]string{protectedPath + "/mcp": strings.Replace(document, "SELF/mcp", "SELF/mcp/x", 1)}, "", nil, "is for the resource"},
		{"no resource", "", map[string]string{protectedPath + "/mcp": `{"authorization_servers":["https://login.example.com"]}`}, "", nil, "is for the resource"},
		{"no server", "", map[string]string{protectedPath + "/mcp": `{"resource":"SELF/mcp"}`}, "", nil, "names no authorization server"},
		{"plain http", "", map[string]string{protectedPath + "/mcp": `{"resource":"SELF/mcp","authorization_servers":["http://login.example.com"]}`}, "", nil, "not https"},
		{"metadata elsewhere by plain http", `Bearer resource_metadata="http://login.example.com/m"`, nil, "", nil, "not https"},
		{"another type", "", map[string]string{protectedPath + "/mcp": `{"resource":["SELF/mcp"]}`}, "", nil, "another type"},
		{"no JSON", "", map[string]string{protectedPath + "/mcp": "<html>"}, "", nil, "not a JSON object"},
		{"scopes without end", "", map[string]string{protectedPath + "/mcp": strings.Replace(document, `"x"`, `"`+strings.Repeat("x", 9<<10)+`"`, 1)}, "", nil, "bytes of scopes"},
		{"ten megabytes", "", map[string]string{protectedPath + "/mcp": `{"resource":"` + strings.Repeat("x", 10<<20)}, "", nil, "larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			self := resourceServer(t, test.challenge, test.documents)
			got, err := DiscoverResource(t.Context(), nil, self+"/mcp")
			if test.wrong != "" {
				var e *ResourceError
				if !errors.As(err, &e) || !strings.Contains(err.Error(), test.wrong) || len(err.Error()) > 1000 {
					t.Errorf("got %+v, %v, want an error with %q", got, err, test.wrong)
				}
				return
			}
			want := ProtectedResource{Resource: self + test.resource, Issuer: "https://login.example.com", Scopes: test.scopes}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		})
	}
	for _, test := range []struct {
		name, challenge, member string
		bound                   bool
	}{
		{"the document says so", "Bearer", `,"dpop_bound_access_tokens_required":true`, true},
		{"the challenge says so", `DPoP algs="ES256", resource_metadata="SELF/elsewhere/m"`, "", true},
		{"it takes both", `DPoP algs="ES256", Bearer`, `,"dpop_bound_access_tokens_required":false`, false},
	} {
		text := strings.Replace(document, "}", test.member+"}", 1)
		self := resourceServer(t, test.challenge, map[string]string{"/elsewhere/m": text, protectedPath + "/mcp": text})
		if got, err := DiscoverResource(t.Context(), nil, self+"/mcp"); err != nil || got.DPoPBound != test.bound {
			t.Errorf("bound tokens, %s: got %+v, %v, want %t", test.name, got, err, test.bound)
		}
	}
	if _, err := DiscoverResource(t.Context(), nil, "http://mcp.example.com/mcp"); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("plain http: got %v", err)
	}
}

// siteFunc answers requests.
type siteFunc func(r *http.Request) (status int, header http.Header, body string)

// RoundTrip implements [http.RoundTripper].
func (f siteFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header, body := f(r)
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// A public resource leads to no address of this machine or of a private network: neither by the place of its metadata nor by
// its authorization server, and whether or not a proxy would be asked for it.
func TestPublicResourceLeadsToNoPrivateAddress(t *testing.T) {
	const document = `{"resource":"https://mcp.example.com/mcp","authorization_servers":["AT"]}`
	for _, test := range []struct{ at, wrong string }{
		{"https://127.0.0.1:8400", "is on this machine"},
		{"http://127.0.0.1:8400", "is on this machine"},
		{"http://localhost", "is on this machine"},
		{"https://[::1]/issuer", "is on this machine"},
		{"https://0x7f000001", "is on this machine"},
		{"https://10.1.2.3", "is on a private network"},
		{"https://169.254.169.254/latest", "is on a private network"},
		{"https://[fd00::1]", "is on a private network"},
		{"https://router.local", "is on a private network"},
		{"https://login.example.com", ""},
	} {
		for _, place := range []string{"authorization server", "metadata"} {
			var hosts []string
			client := &http.Client{Transport: siteFunc(func(r *http.Request) (int, http.Header, string) {
				hosts = append(hosts, r.URL.Host)
				switch {
				case r.URL.Path == "/mcp" && place == "metadata":
					return 401, http.Header{"Www-Authenticate": {`Bearer resource_metadata="` + test.at + `"`}}, ""
				case r.URL.Path == "/mcp":
					return 401, http.Header{}, ""
				}
				return 200, http.Header{}, strings.Replace(document, "AT", test.at, 1)
			})}
			found, err := DiscoverResource(t.Context(), client, "https://mcp.example.com/mcp")
			if test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) || test.wrong == "" && err != nil {
				t.Errorf("%s %s: got %+v, %v; want an error with %q", place, test.at, found, err, test.wrong)
			}
			for _, host := range hosts {
				if host != "mcp.example.com" && test.wrong != "" {
					t.Errorf("%s %s: %s was contacted", place, test.at, host)
				}
			}
		}
	}
}
