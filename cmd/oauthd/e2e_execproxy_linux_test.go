package main

import (
	"net/url"
	"os"
	"strings"
	"testing"
)

// withServer is withAccount, whose tokens may be used at the provider itself: it serves userinfo.
func withServer(t *testing.T) *seat {
	t.Helper()
	s := withAccount(t)
	s.write(t, "home/.config/oauthd/accounts/work.toml", s.accountFile("work")+"hosts = [\""+s.provider.Issuer()+"\"]\n")
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
