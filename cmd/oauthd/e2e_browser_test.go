//go:build linux

package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/keystore/storetest"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// tab opens a tab with cookies of its own in the one browser, which it starts when it is the first.
func (h *house) tab(t *testing.T) context.Context {
	t.Helper()
	storetest.Need(t, "chromium")
	if h.browser == nil {
		home := h.t.TempDir()
		allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.UserDataDir(filepath.Join(home, "profile")), chromedp.Env("HOME="+home, "TMPDIR="+home))...)
		browser, cancel := chromedp.NewContext(allocator)
		h.t.Cleanup(func() {
			_ = chromedp.Cancel(browser) // waits until the browser has ended
			cancel()
			stop()
		})
		if err := chromedp.Do(browser); err != nil {
			t.Fatalf("start the browser: %v", err)
		}
		h.browser = browser
	}
	tab, closeTab := chromedp.NewContext(h.browser, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	limited, cancel := context.WithTimeout(tab, waitLimit)
	t.Cleanup(cancel)
	return limited
}

// shown is what a person sees at the end of a login.
type shown struct {
	heading, text string
	address       *url.URL
	history       []string
	console       []string
}

// follow opens address in a tab, does steps there, and reports the page of ours that it ends at. The picture of it is
// an artifact of the test.
func follow(t *testing.T, tab context.Context, address string, steps ...chromedp.Action[chromedp.Void]) shown {
	t.Helper()
	listening, quiet := context.WithCancel(tab)
	defer quiet()
	console := chromedp.Console(listening)
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		t.Fatalf("open the address: %v", err)
	}
	if err := chromedp.Do(tab, append(steps, chromedp.WaitReady(chromedp.CSS("main h1")))...); err != nil {
		t.Fatalf("go through the provider's pages to ours: %v", err)
	}
	var s shown
	var at string
	for _, want := range []struct {
		into *string
		get  chromedp.Action[string]
	}{
		{&s.heading, chromedp.Text(chromedp.CSS("main h1"))},
		{&s.text, chromedp.Text(chromedp.CSS("main"))},
		{&at, chromedp.Location()},
	} {
		text, err := chromedp.Run(tab, want.get)
		if err != nil {
			t.Fatalf("read the page: %v", err)
		}
		*want.into = text
	}
	var err error
	if s.address, err = url.Parse(at); err != nil {
		t.Fatal("the address bar shows no URL")
	}
	history, err := chromedp.Call(tab, page.GetNavigationHistory, cdp.Empty{})
	if err != nil {
		t.Fatalf("read the history: %v", err)
	}
	for _, entry := range history.Entries {
		s.history = append(s.history, entry.URL)
	}
	picture, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "page.png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
	quiet()
	for m, err := range console {
		if err != nil {
			break
		}
		s.console = append(s.console, fmt.Sprintf("%s %s %s", m.Type, m.Source, m.Text))
	}
	return s
}

// signInForm fills in the provider's form.
func signInForm() []chromedp.Action[chromedp.Void] {
	return []chromedp.Action[chromedp.Void]{
		chromedp.SendKeys(chromedp.CSS("#username"), person),
		chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Submit(chromedp.CSS("#password")),
	}
}

// wantClean checks that nothing of the authorization response stays in the browser, and that it found no fault.
func (s shown) wantClean(t *testing.T, z *zitadel) {
	t.Helper()
	if s.address.RawQuery != "" || s.address.Fragment != "" || !strings.HasPrefix(s.address.Path, "/result/") {
		t.Errorf("the address bar: got %s%s, with a query %t, want the bare result page",
			s.address.Host, s.address.Path, s.address.RawQuery != "")
	}
	for _, entry := range s.history {
		if strings.Contains(entry, "/callback") || len(z.leaks(entry, true)) > 0 {
			t.Error("the browser's history holds the authorization response")
		}
	}
	if kinds := z.leaks(s.text, true); len(kinds) > 0 {
		t.Errorf("the page shows %s", strings.Join(kinds, " and "))
	}
	for _, message := range s.console {
		t.Errorf("the browser's console: got %s, want nothing", z.redact(message))
	}
}

func (s shown) wantText(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.text, text) {
			t.Errorf("the page: got %q, want %q in it", s.text, text)
		}
	}
}

func testBrowserLogin(t *testing.T, h *house) {
	tab := h.tab(t)
	d := newDesk(t, h, storetest.Keyring{})
	if d.running() {
		t.Fatal("a daemon runs before anybody asked for one")
	}
	login := d.start(t, "", append([]string{"login", "work", "--no-browser"}, d.workFlags()...)...)
	s := follow(t, tab, login.url(t), signInForm()...)
	r := login.wait(t)

	if s.heading != "You are logged in" {
		t.Errorf("the page's heading: got %q", s.heading)
	}
	s.wantText(t, "work", email, "openid", "email", "profile", "offline_access")
	s.wantClean(t, d.provider)
	if r.exit != 0 || !strings.Contains(r.stdout, "work: logged in as "+email) ||
		!strings.Contains(r.stdout, "granted: openid email profile offline_access\n") {
		t.Errorf("oauthd login: got exit %d, stdout %q, stderr %s, want exit 0, who and the scopes", r.exit, r.stdout, r.stderr)
	}

	if got, want := d.keyring.Items(t), "work"; len(got) != 1 || got[0] != want {
		t.Errorf("the keyring: got items %q, want %q", got, want)
	}
	if got, want := d.provider.secretCount(), 3; got != want {
		t.Errorf("got %d secrets seen at the provider, want %d: code, verifier, refresh token", got, want)
	}
	d.token(t, "work")
	if got := d.provider.refreshCount(); got != 0 {
		t.Errorf("got %d refreshes, want none: the login's token is fresh", got)
	}
	status := d.status(t)
	if status.StartedBy != "auto" || status.Store.Backend != "keychain" || status.Store.State != "ok" {
		t.Errorf("status: got started by %q, store %+v, want auto, keychain, ok", status.StartedBy, status.Store)
	}
}

func testBrowserFailures(t *testing.T, h *house) {
	// The account is new and not kept, so that its name alone could not log it in.
	again := []string{"Return to your terminal and run the same command again."}
	for _, tc := range []struct {
		name    string
		flags   []string
		broken  bool
		known   bool
		address func(*testing.T, string) string // of the authorization URL
		steps   []chromedp.Action[chromedp.Void]
		heading string
		texts   []string
		exit    int
	}{
		{
			name: "the token endpoint is out of order", broken: true, steps: signInForm(),
			heading: "The login did not complete", texts: again, exit: 7,
		},
		{
			name: "the provider refuses", flags: []string{"--auth-param", "prompt=none"},
			heading: "The login did not complete", texts: again, exit: 1,
		},
		{
			name: "the person denies", address: func(t *testing.T, authorizationURL string) string {
				return answerTo(t, authorizationURL, url.Values{"error": {"access_denied"}})
			},
			heading: "The login was denied", texts: again, exit: 4,
		},
		{
			name: "of an account that is known", known: true, flags: []string{"--auth-param", "prompt=none"},
			heading: "The login did not complete", texts: []string{"log in again", "oauthd login work"}, exit: 1,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tab := h.tab(t)
			d := newDesk(t, h, storetest.Keyring{})
			if tc.known {
				d.loginWork(t)
			}
			d.provider.set(5*time.Minute, tc.broken)
			login := d.start(t, "", append(append([]string{"login", "work", "--no-browser"}, d.workFlags()...), tc.flags...)...)
			address := login.url(t)
			if tc.address != nil {
				address = tc.address(t, address)
			}
			s := follow(t, tab, address, tc.steps...)
			r := login.wait(t)
			if s.heading != tc.heading {
				t.Errorf("the page's heading: got %q, want %q", s.heading, tc.heading)
			}
			s.wantText(t, tc.texts...)
			s.wantClean(t, d.provider)
			if r.exit != tc.exit || r.stdout != "" || !strings.Contains(r.stderr, "\nhint: ") {
				t.Errorf("oauthd login: got exit %d, stdout %q, stderr %s, want exit %d and a hint", r.exit, r.stdout, r.stderr, tc.exit)
			}
			if tc.known {
				d.token(t, "work")
				return
			}
			d.wantNothing(t)
		})
	}
}

// answerTo returns the redirect that a provider answers an authorization request with, at the request's own redirect URI
// and with its state.
func answerTo(t *testing.T, authorizationURL string, answer url.Values) string {
	t.Helper()
	request, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal("the authorization URL is no URL")
	}
	answer.Set("state", request.Query().Get("state"))
	return request.Query().Get("redirect_uri") + "?" + answer.Encode()
}
