package daemon

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

const (
	publicIssuer = "https://id.example.org"
	elsewhere    = "https://ends.example.net" // has all endpoints of publicIssuer
)

// publicSite is an authorization server at publicIssuer, with its endpoints elsewhere.
type publicSite struct {
	t      *testing.T
	server *oauthtest.Running

	mu    sync.Mutex // guards asked
	asked []string   // the paths elsewhere
}

// RoundTrip implements [http.RoundTripper].
func (s *publicSite) RoundTrip(req *http.Request) (*http.Response, error) {
	if "https://"+req.URL.Host == elsewhere {
		s.mu.Lock()
		s.asked = append(s.asked, req.URL.Path)
		s.mu.Unlock()
		if !provider.Confined(req.Context(), req.URL.Host) {
			s.t.Errorf("%s %s may go to a private address, want it confined: only a public document names it", req.Method, req.URL.Path)
		}
	}
	to := req.Clone(req.Context())
	to.URL.Scheme, to.URL.Host = "http", strings.TrimPrefix(s.server.URL, "http://")
	to.Host = ""
	res, err := s.server.Client().Transport.RoundTrip(to)
	if err != nil || !strings.Contains(req.URL.Path, "/.well-known/") {
		return res, err
	}
	defer func() { _ = res.Body.Close() }()
	var document map[string]any
	if err := json.NewDecoder(res.Body).Decode(&document); err != nil {
		return nil, err
	}
	for key, value := range document {
		if at, ok := value.(string); ok && key != "issuer" {
			document[key] = strings.Replace(at, publicIssuer, elsewhere, 1)
		}
	}
	text, err := json.Marshal(document)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return res, err
}

// Everything that is sent where only a public issuer's document says is kept from private addresses: registration, login,
// keys, userinfo, refresh and revocation, of an account with a person and of one without.
func TestPublicDocumentsLeadToNoPrivateAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := deviceConfig
		cfg.Issuer, cfg.Registration = publicIssuer, true
		cfg.Clients = []oauthtest.Client{{ID: "build", Secret: clientSecret, GrantTypes: []string{"client_credentials"}}}
		r := newRig(t, cfg)
		site := &publicSite{t: t, server: r.server}
		r.client.Transport = site
		r.start()
		l := r.begin("work", api.AccountDefinition{Issuer: publicIssuer, Grant: "device_code", Scopes: []string{"openid", "email"}})
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		l.event(api.EventDone)
		if err := <-l.ended; err != nil {
			t.Fatal(err)
		}
		// The record, as another tool may have saved it.
		c := r.store.credential(t, "work")
		saved, err := json.Marshal(map[string]any{"refresh_token": c.RefreshToken.Reveal(), "client_id": c.ClientID, "scopes": []string{"openid", "email"}})
		if err != nil {
			t.Fatal(err)
		}
		r.restart() // the keys that verify ID tokens are fetched again
		r.taken(api.ImportRequest{Data: api.Confidential(saved), As: "other", Issuer: publicIssuer})
		r.restart()
		l = r.begin("work", api.AccountDefinition{})
		if err := r.server.ApproveDevice(l.event(api.EventDevice).UserCode); err != nil {
			t.Fatal(err)
		}
		l.event(api.EventDone)
		if err := <-l.ended; err != nil {
			t.Fatal(err)
		}
		r.restart()
		r.token()
		// The record stands for a document that cannot be read, and leads no further than it.
		r.server.Always(oauthtest.Discovery, oauthtest.Status(503))
		r.restart()
		r.token()
		r.server.Always(oauthtest.Discovery, nil)
		r.restart()
		if result := r.logout(); !result.Revoked {
			t.Errorf("got %+v, want the grant revoked", result)
		}
		build := api.AccountDefinition{Issuer: publicIssuer, Grant: "client_credentials", ClientID: "build", ClientSecret: clientSecret}
		if err := <-r.begin("build", build).ended; err != nil {
			t.Errorf("build: got %v", err)
		}
		if _, err := r.ask(api.TokenRequest{Account: "build", Force: true}); err != nil {
			t.Errorf("build: got %v", err)
		}
		site.mu.Lock()
		defer site.mu.Unlock()
		for _, path := range []string{"/register", "/device", "/token", "/revoke", "/jwks"} {
			found := false
			for _, asked := range site.asked {
				found = found || strings.HasPrefix(asked, path)
			}
			if !found {
				t.Errorf("got requests to %q, want one to %s among them", site.asked, path)
			}
		}
	})
}
