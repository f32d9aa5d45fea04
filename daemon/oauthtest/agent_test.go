package oauthtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// startRedirectServer stands for a client's: it moves the code out of the address bar and shows what came.
func startRedirectServer(t *testing.T) (redirectURI string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" {
			t.Error("the user agent sent a Referer")
		}
		result := "error=" + r.FormValue("error")
		if r.FormValue("code") != "" && r.FormValue("state") == testState {
			result = "ok"
		}
		http.Redirect(w, r, "/result?"+result, http.StatusSeeOther)
	})
	mux.HandleFunc("/result", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<p id=result>result: %s</p>", r.URL.RawQuery)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL + "/callback"
}

func TestFollow(t *testing.T) {
	redirectURI := startRedirectServer(t)
	for _, tc := range []struct {
		name     string
		approve  bool
		decision string
		want     string
	}{
		{"allow", false, Allow, "result: ok"},
		{"deny", false, Deny, "result: error=access_denied"},
		{"no page", true, Allow, "result: ok"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.AutoApprove = tc.approve
			r, err := Listen(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			address := r.Issuer() + "/authorize?" + parameters("redirect_uri", redirectURI).Encode()
			page, err := Follow(t.Context(), nil, address, tc.decision)
			if err != nil {
				t.Fatal(err)
			}
			if page.Status != http.StatusOK || !strings.Contains(page.Body, tc.want) || !strings.Contains(page.URL, "/result") {
				t.Errorf("got %d at %s, want 200 and %q", page.Status, page.URL, tc.want)
			}
		})
	}
}

func TestFollowErrors(t *testing.T) {
	elsewhere := httptest.NewServer(http.RedirectHandler("http://oauthd.example.com/?code=ac-1", http.StatusSeeOther))
	defer elsewhere.Close()
	r, err := Listen(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + deaf.Addr().String() + "/callback"
	_ = deaf.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	authorization := func(changes ...string) string {
		return r.Issuer() + "/authorize?" + parameters(changes...).Encode()
	}
	for _, tc := range []struct {
		name    string
		ctx     context.Context
		address string
		want    string
	}{
		{"far host", t.Context(), "https://login.example.com/authorize?state=ac-1", "not on this machine"},
		{"far address", t.Context(), "http://192.0.2.1/", "not on this machine"},
		{"far redirect", t.Context(), elsewhere.URL, "not on this machine"},
		{"file", t.Context(), "file://localhost/etc/hostname", "not on this machine"},
		{"not a URL", t.Context(), "http://127.0.0.1:x/?ac-1", "cannot be parsed"},
		{"error page", t.Context(), authorization("client_id", "nobody"), "status 400"},
		{"no redirect server", t.Context(), authorization("redirect_uri", nobody), "refused"},
		{"ended context", ended, authorization(), "context canceled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Follow(tc.ctx, nil, tc.address, Allow)
			switch {
			case err == nil:
				t.Fatalf("got no error, want one with %q", tc.want)
			case strings.Contains(err.Error(), "ac-"):
				t.Error("the error shows a code")
			case !strings.Contains(err.Error(), tc.want):
				t.Errorf("got %q, want %q in it", err, tc.want)
			}
		})
	}
}

func FuzzFindForm(f *testing.F) {
	f.Add(`<form method="post" action="/authorize"><input type="hidden" name="a" value="&quot;"><button id="allow" name="d" value="allow">`)
	f.Add(`<form action="http://evil.example.com/%zz"><button id="allow">`)
	f.Add(`<button id="allow">`)
	f.Fuzz(func(t *testing.T, body string) {
		at, form, ok := findForm(Page{URL: "http://127.0.0.1:1/authorize", Body: body}, Allow)
		if ok && (at == nil || form == nil) {
			t.Error("got a form that cannot be sent")
		}
		if !ok {
			return
		}
		if _, err := url.ParseQuery(form.Encode()); err != nil {
			t.Errorf("the form does not encode: %v", err)
		}
	})
}
