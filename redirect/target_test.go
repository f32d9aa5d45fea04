package redirect

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// raw sends a request as it stands, with PORT, STATE and CODE filled in, and returns the status of the answer.
func raw(t *testing.T, s *Server, text string) int {
	t.Helper()
	c, err := net.Dial("tcp", s.authority)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, fill(s, text))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestRequestTargets(t *testing.T) {
	const response = "?state=STATE&code=CODE"
	tests := []struct {
		name, path, target string
		host               string // "" is the redirect URI's
		want               int
	}{
		{name: "origin form", target: "/callback" + response, want: 303},
		{name: "absolute form", target: "http://127.0.0.1:PORT/callback" + response, want: 303},
		{name: "scheme in capitals", target: "HTTP://127.0.0.1:PORT/callback" + response, want: 303},
		{
			name: "the target's host counts, not the field's", want: 303,
			target: "http://127.0.0.1:PORT/callback" + response, host: "evil.example.com",
		},
		{name: "root path", path: "/", target: "http://127.0.0.1:PORT/" + response, want: 303},
		{name: "empty path is the root", path: "/", target: "http://127.0.0.1:PORT" + response, want: 303},

		{name: "another host", target: "http://evil.example.com:PORT/callback" + response, host: "127.0.0.1:PORT", want: 404},
		{name: "another port", target: "http://127.0.0.1:1/callback" + response, host: "127.0.0.1:PORT", want: 404},
		{name: "another scheme", target: "https://127.0.0.1:PORT/callback" + response, want: 404},
		{name: "another spelling of the path", target: "http://127.0.0.1:PORT/%63allback" + response, want: 404},
		{name: "another path", target: "http://127.0.0.1:PORT/callback/" + response, want: 404},
		{name: "empty path", target: "http://127.0.0.1:PORT" + response, want: 404},
		{name: "no slashes after the scheme", target: "http:/callback" + response, want: 404},
		{name: "no path", target: "*", want: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{Path: tt.path})
			if tt.host == "" {
				tt.host = "127.0.0.1:PORT"
			}
			if got := raw(t, s, "GET "+tt.target+" HTTP/1.1\r\nHost: "+tt.host+"\r\n\r\n"); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
			if tt.want == http.StatusSeeOther {
				wantCode(t, s)
				return
			}
			stillWaits(t, s)
		})
	}
}

func TestAbsoluteFormOverHTTPS(t *testing.T) {
	s := start(t, Config{HTTPS: true})
	for scheme, want := range map[string]int{"http": 404, "https": 303} {
		r := request(t, http.MethodGet, good(s))
		r.URL.Opaque = scheme + "://" + s.authority + "/callback" // goes out as it stands
		resp, err := trusting(t, s).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", scheme, resp.StatusCode, want)
		}
	}
	wantCode(t, s)
}

func TestLongResponses(t *testing.T) {
	// A code of printable characters, each of which a provider may escape.
	code := strings.Repeat("/0+=", maxCode/4)
	var escaped strings.Builder
	for i := range len(code) {
		fmt.Fprintf(&escaped, "%%%02X", code[i])
	}
	for name, tt := range map[string]struct{ code, encoded string }{
		"6,000 characters":   {strings.Repeat("j", 6000), strings.Repeat("j", 6000)},
		"16 KiB, as it is":   {strings.Repeat("j", maxCode), strings.Repeat("j", maxCode)},
		"16 KiB, as escapes": {code, escaped.String()},
	} {
		encoded := "state=" + testState + "&code=" + tt.encoded
		check := func(t *testing.T, s *Server) {
			t.Helper()
			if got, err := s.Wait(canceled()); err != nil || got.Code() != tt.code {
				t.Errorf("got a code of %d bytes and %v, want the code of %d", len(got.Code()), err, len(tt.code))
			}
		}
		t.Run(name+", query", func(t *testing.T) {
			s := start(t, Config{})
			r := request(t, http.MethodGet, s.RedirectURI()+"?"+encoded)
			// What other programs have set for this host comes along.
			r.Header.Set("Cookie", "session="+strings.Repeat("c", 32<<10))
			do(t, r)
			check(t, s)
		})
		t.Run(name+", form", func(t *testing.T) {
			s := start(t, Config{ResponseMode: "form_post"})
			do(t, form(t, s.RedirectURI(), encoded))
			check(t, s)
		})
		t.Run(name+", pasted", func(t *testing.T) {
			s := start(t, Config{})
			if err := s.Deliver(s.RedirectURI() + "?" + encoded); err != nil {
				t.Errorf("got %v, want no error", err)
			}
			check(t, s)
		})
	}
}

func TestSemicolonIsAnOrdinaryCharacter(t *testing.T) {
	s := start(t, Config{})
	get(t, s.RedirectURI()+"?code=a;b&state="+testState+"&session_state=x;y")
	if got, err := s.Wait(canceled()); err != nil || got.Code() != "a;b" {
		t.Errorf("got the code %t and %v, want it whole", got.Code() == "a;b", err)
	}
}
