package oauthtest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestConsentPageInBrowser presses both buttons in a real browser, which, unlike [Follow], obeys the page's policy.
func TestConsentPageInBrowser(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("no chromium on PATH")
		}
		t.Skip("no chromium on PATH")
	}
	cfg := testConfig()
	cfg.AutoApprove = false
	r, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	redirectURI := startRedirectServer(t)
	dir := t.TempDir()
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(dir+"/profile"), chromedp.Env("HOME="+dir, "TMPDIR="+dir))...)
	defer stop()
	browser, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = chromedp.Cancel(browser) }()

	for _, tc := range []struct{ decision, want string }{
		{Allow, "result: ok"},
		{Deny, "result: error=access_denied"},
	} {
		t.Run(tc.decision, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(browser, 20*time.Second)
			defer cancel()
			address := r.Issuer() + "/authorize?" + parameters("redirect_uri", redirectURI).Encode()
			err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.Click(chromedp.CSS("#"+tc.decision)),
				chromedp.WaitReady(chromedp.CSS("#result")))
			if err != nil {
				t.Fatal(err)
			}
			got, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("#result")))
			if err != nil || got != tc.want {
				t.Errorf("got %q, error %v, want %q", got, err, tc.want)
			}
		})
	}
}
