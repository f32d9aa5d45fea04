package redirect

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
)

func TestRealBrowser(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tab, stop := openBrowser(t, ctx)
	defer stop()

	tests := []struct {
		name string
		page Page
		want string
	}{
		{
			name: "success",
			page: Page{
				Success: true, Account: "work", Provider: "google", Person: "ada@example.com",
				Scopes: []string{"openid", "https://www.googleapis.com/auth/calendar.readonly"},
			},
			want: "You are logged in",
		},
		{name: "failure", page: Page{Account: "work", Title: "Access was not granted"}, want: "Access was not granted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{Host: "localhost"})
			provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, good(s), http.StatusFound)
			}))
			defer provider.Close()
			finished := make(chan struct{})
			go func() {
				defer close(finished)
				if _, err := s.Wait(ctx); err == nil {
					s.Finish(tt.page)
				}
			}()
			cctx, quiet := context.WithCancel(tab)
			defer quiet()
			console := chromedp.Console(cctx)
			err := chromedp.Do(tab, chromedp.Navigate(provider.URL+"/authorize"), chromedp.WaitReady(chromedp.CSS("h1")))
			if err != nil {
				t.Fatalf("login: %v", err)
			}
			<-finished
			wantCode(t, s)

			address, err := chromedp.Run(tab, chromedp.Location())
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(address, "?#") || !strings.Contains(address, "/result/") {
				t.Error("the address bar does not show the bare result page")
			}
			heading, err := chromedp.Run(tab, chromedp.Text(chromedp.CSS("h1")))
			if err != nil || heading != tt.want {
				t.Errorf("heading: got %q and %v, want %q", heading, err, tt.want)
			}
			// The style works only where the policy lets it in.
			display, err := chromedp.Run(tab, chromedp.Evaluate[string](`getComputedStyle(document.body).display`))
			if err != nil || display != "flex" {
				t.Errorf("style: got display %q and %v, want flex", display, err)
			}
			quiet()
			for m, err := range console {
				if err != nil {
					break
				}
				t.Errorf("console: %s %s", m.Type, m.Text)
			}
		})
	}
}

// A page of the provider that sends its form by itself, as form_post providers do.
const formPage = `<!doctype html><body onload="document.forms[0].submit()"><form method="post" action="%s">
<input type="hidden" name="state" value="%s"><input type="hidden" name="code" value="%s"></form></body>`

func TestRealBrowserModes(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	// As a person does who passes the warning.
	tab, stop := openBrowser(t, ctx, chromedp.Flag("ignore-certificate-errors", true))
	defer stop()
	for name, cfg := range map[string]Config{
		"form_post":            {ResponseMode: "form_post"},
		"https":                {HTTPS: true},
		"https, localhost":     {HTTPS: true, Host: "localhost"},
		"form_post over https": {ResponseMode: "form_post", HTTPS: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg)
			provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if cfg.ResponseMode == "form_post" {
					fmt.Fprintf(w, formPage, s.RedirectURI(), testState, testCode)
					return
				}
				http.Redirect(w, r, good(s), http.StatusFound)
			}))
			defer provider.Close()
			finished := make(chan struct{})
			go func() {
				defer close(finished)
				if _, err := s.Wait(ctx); err == nil {
					s.Finish(Page{Success: true})
				}
			}()
			err := chromedp.Do(tab, chromedp.Navigate(provider.URL+"/authorize"), chromedp.WaitReady(chromedp.CSS("h1")))
			if err != nil {
				t.Fatalf("login: %v", err)
			}
			<-finished
			wantCode(t, s)
			address, err := chromedp.Run(tab, chromedp.Location())
			want := strings.TrimSuffix(s.RedirectURI(), "/callback") + s.resultPath
			if err != nil || address != want {
				t.Errorf("the address bar does not show the bare result page, error %v", err)
			}
			if heading, err := chromedp.Run(tab, chromedp.Text(chromedp.CSS("h1"))); err != nil || heading != "You are logged in" {
				t.Errorf("heading: got %q and %v, want the success page", heading, err)
			}
		})
	}
}

// openBrowser starts a browser with a profile of its own; stop ends it.
func openBrowser(
	t *testing.T, ctx context.Context, options ...chromedp.ExecAllocatorOption,
) (tab context.Context, stop func()) {
	t.Helper()
	_, err := exec.LookPath("chromium")
	require(t, err == nil, "chromium")
	dir := t.TempDir()
	options = append(options, chromedp.UserDataDir(dir+"/profile"), chromedp.Env("HOME="+dir, "TMPDIR="+dir))
	actx, end := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], options...)...)
	tab, done := chromedp.NewContext(actx)
	if err := chromedp.Do(tab); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return tab, func() {
		_ = chromedp.Cancel(tab)
		done()
		end()
	}
}

// require skips, unless the environment says that nothing may be skipped.
func require(t *testing.T, ok bool, what string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
		t.Fatalf("%s is required", what)
	}
	t.Skipf("%s is not here", what)
}
