package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testFastGit has git's helper answer by the fast lane and by the usual one, which must give the same bytes: what the fast
// lane read of standard input before it gave up is not lost. The helper is a link to either program.
func testFastGit(t *testing.T, p programs) {
	for _, program := range p.both() {
		t.Run(filepath.Base(program), func(t *testing.T) {
			helper := filepath.Join(t.TempDir(), "git-credential-oauthd")
			if err := os.Symlink(program, helper); err != nil {
				t.Fatal(err)
			}
			testGitLink(t, helper)
		})
	}
}

func testGitLink(t *testing.T, helper string) {
	const token = `{"access_token":"tok.en","token_type":"Bearer","expires_in":3599,"account":"work","expires_at":"2031-02-28T23:59:59Z"}` + "\n"
	const unknown = `{"error":{"code":"unknown_account","message":"no account answers for it"}}` + "\n"
	for _, tt := range []struct {
		name, in, answer string
		lean             bool
	}{
		{"a host", "protocol=https\nhost=git.example.com\n\n", token, true},
		{"a newer git", "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=GitHub.com\nwwwauth[]=Basic realm=\"x\"\n\n", token, true},
		{"GitHub's gists", "protocol=https\nhost=gist.github.com\n\n", token, true},
		{"a host that ends like GitHub", "protocol=https\nhost=notgithub.com\n\n", token, true},
		{"Bitbucket, at a port", "protocol=https\nhost=bitbucket.org:443\npath=ada/notes.git\n\n", token, true},
		{"a user name", "protocol=https\nhost=git.example.com\nusername=ada\n\n", token, true},
		{"a user name that is quoted", "protocol=https\nhost=git.example.com\nusername=ada@example.com\n\n", token, false},
		{"a token without an end", "protocol=https\nhost=git.example.com\n\n", `{"access_token":"tok.en","token_type":"Bearer","account":"work"}` + "\n", true},
		{"another's host", "protocol=https\nhost=git.example.com\n\n", unknown, false},
		{"a long request", "protocol=https\nhost=git.example.com\npath=" + strings.Repeat("x", 5000) + "\n\n", token, false},
		{"a request with a carriage return", "protocol=https\r\nhost=git.example.com\n\n", token, false},
		{"a request that is longer than a pipe holds", "protocol=https\nhost=git.example.com\n" + strings.Repeat("wwwauth[]=Basic\n", 10_000) + "\n", token, false},
		{"nothing", "", token, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newLineDaemon(t, nil, saying(tt.answer))
			prepare := func(cmd *exec.Cmd) {
				cmd.Args, cmd.Stdin = []string{"git-credential-oauthd", "get"}, strings.NewReader(tt.in)
			}
			run := d.runLean
			if !tt.lean {
				run = runProgram
			}
			fast := run(t, d.env("GODEBUG=inittrace=1"), prepare, helper)
			usual := runProgram(t, d.env("GODEBUG=inittrace=1", "OAUTHD_NEW=1"), prepare, helper)
			if fast.stdout != usual.stdout || fast.status != usual.status {
				t.Errorf("got %q, status %#x, want what the usual path gives: %q, %#x", fast.stdout, fast.status, usual.stdout, usual.status)
			}
			wantUsual(t, usual)
			if tt.lean {
				wantLean(t, fast)
			}
			if tt.lean && !strings.Contains(fast.stdout, "password=tok.en\n") {
				t.Errorf("got %q, want the token", fast.stdout)
			}
		})
	}
}
