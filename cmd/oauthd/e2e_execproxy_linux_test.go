package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

// withServer is withAccount, whose tokens may be used at the provider itself, which serves userinfo, and at others.
func withServer(t *testing.T, others ...string) *seat {
	t.Helper()
	s := withAccount(t)
	hosts := strings.Join(append(others, s.provider.Issuer()), `", "`)
	s.write(t, "home/.config/oauthd/accounts/work.toml", s.accountFile("work")+`hosts = ["`+hosts+"\"]\n")
	if exit, _, stderr := s.run(t, "", "oauthd", "reload"); exit != 0 {
		t.Fatalf("reload: got exit status %d, %s", exit, stderr)
	}
	return s
}

// throughProxy runs a shell command below exec, with the address of userinfo in USERINFO.
func (s *seat) throughProxy(t *testing.T, command string) (exit int, stdout, stderr string) {
	t.Helper()
	server := s.provider.Issuer()
	return s.run(t, "", "oauthd", "exec", "--proxy", "work="+server, "-e", "USERINFO="+server+"/userinfo", "--", "sh", "-c", command)
}

// TestProxyGoesWithTheProgram ends programs in every way, and looks for tokens in what they see, and for what they leave.
func TestProxyGoesWithTheProgram(t *testing.T) {
	needProgram(t, "curl")
	s := withServer(t)
	for end, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -TERM $$": -1, "kill -KILL $$": -1, "exec sleep 0": 0} {
		exit, stdout, stderr := s.throughProxy(t, `echo $USERINFO; curl -sS -i -H "Authorization: Bearer mine" $USERINFO; echo; env; `+end)
		address, answer, _ := strings.Cut(stdout, "\n")
		if exit != want || !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || !strings.Contains(answer, "\r\n\r\n{\"sub\":\"ada\"}\n") {
			t.Fatalf("%s: got exit status %d, %d bytes, %s, want %d and the server's answer", end, exit, len(answer), stderr, want)
		}
		if kinds := leaks(stdout+stderr, true); len(kinds) > 0 {
			t.Errorf("%s: the program sees %s", end, strings.Join(kinds, ", "))
		}
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		s.servesNothing(t, at.Host)
	}
}

// TestOtherUsersGetNothingFromTheProxy has another user ask, who knows the address with its secret.
func TestOtherUsersGetNothingFromTheProxy(t *testing.T) {
	needProgram(t, "curl")
	needProgram(t, "setpriv")
	if os.Getuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	s := withServer(t)
	exit, stdout, stderr := s.throughProxy(t, `cd /; setpriv --reuid 65534 --clear-groups curl -sS $USERINFO; curl -sS $USERINFO`)
	if want := "this server is for programs of another user\n{\"sub\":\"ada\"}\n"; exit != 0 || stdout != want {
		t.Errorf("got exit status %d, %q, %s, want a refusal, and an answer for us", exit, stdout, stderr)
	}
}

// TestProxyOfAProgramStreams has a server that sends its second event once the program has asked for it, and one redirect.
func TestProxyOfAProgramStreams(t *testing.T) {
	needProgram(t, "curl")
	heard := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !tokenPattern.MatchString(r.Header.Get("Authorization")):
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-heard:
				_, _ = io.WriteString(w, "data: 2\n")
			case <-r.Context().Done():
			}
		case r.URL.Path == "/heard":
			heard <- struct{}{}
		case r.URL.Path == "/away":
			http.Redirect(w, r, "https://elsewhere.example.com/", http.StatusFound)
		}
	}))
	t.Cleanup(api.Close)
	s := withServer(t, api.URL)
	exit, stdout, stderr := s.run(t, "", "oauthd", "exec", "--proxy", "work="+api.URL, "-e", "API="+api.URL, "--", "sh", "-c",
		`curl -sSN $API/events | while read -r line; do echo "$line"; [ "$line" != "data: 1" ] || curl -sS $API/heard; done
		curl -sS -o body -w '%{http_code} %{redirect_url}\n' $API/away`)
	if want := "data: 1\ndata: 2\n302 https://elsewhere.example.com/\n"; exit != 0 || stdout != want {
		t.Errorf("got exit status %d, %q, %s, want %q", exit, stdout, stderr, want)
	}
}
