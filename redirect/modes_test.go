package redirect

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const formType = "application/x-www-form-urlencoded"

// form is the request of a browser whose page, at the provider, sent a form.
func form(t *testing.T, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"Content-Type": formType, "Origin": testIssuer, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
		"Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1",
	} {
		r.Header.Set(key, value)
	}
	return r
}

func goodForm() string { return strings.TrimPrefix(query("state", testState, "code", testCode), "?") }

// stillWaitsForForm is stillWaits for a server in mode form_post.
func stillWaitsForForm(t *testing.T, s *Server) {
	t.Helper()
	select {
	case <-s.answered:
		t.Fatalf("the login has ended: %v", s.err)
	default:
	}
	if resp, _ := do(t, form(t, s.RedirectURI(), goodForm())); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("valid response afterwards: got %d, want 303", resp.StatusCode)
	}
	wantCode(t, s)
}

func TestFormPost(t *testing.T) {
	set := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	valid := goodForm()
	tests := []struct {
		name   string
		body   string
		target string // "" is /callback
		change func(*http.Request)
		want   int
	}{
		{name: "plain", body: valid, want: 303},
		{name: "with a charset", body: valid, want: 303, change: set("Content-Type", formType+"; charset=UTF-8")},
		{name: "with a damaged charset", body: valid, want: 303, change: set("Content-Type", formType+"; charset")},
		{name: "origin hidden", body: valid, want: 303, change: set("Origin", "null")},
		{
			name: "browser without fetch metadata", body: valid, want: 303,
			change: func(r *http.Request) { r.Header = http.Header{"Content-Type": {formType}} },
		},
		{name: "of unknown length", body: valid, want: 303, change: func(r *http.Request) { r.ContentLength = -1 }},
		{name: "largest body", body: valid + "&x=" + strings.Repeat("x", maxQuery-len(valid)-3), want: 303},

		{name: "of another Method", body: valid, want: 404, change: func(r *http.Request) { r.Method = "PUT" }},
		{name: "other path", target: "/", body: valid, want: 404},
		{name: "foreign Host", body: valid, want: 404, change: host("evil.example.com:PORT")},
		{name: "no content type", body: valid, want: 404, change: func(r *http.Request) { r.Header.Del("Content-Type") }},
		{name: "JSON", body: valid, want: 404, change: set("Content-Type", "application/json")},
		{name: "plain text", body: valid, want: 404, change: set("Content-Type", "text/plain")},
		{name: "script of a page", body: valid, want: 404, change: set("Sec-Fetch-Mode", "no-cors")},
		{name: "frame in a page", body: valid, want: 404, change: set("Sec-Fetch-Dest", "iframe")},
		{name: "nothing", want: 404},
		{name: "malformed", body: "code=%zz", want: 404},
		{name: "wrong state", body: "code=c&state=" + testState[:42] + "A", want: 404},
		{name: "too large, state out of reach", body: strings.Repeat("x", maxQuery) + "&" + valid, want: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // the HTTP server waits a while where it leaves a body unread
			s := start(t, Config{ResponseMode: "form_post"})
			url := s.RedirectURI()
			if tt.target != "" {
				url = "http://" + s.authority + tt.target
			}
			r := form(t, url, tt.body)
			if tt.change != nil {
				tt.change(r)
			}
			resp, body := do(t, r)
			if resp.StatusCode != tt.want {
				t.Errorf("got %d, want %d", resp.StatusCode, tt.want)
			}
			if len(body) > 60 {
				t.Errorf("the answer is not a plain one: %d bytes", len(body))
			}
			if tt.want != http.StatusSeeOther {
				stillWaitsForForm(t, s)
				return
			}
			if location := resp.Header.Get("Location"); location != s.resultPath {
				t.Errorf("got %q, want the result page", location)
			}
			wantCode(t, s)
		})
	}
}

func asGet(r *http.Request) {
	r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0
	r.Header.Del("Origin")
}

// What the provider sends with the right state it will not send again, so the person must not wait for it.
func TestFormsThatEndTheLogin(t *testing.T) {
	valid := goodForm()
	filler := func(size int) string { return "&x=" + strings.Repeat("x", size-len(valid)-3) }
	for _, tt := range []struct {
		name        string
		mode        string
		query, body string
		change      func(*http.Request)
		want        Defect
	}{
		{name: "too large", body: valid + filler(maxQuery+1), want: ErrOversized},
		{name: "much too large", body: valid + filler(4*maxQuery), want: ErrOversized},
		{
			name: "too large, of unknown length", body: valid + filler(2*maxQuery), want: ErrOversized,
			change: func(r *http.Request) { r.ContentLength = -1 },
		},
		{name: "cut in an escape", body: valid + filler(maxQuery) + "%20", want: ErrOversized},
		{name: "malformed", body: valid + "&x=%zz", want: ErrDamaged},
		{name: "two states", body: valid + "&state=" + testState, want: ErrRepeated},
		{name: "two codes", body: valid + "&code=other", want: ErrRepeated},
		{name: "huge code", body: "state=" + testState + "&code=" + strings.Repeat("x", maxCode+1), want: ErrOversized},
		{name: "in both", query: "?" + valid, body: valid, want: ErrRepeated},
		{name: "in the query of a form", query: "?" + valid, want: ErrOtherMode},
		{name: "in a form with a query", query: "?x=y", body: valid, want: ErrOtherMode},
		{name: "in the query", query: "?" + valid, change: asGet, want: ErrOtherMode},
		{name: "form where the query is asked for", mode: "query", body: valid, want: ErrOtherMode},
		{name: "form where no mode is asked for", mode: "none", body: valid, want: ErrOtherMode},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // the HTTP server waits a while where it leaves a body unread
			mode := cmp.Or(tt.mode, "form_post")
			if mode == "none" {
				mode = ""
			}
			s := start(t, Config{ResponseMode: mode})
			r := form(t, s.RedirectURI()+tt.query, tt.body)
			if tt.change != nil {
				tt.change(r)
			}
			resp, _ := do(t, r)
			if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != s.resultPath {
				t.Errorf("got %d, want 303 to the result page", resp.StatusCode)
			}
			if got, err := s.Wait(canceled()); !errors.Is(err, tt.want) || got.Code() != "" {
				t.Errorf("got a code %t and %v, want %v", got.Code() != "", err, tt.want)
			}
		})
	}
}

// What has arrived of a form may end in the middle of the code.
func TestHalfAFormIsNoResponse(t *testing.T) {
	s := start(t, Config{ResponseMode: "form_post", PeerUID: -1}) // half a connection has no owner
	c, err := net.Dial("tcp", s.authority)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	half := "state=" + testState + "&code=" + testCode[:10]
	fmt.Fprintf(c, "POST /callback HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		s.authority, formType, len(half)+12, half)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %v, want 404", err)
	}
	stillWaitsForForm(t, s)
}

// A server that does not know the mode it was asked for says so in its default one (OAuth 2.0 Multiple Response Type
// Encoding Practices §2.1).
func TestErrorInTheOtherMode(t *testing.T) {
	s := start(t, Config{ResponseMode: "form_post"})
	get(t, s.RedirectURI()+query("state", testState, "error", "invalid_request"))
	if _, err := s.Wait(canceled()); err == nil || err.Error() != "authorization refused: invalid_request" {
		t.Errorf("got %v, want invalid_request", err)
	}
}

func TestFormPostOfAnError(t *testing.T) {
	s := start(t, Config{ResponseMode: "form_post"})
	do(t, form(t, s.RedirectURI(), "error=access_denied&state="+testState))
	if _, err := s.Wait(t.Context()); err == nil || err.Error() != "authorization refused: access_denied" {
		t.Errorf("got %v, want access_denied", err)
	}
}

func TestResultPageTakesNoForm(t *testing.T) {
	s := start(t, Config{ResponseMode: "form_post"})
	do(t, form(t, s.RedirectURI(), goodForm()))
	if resp, _ := do(t, form(t, "http://"+s.authority+s.resultPath, "")); resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %d, want 404", resp.StatusCode)
	}
}

func FuzzFormBody(f *testing.F) {
	for _, seed := range []string{
		"", goodForm(), "state=" + testState + "&error=x%1b", goodForm() + "&code=b", "%zz", strings.Repeat("a", maxQuery+1),
	} {
		f.Add(formType, seed)
		f.Add(formType+"; charset=utf-8", seed)
	}
	f.Add("application/json", goodForm())
	f.Fuzz(func(t *testing.T, kind, body string) {
		s := &Server{
			cfg:       Config{Host: "127.0.0.1", Path: "/callback", State: testState, PeerUID: -1, ResponseMode: modeFormPost},
			authority: "127.0.0.1:1234", resultPath: "/result/x", answered: make(chan struct{}),
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/callback", io.NopCloser(strings.NewReader(body)))
		r.Host = s.authority
		r.Header.Set("Content-Type", kind)
		s.handle(w, r)
		// A form is judged as the same query is.
		want, wantErr := parseResponse(body, s.cfg)
		_, mistaken := errors.AsType[Mistake](wantErr)
		select {
		case <-s.answered:
			if mistaken || s.response.Code() != want.Code() || w.Code != http.StatusSeeOther {
				t.Fatalf("got %d and an ended login, want %v", w.Code, wantErr)
			}
		default:
			if w.Code != http.StatusNotFound {
				t.Fatalf("got %d while the login waits", w.Code)
			}
			if kind == formType && !mistaken {
				t.Fatal("a valid response had no effect")
			}
		}
	})
}
