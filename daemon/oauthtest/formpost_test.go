package oauthtest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// startFormReceiver stands for a client's redirect server that takes form_post, and keeps what came.
func startFormReceiver(t *testing.T) (redirectURI string, got func() url.Values) {
	t.Helper()
	var mu sync.Mutex
	var form url.Values
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/callback" {
			http.NotFound(w, r)
			return
		}
		_ = r.ParseForm()
		if r.Method != http.MethodPost || r.URL.RawQuery != "" {
			t.Errorf("got %s with a query of %d bytes, want POST without", r.Method, len(r.URL.RawQuery))
		}
		mu.Lock()
		form = r.PostForm
		mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<p id=result>received</p>"))
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/callback", func() url.Values {
		mu.Lock()
		defer mu.Unlock()
		return form
	}
}

func TestFormPost(t *testing.T) {
	redirectURI, got := startFormReceiver(t)
	for _, tc := range []struct {
		name     string
		approve  bool
		decision string
		changes  []string
		want     string // an error
	}{
		{"at once", true, Allow, nil, ""},
		{"allow", false, Allow, nil, ""},
		{"deny", false, Deny, nil, "access_denied"},
		{"mistake", true, Allow, []string{"scope", "files.read"}, "invalid_scope"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.AutoApprove = tc.approve
			r, err := Listen(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			q := parameters(append([]string{"redirect_uri", redirectURI, "response_mode", "form_post"}, tc.changes...)...)
			page, err := Follow(t.Context(), nil, r.Issuer()+"/authorize?"+q.Encode(), tc.decision)
			if err != nil || page.URL != redirectURI || !strings.Contains(page.Body, "received") {
				t.Fatalf("got %d, %v; want the client's page", page.Status, err)
			}
			form := got()
			if form.Get("state") != testState || form.Get("iss") != r.Issuer() || form.Get("error") != tc.want || form.Has("code") == (tc.want != "") {
				t.Errorf("got state %q, iss %q, error %q, code %t", form.Get("state"), form.Get("iss"), form.Get("error"), form.Has("code"))
			}
		})
	}
}

func TestFormPostPage(t *testing.T) {
	r := startPipe(t, testConfig())
	a := get(t, r, r.Issuer()+"/authorize?"+parameters("response_mode", "form_post", "state", `"><script>alert(1)</script>`).Encode())
	if a.status != http.StatusOK || a.header.Get("Location") != "" || strings.Contains(a.body, "alert(1)</script>") {
		t.Errorf("got status %d, want a page that escapes the state", a.status)
	}
	_, rest, _ := strings.Cut(a.body, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	if policy := a.header.Get("Content-Security-Policy"); script == "" || !strings.Contains(policy, "script-src "+sourceHash(script)+";") {
		t.Errorf("Content-Security-Policy: got %q, want the hash of %q", policy, script)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("got Cache-Control %q, Referrer-Policy %q", a.header.Get("Cache-Control"), a.header.Get("Referrer-Policy"))
	}
}
