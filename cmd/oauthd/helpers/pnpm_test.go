package helpers

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestStepsOfPNPM(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	file := filepath.Join(dir, "pnpm", "auth.ini")
	for _, test := range []struct {
		host, self, want, wantErr string
	}{
		{host: "npm.example.com", self: "/usr/bin/oauthd", want: "//npm.example.com/:tokenHelper=/usr/bin/oauthd helper pnpm https://npm.example.com/\n"},
		{host: "https://npm.example.com/team/", self: "/usr/bin/oauthd", want: "//npm.example.com/team/:tokenHelper=/usr/bin/oauthd helper pnpm https://npm.example.com/team/\n"},
		{host: "http://127.0.0.1:4873", self: "/usr/bin/oauthd", want: "//127.0.0.1:4873/:tokenHelper=/usr/bin/oauthd helper pnpm http://127.0.0.1:4873/\n"},
		{host: "npm.example.com", self: "/opt/two words/oauthd", wantErr: "a space or a quote"},
		{host: "npm.example.com", self: "/home/ada$/oauthd", wantErr: "a space or a quote"},
	} {
		steps, err := pnpm().Steps(Place{Self: test.self, Hosts: []string{test.host}})
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("%s: got %v, want %q", test.self, err, test.wantErr)
			}
			continue
		}
		if err != nil || len(steps) != 1 {
			t.Fatalf("%s: got %d steps, %v", test.host, len(steps), err)
		}
		if b, ok := steps[0].(*Block); !ok || b.File != file || b.Body != test.want {
			t.Errorf("%s: got %+v, want %q in %s", test.host, steps[0], test.want, file)
		}
	}
	if steps, err := pnpm().Steps(Place{Self: "/usr/bin/oauthd"}); err != nil || len(steps) != 1 || !strings.Contains(steps[0].Text(), "--host") {
		t.Errorf("without hosts: got %v, %v, want to be told of --host", steps, err)
	}
}
