package redirect

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestRequestsWithoutEffect(t *testing.T) {
	valid := query("state", testState, "code", testCode)
	tests := []struct {
		name   string
		target string
		change func(*http.Request)
		want   int
	}{
		{name: "other path", target: "/" + valid, want: 404},
		{name: "longer path", target: "/callback/" + valid, want: 404},
		{name: "double slash", target: "//callback" + valid, want: 404},
		{name: "path in another case", target: "/Callback" + valid, want: 404},
		{name: "path in another spelling", target: "/%63allback" + valid, want: 404},
		{name: "path with dots", target: "/x/../callback" + valid, want: 404},
		{name: "unknown result", target: "/result/AAAAAAAAAAAAAAAAAAAAAAAAAA", want: 404},
		{name: "POST", target: "/callback" + valid, want: 404, change: func(r *http.Request) { r.Method = "POST" }},
		{name: "HEAD", target: "/callback" + valid, want: 404, change: func(r *http.Request) { r.Method = "HEAD" }},
		{name: "foreign Host", target: "/callback" + valid, want: 404, change: host("evil.example.com:PORT")},
		{name: "Host without port", target: "/callback" + valid, want: 404, change: host("127.0.0.1")},
		{name: "Host of another port", target: "/callback" + valid, want: 404, change: host("127.0.0.1:1")},
		{name: "Host localhost", target: "/callback" + valid, want: 404, change: host("localhost:PORT")},
		{name: "no query", target: "/callback", want: 404},
		{name: "no state", target: "/callback" + query("code", testCode), want: 404},
		{name: "empty state", target: "/callback" + query("code", testCode, "state", ""), want: 404},
		{name: "wrong state", target: "/callback" + query("code", testCode, "state", testState[:42]+"A"), want: 404},
		{name: "state cut short", target: "/callback" + query("code", testCode, "state", testState[:20]), want: 404},
		{name: "a wrong state first", target: "/callback?state=x&code=y&state=" + testState, want: 404},
		{name: "malformed query without state", target: "/callback?code=%zz&error=x", want: 404},
		{
			name: "error without state", want: 404,
			target: "/callback" + query("error", "access_denied", "error_description", marker),
		},
		{
			name: "error with wrong state", want: 404,
			target: "/callback" + query("error", "access_denied", "state", testState+"x"),
		},
		{name: "huge query without state", target: "/callback?code=" + strings.Repeat("x", maxQuery+1), want: 404},
		{name: "huge header", target: "/callback" + valid + "&x=" + strings.Repeat("x", 3*maxHeader), want: 431},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // the HTTP server waits a while where it leaves a request unread
			s := start(t, Config{})
			r := request(t, http.MethodGet, "http://"+s.authority+tt.target)
			if tt.change != nil {
				tt.change(r)
			}
			resp, body := do(t, r)
			if resp.StatusCode != tt.want {
				t.Errorf("got %d, want %d", resp.StatusCode, tt.want)
			}
			if strings.Contains(body, marker) || len(body) > 60 {
				t.Errorf("the refusal is not a plain one: %d bytes", len(body))
			}
			stillWaits(t, s)
		})
	}
}

// host sets the Host header, with the real port for PORT.
func host(value string) func(*http.Request) {
	return func(r *http.Request) { r.Host = strings.ReplaceAll(value, "PORT", r.URL.Port()) }
}

func TestNothingOfTheQueryIsEchoed(t *testing.T) {
	s := start(t, Config{})
	evil := "<script>alert('" + marker + "')</script>"
	resp, body := get(t, s.RedirectURI()+
		query("state", testState, "error", evil, "error_description", evil, "error_uri", evil, evil, evil))
	for key, values := range resp.Header {
		if strings.Contains(strings.Join(values, " "), marker) {
			t.Errorf("header %s echoes the query", key)
		}
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		finish(s, Page{Account: "work"})
	}()
	_, page := get(t, "http://"+s.authority+resp.Header.Get("Location"))
	<-finished
	if strings.Contains(body+page, marker) || !strings.Contains(page, "did not complete") {
		t.Error("want the general failure page, and nothing of the query")
	}
}

func TestOptionalIssuer(t *testing.T) {
	for name, cfg := range map[string]Config{"not known": {}, "known": {Issuer: testIssuer}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg)
			pairs := []string{"state", testState, "code", testCode}
			if cfg.Issuer == "" {
				pairs = append(pairs, "iss", "https://whoever.example.com")
			}
			get(t, s.RedirectURI()+query(pairs...))
			wantCode(t, s)
		})
	}
}

func TestReloadChangesNothing(t *testing.T) {
	s := start(t, Config{})
	first, _ := get(t, good(s))
	again, _ := get(t, good(s))
	other, _ := get(t, s.RedirectURI()+query("state", testState, "code", "another"))
	if got, want := again.Header.Get("Location"), first.Header.Get("Location"); again.StatusCode != 303 || got != want {
		t.Errorf("reload: got %d to %q, want 303 to %q", again.StatusCode, got, want)
	}
	if got := other.Header.Get("Location"); other.StatusCode != 303 || got != s.latePath || s.latePath == s.resultPath {
		t.Errorf("other code: got %d to %q, want 303 to %q", other.StatusCode, got, s.latePath)
	}
	if resp, _ := get(t, s.RedirectURI()+query("code", testCode)); resp.StatusCode != 404 {
		t.Errorf("without the state: got %d, want 404", resp.StatusCode)
	}
	wantCode(t, s)
	wantCode(t, s) // Wait may be called again
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	s := start(t, Config{})
	want := map[string]string{
		"Content-Security-Policy":      contentPolicy(),
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	check := func(name string, resp *http.Response) {
		t.Helper()
		for key, value := range want {
			if got := resp.Header.Get(key); got != value {
				t.Errorf("%s: %s: got %q, want %q", name, key, got, value)
			}
		}
		if !resp.Close {
			t.Errorf("%s: the connection is kept", name)
		}
		for _, key := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Server"} {
			if got := resp.Header.Get(key); got != "" {
				t.Errorf("%s: %s: got %q, want none", name, key, got)
			}
		}
	}
	refused, text := get(t, s.RedirectURI())
	check("refusal", refused)
	if got := refused.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" || text != "not found\n" {
		t.Errorf("refusal: got %q of type %q, want two words as plain text", text, got)
	}
	redirected, _ := get(t, good(s))
	check("redirect", redirected)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		finish(s, Page{Success: true})
	}()
	page, text := get(t, "http://"+s.authority+redirected.Header.Get("Location"))
	check("page", page)
	if got := page.Header.Get("Content-Type"); got != "text/html; charset=utf-8" || page.ContentLength != int64(len(text)) {
		t.Errorf("page: got %d of %d bytes announced, of type %q", page.ContentLength, len(text), got)
	}
	<-finished
}

func TestResultPage(t *testing.T) {
	s := start(t, Config{})
	get(t, good(s))
	result := "http://" + s.authority + s.resultPath
	for name, change := range map[string]func(*http.Request){
		"a query":       func(r *http.Request) { r.URL.RawQuery = "code=x" },
		"an empty one":  func(r *http.Request) { r.URL.ForceQuery = true },
		"POST":          func(r *http.Request) { r.Method = http.MethodPost },
		"HEAD":          func(r *http.Request) { r.Method = http.MethodHead },
		"another host":  host("localhost:PORT"),
		"a longer path": func(r *http.Request) { r.URL.Path += "/" },
	} {
		r := request(t, http.MethodGet, result)
		change(r)
		if resp, _ := do(t, r); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", name, resp.StatusCode)
		}
	}
	absolute := "GET http://127.0.0.1:PORT" + s.resultPath + "%s HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n"
	if got := raw(t, s, fmt.Sprintf(absolute, "?x")); got != http.StatusNotFound {
		t.Errorf("absolute form with a query: got %d, want 404", got)
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		finish(s, Page{Success: true})
	}()
	if got := raw(t, s, fmt.Sprintf(absolute, "")); got != http.StatusOK {
		t.Errorf("absolute form of the bare path: got %d, want 200", got)
	}
	<-finished
}

func TestIcon(t *testing.T) {
	s := start(t, Config{})
	for target, want := range map[string]int{
		iconPath: 200, "/favicon.ico": 200, "/favicon.ico/": 404, "/favicon.png": 404, iconPath + "?x": 404,
	} {
		resp, body := get(t, "http://"+s.authority+target)
		if resp.StatusCode != want || want == 200 && (body != iconSVG || resp.Header.Get("Content-Type") != "image/svg+xml") {
			t.Errorf("%s: got %d and %d bytes of %s, want %d", target, resp.StatusCode, len(body), resp.Header.Get("Content-Type"), want)
		}
	}
	// Another site could learn from it that a login is under way.
	r := request(t, http.MethodGet, "http://"+s.authority+iconPath)
	r.Header = fetched("cross-site", "no-cors", "image")
	if resp, _ := do(t, r); resp.StatusCode != 404 {
		t.Errorf("from another site: got %d, want 404", resp.StatusCode)
	}
	stillWaits(t, s)
}
