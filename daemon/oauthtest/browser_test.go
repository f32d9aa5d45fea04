package oauthtest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// startBrowser starts a real browser, which, unlike [Follow], obeys the pages' policies and runs their scripts.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("no chromium on PATH")
		}
		t.Skip("no chromium on PATH")
	}
	dir := t.TempDir()
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(dir+"/profile"), chromedp.Env("HOME="+dir, "TMPDIR="+dir))...)
	t.Cleanup(stop)
	browser, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chromedp.Cancel(browser) })
	return browser
}

// TestPagesInBrowser presses the buttons of the pages.
func TestPagesInBrowser(t *testing.T) {
	browser := startBrowser(t)
	cfg := testConfig()
	cfg.AutoApprove = false
	cfg.Device = true
	r, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	redirectURI := startRedirectServer(t)
	receiverURI, received := startFormReceiver(t)
	device := startDevice(t, r)

	authorization := func(changes ...string) string { return r.Issuer() + "/authorize?" + parameters(changes...).Encode() }
	enter := []chromedp.Action[chromedp.Void]{
		chromedp.SendKeys(chromedp.CSS("#user_code"), device.text("user_code")), chromedp.Click(chromedp.CSS("#continue")),
	}
	for _, tc := range []struct {
		name, address, button string
		before                []chromedp.Action[chromedp.Void]
		want                  string
	}{
		{"allow", authorization("redirect_uri", redirectURI), Allow, nil, "result: ok"},
		{"deny", authorization("redirect_uri", redirectURI), Deny, nil, "result: error=access_denied"},
		{"form_post", authorization("redirect_uri", receiverURI, "response_mode", "form_post"), Allow, nil, "received"},
		{"device", device.text("verification_uri"), Allow, enter, "Allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(browser, 30*time.Second)
			defer cancel()
			steps := append([]chromedp.Action[chromedp.Void]{chromedp.Navigate(tc.address)}, tc.before...)
			steps = append(steps, chromedp.Click(chromedp.CSS("#"+tc.button)), chromedp.WaitReady(chromedp.CSS("#result")))
			if err := chromedp.Do(ctx, steps...); err != nil {
				t.Fatal(err)
			}
			got, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("#result")))
			if err != nil || got != tc.want {
				t.Errorf("got %q, error %v, want %q", got, err, tc.want)
			}
		})
	}
	if received().Get("code") == "" {
		t.Error("form_post: got no code")
	}
	if a := post(t, r, "/token", pollForm(device.text("device_code"))); a.status != 200 {
		t.Errorf("device: got status %d %q, want 200", a.status, a.text("error"))
	}
}
