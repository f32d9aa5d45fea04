package redirect

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
)

// Each page, at a provider on another site, makes a real browser bring the response in its own way. URI is the redirect
// URI, RESPONSE the redirect URI with a response, FIELDS the response as fields of a form, and BOUNCE a third site that
// sends a form on.
const (
	submits = `<body onload="document.forms[0].submit()">`
	clicks  = `<script>document.links[0].click()</script>`
)

var navigations = map[string]string{
	"redirect after a form":      submits + `<form method="post" action="/consent"></form>`,
	"link":                       `<a href="RESPONSE">on</a>` + clicks,
	"link without referrer":      `<a rel="noreferrer" href="RESPONSE">on</a>` + clicks,
	"script":                     `<script>location = "RESPONSE"</script>`,
	"refresh":                    `<meta http-equiv="refresh" content="0;url=RESPONSE">`,
	"form":                       submits + `<form method="get" action="URI">FIELDS</form>`,
	"form_post":                  submits + `<form method="post" action="URI">FIELDS</form>`,
	"form_post without referrer": `<meta name="referrer" content="no-referrer">` + submits + `<form method="post" action="URI">FIELDS</form>`,
	"form_post by a redirect":    submits + `<form method="post" action="BOUNCE">FIELDS</form>`,
}

var subresources = map[string]string{
	"image":           `<img src="RESPONSE">`,
	"frame":           `<iframe src="RESPONSE"></iframe>`,
	"object":          `<object data="RESPONSE"></object>`,
	"script":          `<script src="RESPONSE"></script>`,
	"style":           `<link rel="stylesheet" href="RESPONSE">`,
	"fetch":           `<script>fetch("RESPONSE")</script>`,
	"opaque fetch":    `<script>fetch("RESPONSE", {mode: "no-cors"})</script>`,
	"sandbox":         `<iframe sandbox="allow-scripts" srcdoc="<script>fetch('RESPONSE')</script>"></iframe>`,
	"WebSocket":       `<script>new WebSocket("RESPONSE".replace("http", "ws"))</script>`,
	"form_post frame": `<iframe name="f"></iframe>` + submits + `<form method="post" target="f" action="URI">FIELDS</form>`,
	"form_post beacon": `<script>navigator.sendBeacon("URI",
		new URLSearchParams({state: "STATE", code: "CODE"}))</script>`,
}

func TestRealBrowserSources(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tab, stop := openBrowser(t, ctx)
	defer stop()
	for name, page := range navigations {
		t.Run(name, func(t *testing.T) {
			s, noticed := startNoticing(t, Config{Host: "localhost", ResponseMode: modeOf(name)})
			browse(t, tab, provider(t, s, page))
			ended(t, ctx, s)
			wantCode(t, s)
			finish(s, Page{Success: true})
			noticed()
		})
	}
	for name, page := range subresources {
		t.Run(name, func(t *testing.T) {
			notices := make(chan Notice, maxNotices)
			s := start(t, Config{
				Host: "localhost", ResponseMode: modeOf(name), Notice: func(n Notice) { notices <- n },
			})
			waiting, give := context.WithCancel(ctx)
			waited := make(chan error, 1)
			go func() {
				_, err := s.Wait(waiting)
				waited <- err
			}()
			browse(t, tab, provider(t, s, page))
			select {
			case n := <-notices:
				if n != NoticeWebPage {
					t.Errorf("got %q, want %q", n, NoticeWebPage)
				}
			case err := <-waited:
				t.Errorf("the login has ended with %v", err)
			case <-ctx.Done():
				t.Error("the response did not come")
			}
			give()
			if s.cfg.ResponseMode == modeFormPost {
				stillWaitsForForm(t, s)
				return
			}
			stillWaits(t, s)
		})
	}
}

func modeOf(name string) string {
	if strings.HasPrefix(name, modeFormPost) {
		return modeFormPost
	}
	return modeQuery
}

// provider is a site that serves page.
func provider(t *testing.T, s *Server, page string) (url string) {
	t.Helper()
	bounce := httptest.NewServer(http.RedirectHandler(s.RedirectURI(), http.StatusTemporaryRedirect))
	t.Cleanup(bounce.Close)
	fields := `<input name="state" value="` + testState + `"><input name="code" value="` + testCode + `">`
	page = strings.NewReplacer(
		"URI", s.RedirectURI(), "RESPONSE", good(s), "FIELDS", fields, "BOUNCE", bounce.URL, "STATE", testState, "CODE", testCode,
	).Replace(page)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, good(s), http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><html>", page)
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// visit sends the tab there, and is content if the page sends it on before it has loaded.
func browse(t *testing.T, tab context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("location = %q", url))); err != nil {
		t.Fatal(err)
	}
}

func ended(t *testing.T, ctx context.Context, s *Server) {
	t.Helper()
	select {
	case <-s.answered:
	case <-ctx.Done():
		t.Fatal("the response did not come")
	}
}

// An earlier server at a fixed port may have left a service worker behind, through which all navigations to it go.
func TestRealBrowserWithALeftServiceWorker(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tab, stop := openBrowser(t, ctx)
	defer stop()
	for _, mode := range []string{modeQuery, modeFormPost} {
		t.Run(mode, func(t *testing.T) {
			earlier := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/worker.js" {
					w.Header().Set("Content-Type", "text/javascript")
					fmt.Fprint(w, `onfetch = e => e.respondWith(fetch(e.request))`)
				}
			}))
			defer earlier.Close()
			port := earlier.Listener.Addr().(*net.TCPAddr).Port
			register := chromedp.Evaluate[bool](`navigator.serviceWorker.register("/worker.js").
				then(() => navigator.serviceWorker.ready).then(r => r.active != null)`, chromedp.EvalAwaitPromise)
			if err := chromedp.Do(tab, chromedp.Navigate(fmt.Sprintf("http://localhost:%d/", port))); err != nil {
				t.Fatal(err)
			}
			if active, err := chromedp.Run(tab, register); err != nil || !active {
				t.Fatalf("the service worker is not there: %v", err)
			}
			if err := chromedp.Do(tab, chromedp.Navigate("about:blank")); err != nil {
				t.Fatal(err)
			}
			earlier.CloseClientConnections()
			earlier.Close()

			s := start(t, Config{Host: "localhost", Ports: []int{port}, ResponseMode: mode})
			page := navigations["link"]
			if mode == modeFormPost {
				page = navigations["form_post"]
			}
			browse(t, tab, provider(t, s, page))
			ended(t, ctx, s)
			wantCode(t, s)
			finish(s, Page{Success: true})
		})
	}
}

// As a browser does that has seen https on another port of localhost (RFC 6797).
func TestRealBrowserThatInsistsOnHTTPS(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tab, stop := openBrowser(t, ctx)
	defer stop()
	s, noticed := startNoticing(t, Config{Host: "localhost"})
	begin := time.Now()
	address := strings.Replace(good(s), "http", "https", 1)
	err := chromedp.Do(tab, chromedp.Navigate(address))
	if err == nil || !strings.Contains(err.Error(), "ERR_SSL_VERSION_OR_CIPHER_MISMATCH") {
		t.Errorf("got %v, want the browser to say that https is not spoken", err)
	}
	if took := time.Since(begin); took > headerTimeout/2 {
		t.Errorf("the browser learnt it after %v", took)
	}
	// The address bar still has the response, and a person can paste it.
	if err := s.Deliver(address); err != nil {
		t.Errorf("Deliver: got %v, want no error", err)
	}
	wantCode(t, s)
	noticed(NoticeTLS)
}
