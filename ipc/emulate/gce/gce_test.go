package gce

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// daemon gives what a test wants it to, and remembers what it was asked.
type daemon struct {
	asked []api.TokenRequest
	give  func(api.TokenRequest) (api.Token, error)
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	d.asked = append(d.asked, r)
	return d.give(r)
}

func always(t api.Token, err error) *daemon {
	return &daemon{give: func(api.TokenRequest) (api.Token, error) { return t, err }}
}

var good = api.Token{AccessToken: "at-1", TokenType: "Bearer", ExpiresIn: new(int64(3599)), Account: "work"}

const v1 = "/computeMetadata/v1"

// rig is a server whose complaints are written down.
type rig struct {
	*Server
	complaints []error
}

func newRig(cfg Config, d *daemon) *rig {
	s := &rig{}
	if cfg.Request.Account == "" {
		cfg.Request.Account = "work"
	}
	s.Server = New(cfg, d, func(err error) { s.complaints = append(s.complaints, err) })
	return s
}

func (s *rig) get(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Metadata-Flavor", "Google")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestValues(t *testing.T) {
	full := Config{Email: "ada@example.com", Scopes: []string{"openid", "email"}, Project: "box-1"}
	bare := Config{}
	for _, tt := range []struct {
		name   string
		cfg    Config
		path   string
		status int
		want   string
	}{
		{"ping", full, "/", 200, "computeMetadata/\n"},
		{"versions", full, "/computeMetadata/", 200, "v1/\n"},
		{"root", full, v1 + "/", 200, "instance/\nproject/\nuniverse/\n"},
		{"Node's probe", full, v1 + "/instance", 200, "service-accounts/\n"},
		{"accounts", full, v1 + "/instance/service-accounts/", 200, "default/\nada@example.com/\n"},
		{"account", full, v1 + "/instance/service-accounts/default/", 200, "aliases\nemail\nidentity\nscopes\ntoken\n"},
		{"email", full, v1 + "/instance/service-accounts/default/email", 200, "ada@example.com"},
		{"by email", full, v1 + "/instance/service-accounts/ada@example.com/email", 200, "ada@example.com"},
		{"by quoted email", full, v1 + "/instance/service-accounts/ada%40example.com/email", 200, "ada@example.com"},
		{"another account", full, v1 + "/instance/service-accounts/bob@example.com/email", 404, "oauthd has no " + v1 + "/instance/service-accounts/bob@example.com/email to give\n"},
		{"scopes", full, v1 + "/instance/service-accounts/default/scopes", 200, "openid\nemail\n"},
		{"all of an account", full, v1 + "/instance/service-accounts/ada@example.com/?recursive=true", 200,
			`{"aliases":["default"],"email":"ada@example.com","scopes":["openid","email"]}`},
		{"all of an account, no slash", full, v1 + "/instance/service-accounts/default?recursive=true", 200,
			`{"aliases":["default"],"email":"ada@example.com","scopes":["openid","email"]}`},
		{"a value as JSON", full, v1 + "/project/project-id?alt=json", 200, `"box-1"`},
		{"project", full, v1 + "/project/project-id", 200, "box-1"},
		{"all of a project", full, v1 + "/project/?recursive=true", 200, `{"numericProjectId":0,"projectId":"box-1"}`},
		{"no project", bare, v1 + "/project/project-id", 404, "oauthd has no " + v1 + "/project/project-id to give\n"},
		{"number", full, v1 + "/project/numeric-project-id", 200, "0"},
		{"known number", Config{Project: "123456"}, v1 + "/project/numeric-project-id", 200, "123456"},
		{"universe", full, v1 + "/universe/universe-domain", 200, "googleapis.com"},
		{"other universe", Config{Universe: "example.com"}, v1 + "/universe/universe-domain", 200, "example.com"},
		{"no email", bare, v1 + "/instance/service-accounts/default/?recursive=true", 200, `{"aliases":["default"],"email":"work","scopes":[]}`},
		{"by name", bare, v1 + "/instance/service-accounts/work/email", 200, "work"},
		{"zone", full, v1 + "/instance/zone", 404, "oauthd has no " + v1 + "/instance/zone to give\n"},
		{"below a value", full, v1 + "/project/project-id/more", 404, "oauthd has no " + v1 + "/project/project-id/more to give\n"},
		{"another version", full, "/0.1/meta-data/", 404, "oauthd has no /0.1/meta-data/ to give\n"},
		{"what steers a terminal", full, "/%1b%5b31m", 404, "oauthd has no /[31m to give\n"},
	} {
		w := newRig(tt.cfg, always(good, nil)).get(tt.path)
		if w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("%s: got %d, %q, want %d, %q", tt.name, w.Code, w.Body, tt.status, tt.want)
		}
		want := "application/text"
		switch {
		case w.Code != 200:
			want = "text/plain; charset=utf-8"
		case strings.Contains(tt.path, "recursive"), strings.Contains(tt.path, "alt="):
			want = "application/json"
		}
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("%s: got content type %q, want %q", tt.name, got, want)
		}
		if w.Header().Get("Metadata-Flavor") != "Google" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got header %v", tt.name, w.Header())
		}
	}
}

func TestRequestsOfNoLibrary(t *testing.T) {
	for _, tt := range []struct {
		name, method, flavor string
		status               int
	}{
		{"no flavor", http.MethodGet, "", 403},
		{"another flavor", http.MethodGet, "Amazon", 403},
		{"a write", http.MethodPut, "Google", 405},
		{"a form", http.MethodPost, "Google", 405},
		{"a look", http.MethodHead, "Google", 200},
	} {
		d := always(good, nil)
		r := httptest.NewRequest(tt.method, v1+"/instance/service-accounts/default/token", nil)
		if tt.flavor != "" {
			r.Header.Set("Metadata-Flavor", tt.flavor)
		}
		w := httptest.NewRecorder()
		newRig(Config{}, d).ServeHTTP(w, r)
		if w.Code != tt.status || (len(d.asked) > 0) != (tt.status == 200) {
			t.Errorf("%s: got %d after %d requests, want %d", tt.name, w.Code, len(d.asked), tt.status)
		}
	}
}

func TestToken(t *testing.T) {
	const path = v1 + "/instance/service-accounts/ada@example.com/token"
	cfg := Config{Email: "ada@example.com", Request: api.TokenRequest{Account: "work", Scope: "openid", Resource: "r"}}
	for _, tt := range []struct {
		name, query string
		cfg         Config
		give        func(api.TokenRequest) (api.Token, error)
		scopes      []string // of the requests
		ttl         int64
		want        string
	}{
		{name: "plain", cfg: cfg, scopes: []string{"openid"}, want: `{"access_token":"at-1","expires_in":3599,"token_type":"Bearer"}`},
		{name: "scopes of Go and Python", query: "?scopes=a%2Cb", cfg: cfg, scopes: []string{"a b"}, want: `{"access_token":"at-1","expires_in":3599,"token_type":"Bearer"}`},
		{name: "scopes that were not granted", query: "?scopes=a,b", cfg: cfg, scopes: []string{"a b", "openid"},
			give: func(r api.TokenRequest) (api.Token, error) {
				if r.Scope != "openid" {
					return api.Token{}, &api.Error{Code: api.ScopeNotGranted}
				}
				return good, nil
			},
			want: `{"access_token":"at-1","expires_in":3599,"token_type":"Bearer"}`},
		{name: "unknown end", cfg: cfg, scopes: []string{"openid"}, give: func(api.TokenRequest) (api.Token, error) {
			return api.Token{AccessToken: "at-1"}, nil
		}, want: `{"access_token":"at-1","expires_in":60,"token_type":"Bearer"}`},
		{name: "short life", cfg: cfg, scopes: []string{"openid"}, give: func(api.TokenRequest) (api.Token, error) {
			return api.Token{AccessToken: "at-1", TokenType: "Bearer", ExpiresIn: new(int64(2))}, nil
		}, want: `{"access_token":"at-1","expires_in":2,"token_type":"Bearer"}`},
		{name: "longer life wanted", cfg: Config{Email: "ada@example.com", Request: api.TokenRequest{MinTTL: new(int64(1800))}}, scopes: []string{""}, ttl: 1800,
			want: `{"access_token":"at-1","expires_in":3599,"token_type":"Bearer"}`},
	} {
		d := always(good, nil)
		if tt.give != nil {
			d.give = tt.give
		}
		s := newRig(tt.cfg, d)
		w := s.get(path + tt.query)
		if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != tt.want {
			t.Errorf("%s: got %d, %s, want %s", tt.name, w.Code, got, tt.want)
		}
		var got []string
		for _, r := range d.asked {
			got = append(got, r.Scope)
			if want := max(tt.ttl, 420); *r.MinTTL != want || r.Account != "work" || r.Resource != tt.cfg.Request.Resource {
				t.Errorf("%s: got request %+v, want min_ttl %d", tt.name, r, want)
			}
		}
		if !slices.Equal(got, tt.scopes) {
			t.Errorf("%s: got requests for scopes %q, want %q", tt.name, got, tt.scopes)
		}
		if !slices.Equal(s.complaints, []error{nil}) {
			t.Errorf("%s: got complaints %v", tt.name, s.complaints)
		}
	}
}

func TestErrors(t *testing.T) {
	const path = v1 + "/instance/service-accounts/default/token"
	for _, tt := range []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{"locked", &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}, 423, "oauthd: oauthd is locked\nhint: oauthd unlock\n"},
		{"login needed", &api.Error{Code: api.LoginRequired, Message: "work needs a login", Hint: "oauthd login work"}, 401, "oauthd: work needs a login\nhint: oauthd login work\n"},
		{"outage", &api.Error{Code: api.ProviderUnreachable, Message: "no answer", RetryAfter: 7}, 503, "oauthd: no answer\n"},
		{"not known", &api.Error{Code: api.UnknownAccount, Message: "there is no account work"}, 403, "oauthd: there is no account work\n"},
		{"refused", &api.Error{Code: api.PolicyDenied, Message: "not for you"}, 403, "oauthd: not for you\n"},
		{"what steers a terminal", &api.Error{Code: api.Internal, Message: "a\x1b[31m\x00b"}, 500, "oauthd: a[31mb\n"},
		{"a fault", errors.New("secret"), 500, "oauthd: internal error\nhint: see the daemon's log for details\n"},
	} {
		s := newRig(Config{}, always(api.Token{}, tt.err))
		w := s.get(path)
		if w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("%s: got %d, %q, want %d, %q", tt.name, w.Code, w.Body, tt.status, tt.want)
		}
		if len(s.complaints) != 1 || !errors.Is(s.complaints[0], tt.err) {
			t.Errorf("%s: got complaints %v", tt.name, s.complaints)
		}
		if got := w.Header().Get("Retry-After"); (got == "7") != (tt.name == "outage") {
			t.Errorf("%s: got Retry-After %q", tt.name, got)
		}
	}
}

func TestTokensThatEndAHeader(t *testing.T) {
	for _, token := range []string{"", "a\nb", "a\r", "a\x00b", "a b", "ä"} {
		w := newRig(Config{}, always(api.Token{AccessToken: token, ExpiresIn: new(int64(3599))}, nil)).get(v1 + "/instance/service-accounts/default/token")
		if w.Code != http.StatusBadGateway || strings.Contains(w.Body.String(), "access_token") {
			t.Errorf("%q: got %d, %q", token, w.Code, w.Body)
		}
	}
}

// TestGoneClients asks on a connection that has been closed: that is nobody's error.
func TestGoneClients(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newRig(Config{}, always(api.Token{}, context.Canceled))
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, v1+"/instance/service-accounts/default/token", nil)
	r.Header.Set("Metadata-Flavor", "Google")
	s.ServeHTTP(httptest.NewRecorder(), r)
	if len(s.complaints) > 0 {
		t.Errorf("got complaints %v", s.complaints)
	}
}

func idToken(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestIdentity(t *testing.T) {
	const path = v1 + "/instance/service-accounts/default/identity"
	unsupported := &api.Error{Code: api.Unsupported, Message: "no audiences here"}
	only := func(audience, token string) func(api.TokenRequest) (api.Token, error) {
		return func(r api.TokenRequest) (api.Token, error) {
			if !r.IDToken || r.Audience != audience {
				return api.Token{}, unsupported
			}
			return api.Token{AccessToken: "at-1", IDToken: token}, nil
		}
	}
	for _, tt := range []struct {
		name, query string
		give        func(api.TokenRequest) (api.Token, error)
		status      int
		want        string
	}{
		{"for any audience", "?audience=https://run.example.com&format=full", only("https://run.example.com", idToken(`{"aud":"https://run.example.com"}`)), 200, idToken(`{"aud":"https://run.example.com"}`)},
		{"of several", "?audience=b", only("b", idToken(`{"aud":["a","b"]}`)), 200, idToken(`{"aud":["a","b"]}`)},
		{"for the client", "?audience=client", only("", idToken(`{"aud":"client"}`)), 200, idToken(`{"aud":"client"}`)},
		{"for another audience", "?audience=x", only("", idToken(`{"aud":"client"}`)), 404, "oauthd: work can get no ID token for x\nhint: only a service account can get one for any audience\n"},
		{"for nobody", "?audience=x", only("x", idToken(`{}`)), 404, "oauthd: work can get no ID token for x\nhint: only a service account can get one for any audience\n"},
		{"no token", "?audience=x", only("x", "not a token"), 404, "oauthd: work can get no ID token for x\nhint: only a service account can get one for any audience\n"},
		{"none at all", "?audience=x", only("y", ""), 404, "oauthd: work can get no ID token for x\nhint: only a service account can get one for any audience\n"},
		{"no audience", "", only("", idToken(`{"aud":"client"}`)), 400, "a request for an identity needs ?audience=\n"},
		{"locked", "?audience=x", always(api.Token{}, &api.Error{Code: api.Locked, Message: "locked"}).give, 423, "oauthd: locked\n"},
	} {
		w := newRig(Config{}, &daemon{give: tt.give}).get(path + tt.query)
		if w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("%s: got %d, %q, want %d, %q", tt.name, w.Code, w.Body, tt.status, tt.want)
		}
	}
}
