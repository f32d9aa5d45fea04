package quick

import (
	"os"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

func TestAccount(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"token NAME", []string{"oauthd", "token", "work"}, "work"},
		{"by its path", []string{"/usr/local/bin/oauthd", "token", "a.b_c@d+e-1"}, "a.b_c@d+e-1"},
		{"the helper", []string{"bin/oauthd-helper", "token", "work"}, "work"},
		{"the longest name", []string{"oauthd", "token", strings.Repeat("a", 63)}, strings.Repeat("a", 63)},
		{"in the root", []string{"/oauthd", "token", "work"}, "work"},
		{"a capital in the name", []string{"oauthd", "token", "wOrk"}, ""},
		{"a backslash in the name", []string{"oauthd", "token", `a\b`}, ""},
		{"another program", []string{"git-credential-oauthd", "token", "work"}, ""},
		{"a directory of that name", []string{"oauthd/", "token", "work"}, ""},
		{"no program", []string{"", "token", "work"}, ""},
		{"another verb", []string{"oauthd", "tokens", "work"}, ""},
		{"no account", []string{"oauthd", "token"}, ""},
		{"an empty account", []string{"oauthd", "token", ""}, ""},
		{"a flag", []string{"oauthd", "token", "--force", "work"}, ""},
		{"a flag after it", []string{"oauthd", "token", "work", "--force"}, ""},
		{"an empty argument after it", []string{"oauthd", "token", "work", ""}, ""},
		{"help", []string{"oauthd", "token", "-h"}, ""},
		{"a name too long", []string{"oauthd", "token", strings.Repeat("a", 64)}, ""},
		{"JSON in the name", []string{"oauthd", "token", `a","force":true,"scope":"`}, ""},
		{"the verb alone", []string{"token", "work"}, ""},
		{"nothing", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line := ""
			for _, arg := range tt.args {
				line += arg + "\x00"
			}
			if got, ok := account([]byte(line)); ok != (tt.want != "") || ok && got != tt.want {
				t.Errorf("got %q, %t, want %q", got, ok, tt.want)
			}
		})
	}
	if name, ok := account([]byte("oauthd\x00token\x00wor")); ok {
		t.Errorf("a line that is cut off: got %q, want nothing", name)
	}
}

// FuzzAccount checks that package api takes every name that is taken here.
func FuzzAccount(f *testing.F) {
	f.Add("work")
	f.Add("-a")
	f.Add("a\n")
	f.Fuzz(func(t *testing.T, name string) {
		if got, ok := account([]byte("oauthd\x00token\x00" + name + "\x00")); ok && got != name {
			t.Errorf("got %q, want %q", got, name)
		}
		usual := api.CheckAccountName(name)
		if accountName(name) && usual != nil && !strings.Contains(usual.Error(), "device name") {
			t.Errorf("%q: got a name, want %v", name, usual)
		}
	})
}

func TestArguments(t *testing.T) {
	want := strings.Join(os.Args, "\x00") + "\x00"
	if len(want) >= maxArguments {
		want = ""
	}
	if got := string(arguments()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
