//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"oauthd/keystore/storetest"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
)

// RedirectURIGlobs lets every client come back over https too, at any port, as for http.
func (native) RedirectURIGlobs() []string { return []string{"https://127.0.0.1:*/callback"} }

// PostLogoutRedirectURIGlobs belongs to RedirectURIGlobs.
func (native) PostLogoutRedirectURIGlobs() []string { return nil }

// redirectURI returns the redirect URI of an authorization URL.
func redirectURI(t *testing.T, authorizationURL string) *url.URL {
	t.Helper()
	request, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal("the authorization URL is no URL")
	}
	redirect, err := url.Parse(request.Query().Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	return redirect
}

// wantLoggedIn checks what the person sees at the end, here and there, and that tokens come.
func (s shown) wantLoggedIn(t *testing.T, d *desk, r result) {
	t.Helper()
	if s.heading != "You are logged in" {
		t.Errorf("the page's heading: got %q", s.heading)
	}
	s.wantText(t, "work", email)
	s.wantClean(t, d.provider)
	if r.exit != 0 || !strings.Contains(r.stdout, "work: logged in as "+email) {
		t.Fatalf("oauthd login: got exit %d, stdout %q, stderr %s", r.exit, r.stdout, r.stderr)
	}
	d.token(t, "work")
}

// testFormPost is about the OAuth 2.0 Form Post Response Mode: a page of the provider's posts to the redirect server.
func testFormPost(t *testing.T, h *house) {
	tab := h.tab(t)
	d := newDesk(t, h, storetest.Keyring{})
	login := d.start(t, "", append([]string{"login", "work", "--no-browser", "--auth-param", "response_mode=form_post"}, d.workFlags()...)...)
	s := follow(t, tab, login.url(t), signInForm()...)
	s.wantLoggedIn(t, d, login.wait(t))
}

// testHTTPSRedirect has a browser come back over https, where the person has accepted the certificate.
func testHTTPSRedirect(t *testing.T, h *house) {
	tab := h.tab(t)
	if _, err := chromedp.Call(tab, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}); err != nil {
		t.Fatalf("accept certificates: %v", err)
	}
	d := newDesk(t, h, storetest.Keyring{})
	login := d.start(t, "", append([]string{"login", "work", "--no-browser", "--redirect-uri", "https://127.0.0.1/callback"}, d.workFlags()...)...)
	authorization := login.url(t)
	redirect := redirectURI(t, authorization)
	if redirect.Scheme != "https" {
		t.Fatalf("the redirect URI: got %s, want one with https", redirect)
	}
	fingerprint := fingerprintAt(t, redirect.Host)
	s := follow(t, tab, authorization, signInForm()...)
	r := login.wait(t)
	s.wantLoggedIn(t, d, r)
	if s.address.Scheme != "https" {
		t.Errorf("the page's address: got %s, want https", s.address.Scheme)
	}
	if !strings.Contains(r.stderr, fingerprint) {
		t.Errorf("oauthd login: got stderr %s, want the certificate's fingerprint %s in it", r.stderr, fingerprint)
	}
}

// fingerprintAt returns the SHA-256 fingerprint of the certificate that is shown at host, as browsers write it.
func fingerprintAt(t *testing.T, host string) string {
	t.Helper()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // it is looked at, not trusted
	conn, err := dialer.DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sum := sha256.Sum256(conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}

// testUnreachable is a browser on another machine: the person copies the address of the page that it cannot open.
func testUnreachable(t *testing.T, h *house) {
	for _, mode := range []string{"--no-browser", "--print-url"} {
		t.Run(mode, func(t *testing.T) {
			tab := h.tab(t)
			d := newDesk(t, h, storetest.Keyring{})
			login := d.start(t, "", append([]string{"login", "work", mode}, d.workFlags()...)...)
			var authorization string
			if mode == "--print-url" {
				authorization = login.printedURL(t)
			} else {
				authorization = login.url(t)
			}
			address := strandedAt(t, tab, authorization)
			if r := d.start(t, address+"\n", "login", "work", "--paste", "-").wait(t); r.exit != 0 {
				t.Fatalf("%s: got exit %d, %s", "oauthd login work --paste -", r.exit, r.stderr)
			}
			r := login.wait(t)
			if out := r.stdout + r.stderr; r.exit != 0 || !strings.Contains(out, "work: logged in as "+email) {
				t.Fatalf("oauthd login: got exit %d, stdout %q, stderr %s", r.exit, r.stdout, r.stderr)
			}
			d.token(t, "work")
		})
	}
}

// strandedAt logs in at the provider with a browser that does not reach the redirect server, and returns what its
// address bar shows then.
func strandedAt(t *testing.T, tab context.Context, authorizationURL string) string {
	t.Helper()
	redirect := redirectURI(t, authorizationURL)
	listening, quiet := context.WithCancel(tab)
	defer quiet()
	requests := chromedp.Events(listening, fetch.RequestPaused)
	cut := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: redirect.String() + "*"}}}
	if _, err := chromedp.Call(tab, fetch.Enable, cut); err != nil {
		t.Fatalf("cut the browser off: %v", err)
	}
	go func() {
		for request, err := range requests {
			if err != nil {
				return
			}
			_, _ = chromedp.Call(tab, fetch.FailRequest, fetch.FailRequestParams{
				RequestID: request.RequestID, ErrorReason: network.ErrorReasonConnectionRefused,
			})
		}
	}()
	if err := chromedp.Do(tab, chromedp.Navigate(authorizationURL)); err != nil {
		t.Fatalf("open the address: %v", err)
	}
	if err := chromedp.Do(tab, signInForm()...); err != nil {
		t.Fatalf("sign in: %v", err)
	}
	var address string
	stranded := func() bool {
		history, err := chromedp.Call(tab, page.GetNavigationHistory, cdp.Empty{})
		if err != nil || len(history.Entries) == 0 {
			return false
		}
		address = history.Entries[len(history.Entries)-1].URL
		return strings.HasPrefix(address, redirect.String()+"?")
	}
	if !poll(stranded) {
		t.Fatal("the browser does not come to the address that it cannot open")
	}
	return address
}
