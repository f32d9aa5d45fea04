package admit

import (
	"testing"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// TestAlwaysIsForOneProgram has programs with names that would match others too.
func TestAlwaysIsForOneProgram(t *testing.T) {
	exe := func(path string) api.Evidence { return api.Evidence{Process: api.Process{Executable: path}} }
	for _, tt := range []struct {
		name   string
		caller api.Evidence
		want   account.Rule
		ok     bool
	}{
		{"a program", exe("/usr/bin/git"), account.Rule{Exe: "/usr/bin/git"}, true},
		{"an application", api.Evidence{App: "snap:mail", Process: api.Process{Executable: "/usr/bin/git"}}, account.Rule{App: "snap:mail"}, true},
		{"by a socket", api.Evidence{Socket: "/run/a.sock", Process: api.Process{Executable: "/usr/bin/git"}}, account.Rule{Exe: "/usr/bin/git", Socket: "/run/a.sock"}, true},
		{"named *", exe("/home/ada/*"), account.Rule{}, false},
		{"named **", exe("/home/ada/**"), account.Rule{}, false},
		{"named ?", exe("/home/ada/?"), account.Rule{}, false},
		{"an application named *", api.Evidence{App: "flatpak:*"}, account.Rule{}, false},
		{"unknown", api.Evidence{}, account.Rule{}, false},
	} {
		got, ok := alwaysRule(tt.caller)
		if ok != tt.ok || ok && (got.Exe != tt.want.Exe || got.App != tt.want.App || got.Socket != tt.want.Socket) {
			t.Errorf("%s: got %+v, %t, want %+v, %t", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}
