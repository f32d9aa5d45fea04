package daemon

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

const (
	liarResource = "https://mcp.example.com/mcp"
	liarIssuer   = "https://login.example.com"
	liarMetadata = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
	liarServer   = liarIssuer + "/.well-known/oauth-authorization-server"
)

// liar is a public resource server with its authorization server, which say what a test wants them to.
type liar struct {
	t         *testing.T
	challenge string            // WWW-Authenticate of the resource
	documents map[string]string // by URL; "redirect URL" is a redirect

	mu    sync.Mutex // guards asked
	asked []string   // the URLs that were asked for
}

// newLiar returns one that says the truth.
func newLiar(t *testing.T) *liar {
	return &liar{t: t, documents: map[string]string{
		liarMetadata: `{"resource":"` + liarResource + `","authorization_servers":["` + liarIssuer + `"],"scopes_supported":["notes.read"]}`,
		liarServer: `{"issuer":"` + liarIssuer + `","authorization_endpoint":"` + liarIssuer + `/authorize","token_endpoint":"` + liarIssuer +
			`/token","registration_endpoint":"` + liarIssuer + `/register","code_challenge_methods_supported":["S256"]}`,
	}}
}

// RoundTrip implements [http.RoundTripper].
func (l *liar) RoundTrip(r *http.Request) (*http.Response, error) {
	at := r.URL.String()
	first := !slices.Contains(l.hosts(), r.URL.Host)
	l.mu.Lock()
	l.asked = append(l.asked, at)
	l.mu.Unlock()
	if r.Method != http.MethodGet || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.URL.RawQuery != "" {
		l.t.Errorf("%s %s was sent more than a question", r.Method, at)
	}
	if first && r.URL.Host != "mcp.example.com" && !provider.Confined(r.Context(), r.URL.Host) {
		l.t.Errorf("%s may lead to a private address, though it is a public resource that names it", at)
	}
	status, header, body := http.StatusNotFound, http.Header{}, l.documents[at]
	if to, ok := strings.CutPrefix(body, "redirect "); ok {
		status, body = http.StatusFound, ""
		header.Set("Location", to)
	} else if body != "" {
		status = http.StatusOK
	}
	if at == liarResource {
		status = http.StatusUnauthorized
		header.Set("WWW-Authenticate", l.challenge)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// hosts returns the hosts that were asked, sorted.
func (l *liar) hosts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]bool{}
	for _, raw := range l.asked {
		if u, err := url.Parse(raw); err == nil {
			all[u.Host] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Whatever a server's metadata lies about, the error says what is wrong, and nothing is stored or sent.
func TestLyingServers(t *testing.T) {
	const huge = 10 << 20
	for _, tt := range []struct {
		name string
		lie  func(l *liar)
		says string
		code api.Code // "" for config_invalid
		far  string   // a host beside the resource's that may be asked; "" for none
	}{
		{name: "another resource", says: `is for the resource "https://bank.example.com/mcp"`, lie: replaced(liarMetadata, liarResource, "https://bank.example.com/mcp")},
		{name: "a resource beside it", says: "is for the resource", lie: replaced(liarMetadata, liarResource, liarResource+"2")},
		{name: "a resource of another port", says: "is for the resource", lie: replaced(liarMetadata, "mcp.example.com/", "mcp.example.com:8443/")},
		{name: "a resource of the parent domain", says: "is for the resource", lie: replaced(liarMetadata, liarResource, "https://example.com/")},
		{name: "a resource by plain http", says: "is for the resource", lie: replaced(liarMetadata, "https://mcp", "http://mcp")},
		{name: "no resource", says: "is for the resource", lie: replaced(liarMetadata, `"resource"`, `"resource_"`)},
		{name: "no authorization server", says: "names no authorization server", lie: replaced(liarMetadata, `["`+liarIssuer+`"]`, "[]")},
		{name: "an authorization server of another type", says: "another type", lie: replaced(liarMetadata, `["`+liarIssuer+`"]`, `{"a":1}`)},
		{name: "an authorization server by plain http", says: "not https", lie: replaced(liarMetadata, liarIssuer, "http://login.example.com")},
		{name: "an authorization server on this machine", says: "on this machine", lie: replaced(liarMetadata, liarIssuer, "http://127.0.0.1:8400")},
		{name: "an authorization server on this machine, by name", says: "on this machine", lie: replaced(liarMetadata, liarIssuer, "https://localhost")},
		{name: "an authorization server on a private network", says: "on a private network", lie: replaced(liarMetadata, liarIssuer, "https://192.168.1.1")},
		{name: "a place for credentials of machines", says: "on a private network", lie: replaced(liarMetadata, liarIssuer, "https://169.254.169.254")},
		{name: "an authorization server with a password", says: "user information", lie: replaced(liarMetadata, liarIssuer, "https://a:b@login.example.com")},
		{name: "an authorization server that is a file", says: "scheme is not https", lie: replaced(liarMetadata, liarIssuer, "file:///etc/passwd")},
		{name: "metadata on this machine", says: "on this machine", lie: func(l *liar) {
			l.challenge = `Bearer resource_metadata="http://localhost:8400/m"`
		}},
		{name: "metadata on a private network", says: "on a private network", lie: func(l *liar) {
			l.challenge = `Bearer resource_metadata="https://router.lan/m"`
		}},
		{name: "metadata that is a file", says: "scheme is not https", lie: func(l *liar) { l.challenge = `Bearer resource_metadata="file:///etc/passwd"` }},
		{name: "metadata in a loop", says: "a redirect (302)", lie: func(l *liar) { l.documents[liarMetadata] = "redirect " + liarMetadata }},
		{name: "metadata that leads on", says: "a redirect (302)", lie: func(l *liar) { l.documents[liarMetadata] = "redirect https://bank.example.com/" }},
		{name: "10 MB of metadata", says: "larger than", lie: replaced(liarMetadata, `"resource"`, `"filler":"`+strings.Repeat("x", huge)+`","resource"`)},
		{name: "scopes without end", says: "bytes of scopes", lie: replaced(liarMetadata, "notes.read", strings.Repeat("x", 1<<19))},
		{name: "metadata that is a page", says: "not a JSON object", lie: replaced(liarMetadata, "{", "<html>{")},
		{name: "no metadata", says: "does not say where its tokens come from", lie: func(l *liar) { delete(l.documents, liarMetadata) }},

		{name: "another issuer", far: "login.example.com", says: `belongs to the issuer "https://bank.example.com"`,
			lie: replaced(liarServer, liarIssuer+`"`, `https://bank.example.com"`)},
		{name: "nearly the same issuer", far: "login.example.com", says: "belongs to the issuer", lie: replaced(liarServer, liarIssuer+`"`, liarIssuer+`/"`)},
		{name: "no issuer", far: "login.example.com", says: "belongs to the issuer", lie: replaced(liarServer, `"issuer"`, `"issuer_"`)},
		{name: "no PKCE", far: "login.example.com", says: "does not say that it takes PKCE", lie: replaced(liarServer, "code_challenge", "code")},
		{name: "plain PKCE", far: "login.example.com", says: "does not say that it takes PKCE", lie: replaced(liarServer, "S256", "plain")},
		{name: "a token endpoint by plain http", far: "login.example.com", says: "token_endpoint: not https", lie: replaced(liarServer, liarIssuer+"/token", "http://login.example.com/token")},
		{name: "a token endpoint on this machine", far: "login.example.com", says: "token_endpoint: is on this machine", lie: replaced(liarServer, liarIssuer+"/token", "http://127.0.0.1/token")},
		{name: "a token endpoint on a private network", far: "login.example.com", says: "token_endpoint: is on a private network",
			lie: replaced(liarServer, liarIssuer+"/token", "https://10.0.0.1/token")},
		{name: "a registration endpoint on this machine", far: "login.example.com", says: "registration_endpoint: is on this machine",
			lie: replaced(liarServer, liarIssuer+"/register", "https://[::1]/register")},
		{name: "an authorization endpoint that is a script", far: "login.example.com", says: "authorization_endpoint: the URL's scheme", lie: replaced(liarServer, liarIssuer+"/authorize", "javascript:alert(1)")},
		{name: "an authorization endpoint that is a file", far: "login.example.com", says: "authorization_endpoint: the URL's scheme", lie: replaced(liarServer, liarIssuer+"/authorize", "file:///bin/sh")},
		{name: "an authorization endpoint that is an option", far: "login.example.com", says: "authorization_endpoint: the URL starts with a dash", lie: replaced(liarServer, liarIssuer+"/authorize", "--exec=sh")},
		{name: "an authorization endpoint with a command", far: "login.example.com", says: "a character that no URL may have", lie: replaced(liarServer, liarIssuer+"/authorize", liarIssuer+"/`sh`")},
		{name: "a document in a loop", far: "login.example.com", says: "a redirect (302)", lie: func(l *liar) { l.documents[liarServer] = "redirect " + liarServer }},
		{name: "10 MB of a document", far: "login.example.com", says: "larger than", lie: replaced(liarServer, `"issuer"`, `"filler":"`+strings.Repeat("x", huge)+`","issuer"`)},
		{name: "a document that is a page", far: "login.example.com", says: "not a JSON object", lie: replaced(liarServer, "{", "<html>{")},
		{name: "an issuer that is none", far: "login.example.com", says: "not an issuer", lie: func(l *liar) { delete(l.documents, liarServer) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			l := newLiar(t)
			tt.lie(l)
			r.client = &http.Client{Transport: l}
			r.write("config.toml", `client_id_metadata = "`+metadataURL+`"`+"\n")
			r.start()
			login := r.begin("notes", api.AccountDefinition{Resource: liarResource})
			if at := login.url(); at != "" {
				t.Errorf("a person was sent to %q", at)
			}
			err := <-login.ended
			r.wants(err, api.ConfigInvalid)
			if err != nil && (!strings.Contains(err.Error(), tt.says) || len(err.Error()) > 1000) {
				t.Errorf("got %.1000q, want a message with %q", err, tt.says)
			}
			want := []string{"mcp.example.com"}
			if tt.far != "" {
				want = []string{tt.far, "mcp.example.com"}
			}
			if got := l.hosts(); !slices.Equal(got, want) {
				t.Errorf("got requests to %q, want them to %q alone", got, want)
			}
			r.nothingLeft("notes")
		})
	}
	t.Run("the truth", func(t *testing.T) { // or the cases above would show nothing
		r := newRealRig(t, oauthtest.Config{})
		r.client = &http.Client{Transport: newLiar(t)}
		r.start()
		login := r.begin("notes", api.AccountDefinition{Resource: liarResource, ClientID: "app"})
		got := query(t, login.url())
		if got.Get("resource") != liarResource || got.Get("scope") != "notes.read" || got.Get("code_challenge_method") != "S256" {
			t.Errorf("got the authorization request %v, want it for the resource", got)
		}
		login.cancel()
		r.wants(<-login.ended, api.LoginFailed)
		r.nothingLeft("notes")
	})
}

// replaced is the lie that has one text in place of another in the document at a URL.
func replaced(at, old, text string) func(l *liar) {
	return func(l *liar) {
		was := l.documents[at]
		if l.documents[at] = strings.Replace(was, old, text, 1); l.documents[at] == was {
			l.t.Fatalf("the document has no %q", old)
		}
	}
}

// resourceAt starts a resource server on this machine that says what document returns, with SELF for its own URL.
func resourceAt(t *testing.T, challenge string, document func() string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		self := strings.NewReplacer("SELF", "http://"+r.Host)
		if strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource") {
			_, _ = io.WriteString(w, self.Replace(document()))
			return
		}
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The resource goes with every request of the account, its scopes are those that the server wants, and offline_access comes
// with them if the issuer has it.
func TestLoginFromResource(t *testing.T) {
	for _, tt := range []struct {
		name, challenge, supported string
		cfg                        oauthtest.Config
		named                      []string // scopes of the login
		scope                      string
	}{
		{name: "scopes of the challenge", challenge: `Bearer scope="calendar.read"`, supported: `,"scopes_supported":["calendar.write"]`, scope: "calendar.read offline_access"},
		{name: "scopes that are supported", supported: `,"scopes_supported":["calendar.read","calendar.write"]`, scope: "calendar.read calendar.write offline_access"},
		{name: "no offline_access", cfg: oauthtest.Config{Scopes: []string{"calendar.read"}, AlwaysRefreshToken: true},
			supported: `,"scopes_supported":["calendar.read"]`, scope: "calendar.read"},
		{name: "scopes of the person", named: []string{"calendar.write"}, challenge: `Bearer scope="calendar.read"`, scope: "calendar.write offline_access"},
		{name: "pushed", cfg: oauthtest.Config{RequirePAR: true}, supported: `,"scopes_supported":["calendar.read"]`, scope: "calendar.read offline_access"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, withMetadata(tt.cfg))
			r.start()
			at := resourceAt(t, tt.challenge, func() string {
				return fmt.Sprintf(`{"resource":"SELF/mcp","authorization_servers":[%q]%s}`, r.server.Issuer(), tt.supported)
			}) + "/mcp"
			l := r.begin("notes", api.AccountDefinition{Resource: at, ClientIDMetadata: metadataURL, Scopes: tt.named})
			where := l.url()
			if got := query(t, where); !tt.cfg.RequirePAR && (got.Get("scope") != tt.scope || got.Get("code_challenge_method") != "S256") {
				t.Errorf("got scope %q, challenge method %q; want %q, S256", got.Get("scope"), got.Get("code_challenge_method"), tt.scope)
			}
			if err := l.decide(where, oauthtest.Allow); err != nil {
				t.Fatal(err)
			}
			if got := r.clientOf("notes"); got != metadataURL {
				t.Errorf("got client %q, want the document", got)
			}
			if a := r.shown("notes"); !slices.Equal(a.Hosts, []string{at}) || strings.Join(a.ScopesGranted, " ") != tt.scope {
				t.Errorf("got hosts %q, scopes %q; want the resource alone, and %q", a.Hosts, a.ScopesGranted, tt.scope)
			}
			asks := oauthtest.Authorize
			if tt.cfg.RequirePAR {
				asks = oauthtest.PAR
			}
			for endpoint, n := range map[oauthtest.Endpoint]int{asks: 1, oauthtest.Token: 2} { // the code, and a refresh
				got := r.server.Resources(endpoint)
				if len(got) != n || slices.ContainsFunc(got, func(sent []string) bool { return !slices.Equal(sent, []string{at}) }) {
					t.Errorf("%s: got the resources %q, want %q in each of %d requests", endpoint, got, at, n)
				}
			}
		})
	}
}

// A server that says nothing of scopes is asked for what it gives unasked.
func TestResourceWithoutScopes(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	at := resourceAt(t, "", func() string {
		return fmt.Sprintf(`{"resource":"SELF","authorization_servers":[%q]}`, r.server.Issuer())
	})
	l := r.begin("notes", api.AccountDefinition{Resource: at + "/mcp", ClientID: "app"})
	if got := query(t, l.url()); got.Has("scope") || got.Get("resource") != at {
		t.Errorf("got scope %q for the resource %q, want no scope for %q", got.Get("scope"), got.Get("resource"), at)
	}
	l.cancel()
	<-l.ended
}

// An account from a resource keeps to the issuer and the resource that it was made from.
func TestResourceThatChanges(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{AlwaysRefreshToken: true})
	other, err := oauthtest.Listen(withClients(oauthtest.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	r.start()
	truth := fmt.Sprintf(`{"resource":"SELF/a","authorization_servers":[%q],"scopes_supported":["calendar.read"]}`, r.server.Issuer())
	says := truth
	at := resourceAt(t, "", func() string { return says }) // between logins
	r.loggedIn("notes", api.AccountDefinition{Resource: at + "/a/mcp", ClientID: "app"})
	before := r.snapshot("notes")
	if !strings.Contains(before.file, "resource = '"+at+"/a'") {
		t.Fatalf("got file %q, want the resource as it calls itself", before.file)
	}
	elsewhere := resourceAt(t, "", func() string { return truth })
	for _, tt := range []struct {
		name, document, resource, says string
	}{
		{"another issuer", strings.Replace(truth, r.server.Issuer(), other.Issuer(), 1), at + "/a/mcp", "names " + other.Issuer() + " now"},
		{"another issuer, by the resource's own name", strings.Replace(truth, r.server.Issuer(), other.Issuer(), 1), at + "/a", "names " + other.Issuer() + " now"},
		{"another name", strings.Replace(truth, "SELF/a", "SELF", 1), at + "/a/mcp", "calls itself " + at},
		{"another server", truth, elsewhere + "/a", "calls itself " + elsewhere + "/a"},
		{"a server that says nothing", "{}", at + "/a/mcp", "is for the resource"},
	} {
		says = tt.document
		l := r.begin("notes", api.AccountDefinition{Resource: tt.resource})
		if where := l.url(); where != "" {
			t.Errorf("%s: a person was sent to %q", tt.name, where)
		}
		err := <-l.ended
		r.wants(err, api.ConfigInvalid)
		if err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %q, want %q in it", tt.name, err, tt.says)
		}
		r.unchanged("notes", before)
		if n := other.Requests(oauthtest.Authorize) + other.Requests(oauthtest.Token); n != 0 {
			t.Errorf("%s: got %d requests at the other issuer, want none", tt.name, n)
		}
	}
	says = truth
	r.loggedIn("notes", api.AccountDefinition{Resource: at + "/a/mcp"})
	r.loggedIn("notes", api.AccountDefinition{Resource: at + "/a"})

	// A person may change it by naming the issuer: its tokens then go to the new resource alone.
	r.loggedIn("notes", api.AccountDefinition{Resource: elsewhere + "/a", Issuer: r.server.Issuer()})
	if a := r.shown("notes"); !slices.Equal(a.Hosts, []string{elsewhere + "/a"}) {
		t.Errorf("got hosts %q, want the new resource", a.Hosts)
	}
	if file := config.AccountFile(r.dir, "notes"); r.shown("notes").File != file {
		t.Errorf("got file %q, want %q", r.shown("notes").File, file)
	}
}
