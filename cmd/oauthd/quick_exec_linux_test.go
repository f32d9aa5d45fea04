package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testFastExec compares `exec -e VAR=NAME -- CMD` with the same and --format raw, which always goes the usual path.
func testFastExec(t *testing.T, p programs) {
	dir := t.TempDir()
	for name, text := range map[string]string{"noexec": "#!/bin/sh\n", "plain": "echo plain \"$@\" $T\n", "missing": "#!/nowhere/sh\n"} {
		mode := os.FileMode(0o700)
		if name == "noexec" {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	search := "PATH=" + dir + ":" + os.Getenv("PATH")
	for _, tt := range []struct {
		name   string
		answer string // "" for a token
		env    []string
		argv   []string
		lean   bool // the fast lane gets it done
	}{
		{name: "its environment", argv: []string{"env"}, lean: true},
		{name: "by its path", argv: []string{"/bin/sh", "-c", "echo $T $0 $#; exit 3", "a b", "", "c"}, lean: true},
		{name: "a variable that is there", env: []string{"T=old", "TT=stays"}, argv: []string{"env"}, lean: true},
		{name: "a signal", argv: []string{"sh", "-c", "kill -TERM $$"}, lean: true},
		{name: "limits", argv: []string{"sh", "-c", "ulimit -Sn; grep Sig[BI] /proc/self/status"}, lean: true},
		{name: "a script without #!", argv: []string{"plain", "x"}},
		{name: "one whose #! leads nowhere", argv: []string{"missing"}},
		{name: "not executable", argv: []string{filepath.Join(dir, "noexec")}},
		{name: "not executable in PATH", argv: []string{"noexec"}},
		{name: "a directory", argv: []string{dir}},
		{name: "not there", argv: []string{"no-such-program"}},
		{name: "no PATH", env: []string{"PATH="}, argv: []string{"env"}},
		{name: "a relative PATH", env: []string{"PATH=.:/nowhere"}, argv: []string{"no-such-program"}},
		{name: "a login is needed", argv: []string{"env"},
			answer: `{"error":{"code":"login_required","message":"log in","hint":"oauthd login work"}}` + "\n"},
		{name: "no daemon", env: []string{"XDG_RUNTIME_DIR=/nowhere"}, argv: []string{"env"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := tt.answer
			if answer == "" {
				answer = lineAnswer
			}
			d := newLineDaemon(t, nil, saying(answer))
			env := d.env(append([]string{search, "GODEBUG=inittrace=1"}, tt.env...)...)
			in := func(cmd *exec.Cmd) { cmd.Dir = dir }
			usual := runProgram(t, env, in, p.oauthd, append([]string{"exec", "-e", "T=work", "--format", "raw", "--"}, tt.argv...)...)
			_, usual.stderr = initialised(usual.stderr)
			var got ended
			var packages []string
			inTime(func() bool {
				got = runProgram(t, env, in, p.oauthd, append([]string{"exec", "-e", "T=work", "--"}, tt.argv...)...)
				packages, _ = initialised(got.stderr)
				return !tt.lean || len(packages) <= mostInits
			})
			if (len(packages) <= mostInits) != tt.lean {
				t.Errorf("got %d packages initialised, want the fast lane to do it: %t", len(packages), tt.lean)
			}
			if _, got.stderr = initialised(got.stderr); got != usual {
				t.Errorf("got %q, %q, status %#x, want as usual %q, %q, status %#x",
					got.stdout, got.stderr, got.status, usual.stdout, usual.stderr, usual.status)
			}
			if tt.lean && tt.argv[0] == "env" && !strings.Contains(got.stdout, "\nT=tok.en\n") {
				t.Errorf("got the environment %q, want the token in it", got.stdout)
			}
		})
	}
}
