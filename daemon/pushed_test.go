package daemon

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

func TestPushedLogin(t *testing.T) {
	for _, cfg := range []oauthtest.Config{{PAR: true}, {RequirePAR: true}} {
		r := newRealRig(t, cfg)
		r.start()
		var pushed seen
		r.server.Always(oauthtest.PAR, pushed.fault)
		def := r.definition("openid", "email")
		def.ClientID, def.ClientSecret = "web", clientSecret
		def.AuthParams = map[string]string{"login_hint": "ada@example.com"}
		def.Resource = "https://api.example.com/"
		l := r.begin("work", def)
		e := l.event(api.EventAuthorize)
		q := query(t, e.URL)
		if len(q) != 2 || q.Get("client_id") != "web" || !strings.HasPrefix(q.Get("request_uri"), "urn:") {
			t.Errorf("required %t: the URL has %d parameters, want client_id and request_uri", cfg.RequirePAR, len(q))
		}
		if e.ExpiresAt == nil || time.Until(*e.ExpiresAt) > time.Minute || time.Until(*e.ExpiresAt) < 30*time.Second {
			t.Errorf("the URL is good until %v, want for a minute", e.ExpiresAt)
		}
		form, header := pushed.only(t)
		for name, want := range map[string]string{
			"client_id": "web", "response_type": "code", "scope": "openid email offline_access", "redirect_uri": e.RedirectURI,
			"code_challenge_method": "S256", "login_hint": "ada@example.com", "resource": "https://api.example.com/",
		} {
			if got := form[name]; !slices.Equal(got, []string{want}) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if len(form.Get(name)) < 43 {
				t.Errorf("%s is missing or too short", name)
			}
		}
		for _, name := range []string{"client_secret", "code_verifier", "request_uri", "client_assertion"} {
			if form.Has(name) {
				t.Errorf("the form has %s, want it nowhere", name)
			}
		}
		if !strings.HasPrefix(header.Get("Authorization"), "Basic ") {
			t.Error("the client did not authenticate as it does at the token endpoint")
		}
		if err := l.decide(e.URL, oauthtest.Allow); err != nil {
			t.Errorf("required %t: got %v, want done", cfg.RequirePAR, err)
		}
		r.token()
	}
}

func TestPushingThatFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault oauthtest.Fault
		// offered is the error where pushing is only offered; "" if the request goes by the browser instead.
		offered, required api.Code
		word              string
	}{
		{"out of order", oauthtest.Status(503), "", api.ProviderUnreachable, "503"},
		{"out of reach", oauthtest.Reset(), "", api.ProviderUnreachable, ""},
		{"refused", oauthtest.Error(400, "invalid_request"), "", api.ProviderRejected, "invalid_request"},
		{"gone", oauthtest.Status(404), "", api.LoginFailed, "404"},
		{"a page", oauthtest.HTML(200), "", api.LoginFailed, ""},
		{"no request_uri", oauthtest.Remove("request_uri"), "", api.LoginFailed, "no request_uri"},
		{"client refused", oauthtest.Error(401, "invalid_client"), api.ProviderRejected, api.ProviderRejected, "invalid_client"},
		{"client may not", oauthtest.Error(400, "unauthorized_client"), api.ProviderRejected, api.ProviderRejected, "unauthorized_client"},
	} {
		for _, required := range []bool{false, true} {
			name, want := tt.name+", offered", tt.offered
			if required {
				name, want = tt.name+", required", tt.required
			}
			t.Run(name, func(t *testing.T) {
				r := newRealRig(t, oauthtest.Config{PAR: true, RequirePAR: required})
				r.start()
				r.server.Script(oauthtest.PAR, tt.fault)
				l := r.begin("work", r.definition("openid"))
				at := l.url()
				if want != "" {
					if at != "" {
						t.Error("got an authorization URL, want the failure told")
					}
					err := <-l.ended
					r.wants(err, want)
					if err != nil && !strings.Contains(err.Error(), tt.word) {
						t.Errorf("got %q, want %q in it", err, tt.word)
					}
					r.nothingLeft("work")
					return
				}
				if q := query(t, at); q.Has("request_uri") || len(q.Get("state")) < 43 {
					t.Error("the URL does not hold the whole request")
				}
				if err := l.decide(at, oauthtest.Allow); err != nil {
					t.Errorf("got %v, want done", err)
				}
				if n := r.server.Requests(oauthtest.PAR); n != 1 {
					t.Errorf("got %d pushes, want 1", n)
				}
			})
		}
	}
}

func TestHeadlessPushesOnlyWhereItMust(t *testing.T) {
	for _, required := range []bool{false, true} {
		r := newRealRig(t, oauthtest.Config{PAR: true, RequirePAR: required})
		r.start()
		def := r.definition("openid")
		def.Headless = true // the URL is carried to another machine, and a request_uri lives for a minute
		r.loggedIn("work", def)
		want := 0
		if required {
			want = 1
		}
		if n := r.server.Requests(oauthtest.PAR); n != want {
			t.Errorf("required %t: got %d pushes, want %d", required, n, want)
		}
	}
}

func TestAuthorizationEndpointWithAQueryOfItsOwn(t *testing.T) {
	for _, par := range []bool{false, true} {
		r := newRealRig(t, oauthtest.Config{PAR: par})
		r.start()
		r.server.Always(oauthtest.Discovery, oauthtest.Set("authorization_endpoint", r.server.Issuer()+"/authorize?tenant=a%26b"))
		var pushed seen
		r.server.Always(oauthtest.PAR, pushed.fault)
		l := r.begin("work", r.definition("openid"))
		at := l.url()
		q := query(t, at)
		if !slices.Equal(q["tenant"], []string{"a&b"}) || len(q["client_id"]) != 1 {
			t.Errorf("pushed %t: got tenant %q, want the endpoint's own, once", par, q["tenant"])
		}
		if par {
			if form, _ := pushed.only(t); form.Has("tenant") || !q.Has("request_uri") || q.Has("state") {
				t.Error("the endpoint's own parameter was pushed, or ours were not")
			}
		}
		if err := l.decide(at, oauthtest.Allow); err != nil {
			t.Errorf("pushed %t: got %v, want done", par, err)
		}
	}
}

func TestResourceIsInEveryRequest(t *testing.T) {
	const resource = "https://api.example.com/mail?x=1"
	want := [][]string{{resource}}
	r := newRealRig(t, oauthtest.Config{Device: true, DeviceInterval: time.Second})
	r.start()
	def := r.definition("openid")
	def.Resource = resource
	r.loggedIn("work", def)
	r.restart()
	r.token()
	for endpoint, want := range map[oauthtest.Endpoint][][]string{
		oauthtest.Authorize: want, oauthtest.Token: append(want, want...),
	} {
		if got := r.server.Resources(endpoint); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: got resources %q, want %q", endpoint, got, want)
		}
	}
	// What a caller names comes before the account's.
	if _, err := r.ask(api.TokenRequest{Account: "work", Resource: "https://other.example.com"}); err == nil {
		t.Error("another resource than the grant's: got a token, want the provider's refusal")
	}
	if got := r.server.Resources(oauthtest.Token); !slices.Equal(got[len(got)-1], []string{"https://other.example.com"}) {
		t.Errorf("got %q, want the caller's resource sent", got[len(got)-1])
	}

	l := r.begin("work", api.AccountDefinition{Headless: true})
	if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
		t.Fatal(err)
	}
	if err := <-l.ended; err != nil {
		t.Fatalf("got %v, want done", err)
	}
	polls := r.server.Resources(oauthtest.Token)
	if got := r.server.Resources(oauthtest.DeviceAuthorization); !slices.EqualFunc(got, want, slices.Equal) ||
		!slices.Equal(polls[len(polls)-1], []string{resource}) {
		t.Errorf("device grant: got resources %q and %q, want %q", got, polls[len(polls)-1], resource)
	}
}

// includeGranted is how Google is asked to keep what was granted before.
const includeGranted = "include_granted_scopes"

func TestMoreScopesKeepWhatWasGranted(t *testing.T) {
	const google, calendar, mail = "https://accounts.google.com", "https://www.googleapis.com/auth/calendar", "https://mail.google.com/"
	for _, tt := range []struct {
		name, provider string
		issuer         string
		granted        []string // nil when nobody has logged in
		scopes         []string
		want           string
	}{
		{"first login", "google", "", nil, []string{calendar}, ""},
		{"the same again", "google", google, []string{"openid", calendar}, nil, ""},
		{"the same again, all said", "google", google, []string{"openid", calendar}, []string{"openid", calendar}, ""},
		{"by another name", "google", google, []string{"https://www.googleapis.com/auth/userinfo.email"}, []string{"email"}, ""},
		{"more", "google", google, []string{"openid", calendar}, []string{mail}, "true"},
		{"denied before", "google", google, []string{"openid"}, []string{calendar}, "true"},
		{"denied before, and not said again", "", google, []string{"openid"}, nil, ""},
		{"more, than at another provider", "google", "https://login.example.com", []string{"openid"}, []string{mail}, ""},
		{"more, elsewhere", "gitlab", "https://gitlab.com", []string{"openid"}, []string{"read_api"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.start()
			def := api.AccountDefinition{Provider: tt.provider, ClientID: "app", ClientSecret: clientSecret, Scopes: tt.scopes}
			if tt.provider == "" {
				r.write("accounts/work.toml", "provider = 'google'\nclient_id = 'app'\nscopes = ['openid', '"+calendar+"']\n")
			}
			if tt.granted != nil {
				c := r.authorize("openid", "offline_access")
				c.Issuer, c.Scopes = tt.issuer, tt.granted
				r.store.save(t, "work", c)
			}
			l := r.begin("work", def)
			at := l.url()
			l.cancel()
			<-l.ended
			if !strings.HasPrefix(at, "https://") {
				t.Fatal("got no authorization URL")
			}
			if got := query(t, at).Get(includeGranted); got != tt.want {
				t.Errorf("got %s=%q, want %q", includeGranted, got, tt.want)
			}
		})
	}
}

func TestPlainURL(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	def := r.definition("calendar.read")
	def.AuthParams = map[string]string{"prompt": "login", "resource": "https://param.example.com", "x y": "a&b=c"}
	def.Resource = "https://api.example.com"
	l := r.begin("work", def)
	q := query(t, l.url())
	l.cancel()
	<-l.ended
	want := url.Values{"prompt": {"login"}, "resource": {"https://api.example.com"}, "x y": {"a&b=c"}, "scope": {"calendar.read offline_access"}}
	for name, values := range want {
		if !slices.Equal(q[name], values) {
			t.Errorf("%s: got %q, want %q", name, q[name], values)
		}
	}
	for _, name := range []string{"nonce", "code_verifier", "client_secret", includeGranted} {
		if q.Has(name) {
			t.Errorf("the URL has %s, want it left out", name)
		}
	}
	for name, values := range q {
		if len(values) != 1 {
			t.Errorf("%s is there %d times", name, len(values))
		}
	}
}
