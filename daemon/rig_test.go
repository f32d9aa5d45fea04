package daemon

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/attend"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
	"golang.org/x/oauth2"
)

// clientSecret is that of the confidential client; no output may hold it.
const clientSecret = "cs-hunter2-planted"

// rig is a daemon with an authorization server, a store and a directory of its own.
type rig struct {
	t      testing.TB
	server *oauthtest.Running
	store  *scriptedStore
	dir    string
	state  string // the directory of state; "" for none
	files  string // the runtime directory; "" for none
	client *http.Client
	adc    ADCPlaces
	person attend.Desktop // who is asked to log in; nil for nobody
	d      *Daemon
	stop   func() error

	mu    sync.Mutex // guards the fields below
	ahead time.Duration
	out   bytes.Buffer // all that was logged, answered or told, but tokens
	posts []string     // the addresses that were posted to
}

// newRig makes a rig for a bubble of testing/synctest.
func newRig(t *testing.T, cfg oauthtest.Config) *rig {
	t.Helper()
	return build(t, oauthtest.Pipe(withClients(cfg)))
}

// newRealRig makes a rig with real sockets, which logins need.
func newRealRig(t *testing.T, cfg oauthtest.Config) *rig {
	t.Helper()
	server, err := oauthtest.Listen(withClients(cfg))
	if err != nil {
		t.Fatal(err)
	}
	return build(t, server)
}

func withClients(cfg oauthtest.Config) oauthtest.Config {
	cfg.AutoApprove = true
	redirects := []string{"http://127.0.0.1/callback"}
	cfg.Clients = append([]oauthtest.Client{
		{ID: "app", RedirectURIs: redirects},
		{ID: "web", Secret: clientSecret, RedirectURIs: redirects},
	}, cfg.Clients...)
	return cfg
}

func build(t testing.TB, server *oauthtest.Running) *rig {
	r := &rig{t: t, server: server, store: &scriptedStore{}, dir: t.TempDir()}
	r.client = &http.Client{Transport: r}
	t.Cleanup(r.end)
	return r
}

// RoundTrip implements [http.RoundTripper]: it notes what is posted where.
func (r *rig) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost {
		r.mu.Lock()
		r.posts = append(r.posts, req.URL.String())
		r.mu.Unlock()
	}
	return r.server.Client().Transport.RoundTrip(req)
}

// Write implements [io.Writer] for the log.
func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(p)
}

// tell notes what a caller was told, to be searched for secrets; an error with its whole tree.
func (r *rig) tell(v any) {
	if err, ok := v.(error); ok {
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			_, _ = fmt.Fprintf(r, "%v\n", cause)
		}
		v = api.AsError(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		r.t.Error(err)
	}
	_, _ = r.Write(append(text, '\n'))
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.ahead).Round(0)
}

// jump sets the wall clock, and no timer, ahead or back.
func (r *rig) jump(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ahead += by
}

// start reads the configuration and runs a daemon. Whose browser may come is tested in redirect.
func (r *rig) start() {
	r.t.Helper()
	cfg, err := config.Load(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	r.d = New(Config{
		Dir: r.dir, StateDir: r.state, RuntimeDir: r.files, FileRecord: "record", Config: cfg, Store: r.store, Log: zerolog.New(r), HTTP: r.client, Now: r.now,
		UID: -1, ADC: r.adc, Version: "1", Socket: "/run/oauthd.sock", StartedBy: "a test", Desktop: r.person,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	d := r.d
	go func() { ended <- d.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
}

// restart ends the daemon and starts another over the same store and files.
func (r *rig) restart() {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Errorf("stop: got %v, want nil", err)
	}
	r.start()
}

func (r *rig) end() {
	r.store.script(nil)
	if r.stop != nil {
		if err := r.stop(); err != nil {
			r.t.Errorf("stop: got %v, want nil", err)
		}
	}
	if err := r.server.Close(); err != nil {
		r.t.Error(err)
	}
	r.searchForSecrets()
}

// basicPair is what HTTP Basic makes of the client secret.
func basicPair() string { return base64.StdEncoding.EncodeToString([]byte("web:" + clientSecret)) }

// shows names the kind of secret that text has, "" for none.
func shows(text string) string {
	found := regexp.MustCompile(`\b(rt|at|ac|dc)-[A-Z2-7]{26}|\beyJ[A-Za-z0-9_-]+\.eyJ`).FindStringSubmatch(text)
	switch {
	case strings.Contains(text, clientSecret), strings.Contains(text, basicPair()):
		return "client secret"
	case found == nil:
		return ""
	}
	return map[string]string{
		"rt": "refresh token", "at": "access token", "ac": "code", "dc": "device code", "": "ID token",
	}[found[1]]
}

// searchForSecrets fails the test when anything but a token's own answer shows a secret.
func (r *rig) searchForSecrets() {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for line := range strings.Lines(r.out.String()) {
		n++
		if kind := shows(line); kind != "" {
			r.t.Errorf("line %d of what was logged and told shows a secret: %s", n, kind)
		}
	}
}

// write writes a file below the configuration's directory.
func (r *rig) write(name, text string) string {
	r.t.Helper()
	at := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return at
}

// account writes the file of an account of the server's, and puts a credential with scopes into the store.
func (r *rig) account(name string, scopes ...string) {
	r.t.Helper()
	r.write("accounts/"+name+".toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\n", r.server.Issuer()))
	if len(scopes) == 0 {
		scopes = []string{"openid", "email", "offline_access", "calendar.read"}
	}
	r.store.save(r.t, name, r.authorize(scopes...))
}

// code obtains an authorization code without the daemon, and returns how to redeem it.
func (r *rig) code(verifier string, scopes ...string) (code string, agent *http.Client, cfg oauth2.Config) {
	r.t.Helper()
	return r.codeOf("app", verifier, scopes...)
}

// codeOf is code of that client.
func (r *rig) codeOf(client, verifier string, scopes ...string) (code string, agent *http.Client, cfg oauth2.Config) {
	r.t.Helper()
	cfg = oauth2.Config{
		ClientID: client, RedirectURL: "http://127.0.0.1/callback", Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: r.server.Issuer() + "/authorize", TokenURL: r.server.Issuer() + "/token",
			AuthStyle: oauth2.AuthStyleInParams},
	}
	agent = &http.Client{Transport: r.server.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := agent.Get(cfg.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		r.t.Fatal(err)
	}
	_ = response.Body.Close()
	at, err := response.Location()
	if err != nil {
		r.t.Fatal(err)
	}
	return at.Query().Get("code"), agent, cfg
}

// authorize obtains a credential without the daemon.
func (r *rig) authorize(scopes ...string) account.Credential {
	r.t.Helper()
	verifier := oauth2.GenerateVerifier()
	code, agent, cfg := r.code(verifier, scopes...)
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, agent)
	tok, err := cfg.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		r.t.Fatal("the code was not exchanged")
	}
	return r.credential(tok.RefreshToken, scopes...)
}

// credential is what the store has of a login that brought refreshToken.
func (r *rig) credential(refreshToken string, scopes ...string) account.Credential {
	return account.Credential{
		Issuer: r.server.Issuer(), TokenEndpoint: r.server.Issuer() + "/token", RevocationEndpoint: r.server.Issuer() + "/revoke",
		ClientID: "app", AuthMethod: "none", RefreshToken: account.NewSecret(refreshToken), Scopes: scopes,
		Subject: "ada", Email: "ada@example.com", LoggedInAt: r.now(),
	}
}

// token asks for a token of work, and is not to fail.
func (r *rig) token() api.Token {
	r.t.Helper()
	tok, err := r.ask(api.TokenRequest{Account: "work"})
	if err != nil {
		r.t.Fatalf("token: got %v, want a token", err)
	}
	return tok
}

func (r *rig) ask(request api.TokenRequest) (api.Token, error) {
	tok, err := r.d.Token(context.Background(), request)
	if err != nil {
		r.tell(err)
	}
	return tok, err
}

// refused asks for a token of work and wants an error of that code, with a hint.
func (r *rig) refused(want api.Code) *api.Error {
	r.t.Helper()
	_, err := r.ask(api.TokenRequest{Account: "work"})
	r.wants(err, want)
	if err == nil {
		return &api.Error{}
	}
	return api.AsError(err)
}

// wants checks that err has the code and says what to do.
func (r *rig) wants(err error, code api.Code) {
	r.t.Helper()
	if err == nil {
		r.t.Errorf("got no error, want %s", code)
		return
	}
	r.tell(err)
	if e := api.AsError(err); e.Code != code || e.Message == "" || e.Hint == "" {
		r.t.Errorf("got %s %q, hint %q; want %s with message and hint", e.Code, e.Message, e.Hint, code)
	}
}

// shown returns what is told of an account.
func (r *rig) shown(name string) api.Account {
	r.t.Helper()
	a, err := r.d.Account(context.Background(), name)
	if err != nil {
		r.t.Fatalf("account: got %v, want one", err)
	}
	r.tell(a)
	return a
}

// refreshes returns the number of refresh requests that reached the server.
func (r *rig) refreshes() int { return r.server.TokenRequests("refresh_token") }

// posted returns the addresses that the daemon posted to.
func (r *rig) posted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.posts
}

func query(t *testing.T, raw string) url.Values {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}
