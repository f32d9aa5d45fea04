package redirect

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// startNoticing starts a server; noticed ends the login and compares all its notices with want.
func startNoticing(t *testing.T, cfg Config) (s *Server, noticed func(want ...Notice)) {
	t.Helper()
	var got []Notice // belongs to the goroutine that waits
	cfg.Notice = func(n Notice) { got = append(got, n) }
	s = start(t, cfg)
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		_, _ = s.Wait(t.Context())
	}()
	return s, func(want ...Notice) {
		t.Helper()
		_ = s.Close()
		<-waited
		// Wait may end with a response before it has passed on what came earlier.
		for len(s.notices) > 0 {
			got = append(got, <-s.notices)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got the notices %q, want %q", got, want)
		}
	}
}

func TestNotices(t *testing.T) {
	valid := query("state", testState, "code", testCode)
	tests := []struct {
		name, target, host string
		want               []Notice
	}{
		{"another host", "/callback" + valid, "localhost:PORT", []Notice{NoticeOtherHost}},
		{"another port", "/callback" + valid, "127.0.0.1:1", []Notice{NoticeOtherHost}},
		{"another host, error", "/callback" + query("state", testState, "error", "x"), "localhost:PORT", []Notice{NoticeOtherHost}},
		{"another host without the state", "/callback?code=c&state=" + testState[1:], "localhost:PORT", nil},
		{"another path", "/other" + valid, "localhost:PORT", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, noticed := startNoticing(t, Config{})
			for range 3 { // says it once
				r := request(t, http.MethodGet, "http://"+s.authority+tt.target)
				host(tt.host)(r)
				if resp, _ := do(t, r); resp.StatusCode != http.StatusNotFound {
					t.Errorf("got %d, want 404", resp.StatusCode)
				}
			}
			stillWaits(t, s)
			noticed(tt.want...)
		})
	}
}

func TestWaitPassesNoticesOn(t *testing.T) {
	got := make(chan Notice, maxNotices)
	s := start(t, Config{Notice: func(n Notice) { got <- n }})
	all := []Notice{NoticeTLS, NoticeWebPage, NoticeOtherUser, NoticeOtherHost}
	for range 2 { // before anybody waits, and each once
		for _, n := range all {
			s.notify(n)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wantCode(t, s)
	}()
	for _, want := range all {
		if n := <-got; n != want {
			t.Errorf("got %q, want %q", n, want)
		}
	}
	get(t, good(s))
	<-done
	if len(got) > 0 {
		t.Errorf("got %q once more", <-got)
	}
}

func TestNoticesWithoutAListener(t *testing.T) {
	s := start(t, Config{})
	r := request(t, http.MethodGet, good(s))
	r.Header.Set("Sec-Fetch-Mode", "no-cors")
	do(t, r)
	stillWaits(t, s)
}

func TestNoticesAreSentences(t *testing.T) {
	for _, n := range []Notice{NoticeTLS, NoticeWebPage, NoticeOtherUser, NoticeOtherHost} {
		if text := string(n); strings.HasSuffix(text, ".") || !strings.Contains(text, " answer ") || len(text) > 100 {
			t.Errorf("%q is not one short sentence about the answer", text)
		}
	}
}
