package redirect

import (
	"errors"
	"io"
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
		{name: "origin hidden", body: valid, want: 303, change: set("Origin", "null")},
		{
			name: "browser without fetch metadata", body: valid, want: 303,
			change: func(r *http.Request) { r.Header = http.Header{"Content-Type": {formType}} },
		},
		{name: "of unknown length", body: valid, want: 303, change: func(r *http.Request) { r.ContentLength = -1 }},
		{name: "largest body", body: valid + "&x=" + strings.Repeat("x", maxQuery-len(valid)-3), want: 303},

		{name: "body too large", body: valid + "&x=" + strings.Repeat("x", maxQuery-len(valid)-2), want: 413},
		{
			name: "body too large, of unknown length", want: 413, body: valid + "&x=" + strings.Repeat("x", 4*maxQuery),
			change: func(r *http.Request) { r.ContentLength = -1 },
		},
		{name: "GET", target: "/callback?" + valid, want: 404, change: asGet},
		{name: "PUT", body: valid, want: 404, change: func(r *http.Request) { r.Method = "PUT" }},
		{name: "in the query", target: "/callback?" + valid, want: 404},
		{name: "in both", target: "/callback?" + valid, body: valid, want: 404},
		{name: "other path", target: "/", body: valid, want: 404},
		{name: "foreign Host", body: valid, want: 404, change: host("evil.example.com:PORT")},
		{name: "no content type", body: valid, want: 404, change: func(r *http.Request) { r.Header.Del("Content-Type") }},
		{name: "JSON", body: valid, want: 404, change: set("Content-Type", "application/json")},
		{name: "plain text", body: valid, want: 404, change: set("Content-Type", "text/plain")},
		{name: "script of a page", body: valid, want: 404, change: set("Sec-Fetch-Mode", "no-cors")},
		{name: "frame in a page", body: valid, want: 404, change: set("Sec-Fetch-Dest", "iframe")},
		{name: "nothing", want: 404},
		{name: "malformed", body: valid + "&x=%zz", want: 404},
		{name: "wrong state", body: "code=c&state=" + testState[:42] + "A", want: 404},
		{name: "two states", body: valid + "&state=" + testState, want: 404},
		{name: "two codes", body: valid + "&code=other", want: 404},
		{name: "huge code", body: valid + strings.Repeat("x", maxCode), want: 404},
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

func asGet(r *http.Request) { r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0 }

func TestFormPostOfAnError(t *testing.T) {
	s := start(t, Config{ResponseMode: "form_post"})
	do(t, form(t, s.RedirectURI(), "error=access_denied&state="+testState))
	if _, err := s.Wait(t.Context()); err == nil || err.Error() != "authorization refused: access_denied" {
		t.Errorf("got %v, want access_denied", err)
	}
}

func TestQueryModeTakesNoForm(t *testing.T) {
	for _, mode := range []string{"", "query"} {
		s := start(t, Config{ResponseMode: mode})
		if resp, _ := do(t, form(t, s.RedirectURI(), goodForm())); resp.StatusCode != http.StatusNotFound {
			t.Errorf("mode %q: got %d, want 404", mode, resp.StatusCode)
		}
		stillWaits(t, s)
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
			if w.Code != http.StatusNotFound && w.Code != http.StatusRequestEntityTooLarge {
				t.Fatalf("got %d while the login waits", w.Code)
			}
			if kind == formType && !mistaken {
				t.Fatal("a valid response had no effect")
			}
		}
	})
}
