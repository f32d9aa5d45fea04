package quick

import (
	"slices"
	"strings"
	"testing"
)

func TestExecCommand(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string // with a space between two
		want string // VAR NAME ARGV; "" if it is another command line
	}{
		{"a program", "oauthd exec -e TOKEN=work -- true", "TOKEN work true"},
		{"by its path, with arguments", "/usr/bin/oauthd exec -e _T2=a.b@c -- /bin/sh -c exit", "_T2 a.b@c /bin/sh -c exit"},
		{"flags of the program's", "oauthd exec -e T=work -- env -e T=x -- y", "T work env -e T=x -- y"},
		{"no program", "oauthd exec -e T=work --", ""},
		{"an empty program", "oauthd exec -e T=work -- ", ""},
		{"no dashes", "oauthd exec -e T=work true", ""},
		{"two tokens", "oauthd exec -e T=work -e U=work -- true", ""},
		{"a file", "oauthd exec -f T=work -- true", ""},
		{"a format", "oauthd exec --format bearer -e T=work -- true", ""},
		{"in one word", "oauthd exec -eT=work -- true", ""},
		{"no variable", "oauthd exec -e work -- true", ""},
		{"an empty variable", "oauthd exec -e =work -- true", ""},
		{"a variable that is none", "oauthd exec -e 1T=work -- true", ""},
		{"a variable with a dash", "oauthd exec -e T-U=work -- true", ""},
		{"no account", "oauthd exec -e T= -- true", ""},
		{"no account's name", "oauthd exec -e T=Work -- true", ""},
		{"another verb", "oauthd token -e T=work -- true", ""},
		{"the helper", "oauthd-helper exec -e T=work -- true", ""},
		{"another program", "git exec -e T=work -- true", ""},
		{"the verb alone", "oauthd exec", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := execCommand([]byte(strings.ReplaceAll(tt.args, " ", "\x00") + "\x00"))
			got := strings.Join(append([]string{e.variable, e.account}, e.argv...), " ")
			if ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("got %q, %t, want %q", got, ok, tt.want)
			}
		})
	}
	if e, ok := execCommand([]byte("oauthd\x00exec\x00-e\x00T=work\x00--\x00a\x00\x00b\x00")); !ok || !slices.Equal(e.argv, []string{"a", "", "b"}) {
		t.Errorf("an empty argument: got %q, %t", e.argv, ok)
	}
}
