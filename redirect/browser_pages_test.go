package redirect

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// consent is a provider that asks for a click, and gives another code each time.
func consent(t *testing.T, s *Server) (authorize string) {
	t.Helper()
	codes := 0
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/authorize":
			fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><h1>May it?</h1><form action="/decide"><button>Allow</button></form>`)
		case "/decide":
			codes++
			http.Redirect(w, r, s.RedirectURI()+query("state", testState, "code", fmt.Sprintf("%s%d", testCode, codes)), http.StatusFound)
		}
	}))
	t.Cleanup(site.Close)
	return site.URL + "/authorize"
}

// sees does steps in a tab, and waits until its heading is want.
func sees(t *testing.T, tab context.Context, want string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatalf("on the way to %q: %v", want, err)
	}
	heading := ""
	for heading != want {
		var err error
		// Text would wait for the end of a load under way.
		heading, err = chromedp.Run(tab, chromedp.Evaluate[string](`document.querySelector("h1")?.textContent ?? ""`))
		if tab.Err() != nil {
			t.Fatalf("the heading: got %q and %v, want %q", heading, err, want)
		}
	}
}

func wantOnPage(t *testing.T, tab context.Context, want string) {
	t.Helper()
	if text, err := chromedp.Run(tab, chromedp.Evaluate[string](`document.querySelector("main").innerText`)); err != nil || !strings.Contains(text, want) {
		t.Errorf("the page: got %q and %v, want %q in it", text, err, want)
	}
}

// does runs a script in a tab. It goes without the node tree, which chromedp loses when a page comes from the
// back-forward cache.
func does(t *testing.T, tab context.Context, script string) {
	t.Helper()
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](script+" ?? true")); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

const (
	allow = `document.querySelector("button").click()`
	back  = `history.back()`
)

func TestRealBrowserOnTheWay(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tab, stop := openBrowser(t, ctx)
	defer stop()

	s := start(t, Config{})
	entrance := s.Entrance(consent(t, s))

	// A web page that knows the address does not get in, and uses nothing up.
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><link rel="prefetch" href="%[1]s"><img src="%[1]s"><iframe src="%[1]s"></iframe><h1>Evil</h1><a href="%[1]s">on</a>`, entrance)
	}))
	defer evil.Close()
	sees(t, tab, "Evil", chromedp.Navigate(evil.URL))
	if err := chromedp.Do(tab, chromedp.Click(chromedp.CSS("a")), chromedp.WaitReady(chromedp.CSS("pre"))); err != nil {
		t.Fatalf("follow the web page's link: %v", err)
	}

	listening, quiet := context.WithCancel(tab)
	defer quiet()
	console := chromedp.Console(listening)
	sees(t, tab, "May it?", chromedp.Navigate(entrance))

	// The exchange takes long: the browser has a page of ours at once, which moves on by itself.
	begin := time.Now()
	does(t, tab, allow)
	sees(t, tab, "Finishing the login")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the first page took %v", took)
	}
	s.Finish(Page{Success: true, Account: "work", Person: "ada@example.com"})
	sees(t, tab, "You are logged in")
	history, err := chromedp.Call(tab, page.GetNavigationHistory, cdp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, entry := range history.Entries {
		if strings.Contains(entry.URL, s.authority) && !strings.Contains(entry.URL, "/go/") {
			ours = append(ours, entry.URL)
		}
	}
	if want := "http://" + s.authority + s.resultPath; len(ours) != 1 || ours[0] != want {
		t.Errorf("the history: got %d pages of ours, want the bare result page once", len(ours))
	}

	sees(t, tab, "You are logged in", chromedp.Reload(), chromedp.WaitReady(chromedp.CSS(".aside")))
	wantOnPage(t, tab, "You have loaded this page again")
	does(t, tab, back)
	sees(t, tab, "May it?")
	does(t, tab, allow)
	sees(t, tab, "You are already logged in")
	wantOnPage(t, tab, "before you went back")
	sees(t, tab, "You are already logged in", chromedp.Navigate(entrance))
	wantOnPage(t, tab, "This link works once")
	if location, err := chromedp.Run(tab, chromedp.Location()); err != nil || location != entrance {
		t.Errorf("the link leads on, error %v", err)
	}
	quiet()
	for m, err := range console {
		if err != nil {
			break
		}
		t.Errorf("console: %s %s", m.Type, m.Text)
	}
}

func TestRealBrowserTooLate(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tab, stop := openBrowser(t, ctx)
	defer stop()

	s := start(t, Config{})
	entrance := s.Entrance(consent(t, s))
	sees(t, tab, "May it?", chromedp.Navigate(entrance))
	other, closeOther := chromedp.NewContext(tab)
	defer closeOther()
	sees(t, other, "This link was opened before", chromedp.Navigate(entrance))
	s.Finish(Page{Account: "work", Title: "The login has expired"})
	does(t, tab, allow)
	sees(t, tab, "The login has expired")
	wantOnPage(t, tab, "after the end of the login, so it was not used")
	if s.isAnswered() {
		t.Error("the approval after the time-out has decided the login")
	}
	sees(t, other, "The login has expired", chromedp.Reload())
	wantOnPage(t, other, "This link works once, and its login has ended")
}
