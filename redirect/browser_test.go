package redirect

import (
	"context"
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
	require(t, hasChromium(), "chromium")
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	actx, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(dir+"/profile"), chromedp.Env("HOME="+dir, "TMPDIR="+dir))...)
	defer stop()
	tab, done := chromedp.NewContext(actx)
	defer done()
	if err := chromedp.Do(tab); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	defer func() { _ = chromedp.Cancel(tab) }()

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
					s.Finish(ctx, tt.page)
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

func hasChromium() bool {
	_, err := exec.LookPath("chromium")
	return err == nil
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
