package google

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthd/daemon/grant"
)

// computeEngine answers as the metadata server of Compute Engine does, under a path that only its users know.
func computeEngine(t *testing.T, answers map[string]http.HandlerFunc) (asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Server", "Metadata Server for VM")
		w.Header().Set("Metadata-Flavor", "Google")
		if r.Header.Get("Metadata-Flavor") != "Google" || r.Header.Get("X-Forwarded-For") != "" || r.Method != http.MethodGet {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		path, ok := strings.CutPrefix(r.URL.Path, "/hidden-path/computeMetadata/v1/instance/service-accounts/default/")
		answer := answers[path]
		if !ok || answer == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://")+"/hidden-path")
	return asked
}

const metadataToken = `{"access_token":"ya29.vm","expires_in":3599,"token_type":"Bearer"}`

func TestADCMetadata(t *testing.T) {
	proxied := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		t.Error("a proxy is used, which would ask about its own machine")
		return nil, errors.New("no proxy")
	}}
	computeEngine(t, map[string]http.HandlerFunc{
		"token": func(w http.ResponseWriter, r *http.Request) {
			if scopes := r.URL.Query().Get("scopes"); scopes != "a,b" {
				t.Errorf("scopes: got %q, want a,b", scopes)
			}
			say(200, "application/json", metadataToken)(w, r)
		},
		"email": say(200, "application/text", "vm@project.example.com"),
		"identity": func(w http.ResponseWriter, r *http.Request) {
			if audience := r.URL.Query().Get("audience"); audience != "https://api.example.com/?x=1&y" {
				t.Errorf("audience: got %q", audience)
			}
			say(200, "text/html", idTokenUntil(then.Add(time.Hour), ""))(w, r)
		},
	})
	missing := filepath.Join(t.TempDir(), "missing")
	for _, idToken := range []bool{false, true} {
		ask := ADCRequest{Places: ADCPlaces{WellKnown: missing}, Scopes: []string{"a", "b"}, IDToken: idToken}
		if idToken {
			ask.Audience = "https://api.example.com/?x=1&y"
		}
		c := Client{Grants: &grant.Client{Now: at(then), HTTP: &http.Client{Transport: proxied}}}
		got, err := c.ApplicationDefault(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		r := got.Response
		if got.Kind != KindMetadata || got.Email != "vm@project.example.com" || got.Place != "the metadata server" {
			t.Errorf("got %q %q %q", got.Kind, got.Email, got.Place)
		}
		if r.Token.Access.Reveal() != "ya29.vm" || !r.Token.Expiry.Equal(then.Add(3599*time.Second)) {
			t.Errorf("got a token until %v", r.Token.Expiry)
		}
		if r.IDToken.IsZero() == idToken || idToken && !r.Token.IDTokenExpiry.Equal(then.Add(time.Hour)) {
			t.Errorf("got ID token %t until %v, want %t", !r.IDToken.IsZero(), r.Token.IDTokenExpiry, idToken)
		}
	}
}

func TestADCMetadataFaults(t *testing.T) {
	flavourless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Del("Metadata-Flavor")
		say(200, "application/json", metadataToken)(w, r)
	}
	ok := say(200, "application/json", metadataToken)
	for _, tc := range []struct {
		name    string
		answers map[string]http.HandlerFunc
		idToken bool
		asks    int32
		kind    grant.Kind
		want    string
	}{
		{"no service account", nil, false, 1, grant.Configuration, "this machine has no service account"},
		{"not a metadata server", map[string]http.HandlerFunc{"token": flavourless}, false, 1, grant.Configuration, "not from a metadata server"},
		{"busy", map[string]http.HandlerFunc{"token": say(503, "text/html", "hunter2")}, false, 1, grant.Transient, "HTTP 503"},
		{"redirect", map[string]http.HandlerFunc{"token": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/", http.StatusFound)
		}}, false, 1, grant.Unknown, "redirect"},
		{"no token", map[string]http.HandlerFunc{"token": say(200, "application/json", `{"hunter2":1}`)}, false, 1, grant.Transient, "no usable access_token"},
		{"a refresh token alone", map[string]http.HandlerFunc{"token": say(200, "application/json", `{"refresh_token":"hunter2"}`)}, false, 1,
			grant.Unknown, "no usable access_token"},
		{"no identity", map[string]http.HandlerFunc{"token": ok}, true, 2, grant.Configuration, "does not offer this"},
		{"identity no JWT", map[string]http.HandlerFunc{"token": ok, "identity": say(200, "text/html", "hunter2")}, true, 2, grant.Unknown, "not an ID token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := computeEngine(t, tc.answers)
			ask := ADCRequest{IDToken: tc.idToken}
			if tc.idToken {
				ask.Audience = "x"
			}
			c := Client{Grants: &grant.Client{Now: at(then)}}
			got, err := c.ApplicationDefault(t.Context(), ask)
			if pe := asProviderError(t, err); pe.Kind != tc.kind || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s, %v; want %s, %q", pe.Kind, err, tc.kind, tc.want)
			}
			if !strings.HasPrefix(err.Error(), "metadata request to http://127.0.0.1:") {
				t.Errorf("got %v, want where the server is", err)
			}
			if strings.Contains(err.Error(), "hidden-path") || strings.Contains(err.Error(), "hunter2") {
				t.Error("the error holds what it must not")
			}
			if asked.Load() != tc.asks || !got.Response.Token.Access.IsZero() || !got.Response.RefreshToken.IsZero() {
				t.Errorf("got %d requests, want %d, and no token", asked.Load(), tc.asks)
			}
		})
	}
}

// A token is good also where nobody says whose it is.
func TestADCMetadataWithoutEmail(t *testing.T) {
	computeEngine(t, map[string]http.HandlerFunc{"token": say(200, "application/json", metadataToken)})
	c := Client{Grants: &grant.Client{}}
	got, err := c.ApplicationDefault(t.Context(), ADCRequest{})
	if err != nil || got.Email != "" || got.Response.Token.Access.IsZero() {
		t.Errorf("got %q, %v", got.Email, err)
	}
}

func TestADCMetadataRefuses(t *testing.T) {
	asked := computeEngine(t, nil)
	for want, ask := range map[string]ADCRequest{
		"can act for a subject":         {Subject: "ada@example.com"},
		"only an ID token":              {Audience: "x"},
		"an ID token needs an audience": {IDToken: true},
	} {
		c := Client{Grants: &grant.Client{}}
		if _, err := c.ApplicationDefault(t.Context(), ask); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	t.Setenv("GCE_METADATA_HOST", "bad host%zz")
	c := Client{Grants: &grant.Client{}}
	if _, err := c.ApplicationDefault(t.Context(), ADCRequest{}); asProviderError(t, err).Kind != grant.Configuration ||
		!strings.Contains(err.Error(), "to http://$GCE_METADATA_HOST: GCE_METADATA_HOST is not an address") {
		t.Errorf("bad address: got %v, want configuration", err)
	}
	if asked.Load() != 0 {
		t.Errorf("got %d requests, want 0", asked.Load())
	}
}

// A file that cannot be read is told of, and not passed over for the metadata server.
func TestADCUnreadableFile(t *testing.T) {
	asked := computeEngine(t, nil)
	path := filepath.Join(t.TempDir(), "f", "credentials.json")
	if err := os.WriteFile(filepath.Dir(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := Client{Grants: &grant.Client{}}
	_, err := c.ApplicationDefault(t.Context(), ADCRequest{Places: ADCPlaces{WellKnown: path}})
	if err == nil || errors.Is(err, ErrNoDefaultCredentials) || asked.Load() != 0 {
		t.Errorf("got %v and %d requests, want an error about the file", err, asked.Load())
	}
}
