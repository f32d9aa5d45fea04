package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
)

// needProgram skips a test that needs a program that is not installed.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" && name != "pwsh" {
			t.Fatalf("%s is not installed, and OAUTHD_TEST_REQUIRE is set", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// newShellSeat is a seat with the accounts work and home, and a daemon that knows them.
func newShellSeat(t *testing.T) *seat {
	t.Helper()
	s := newSeat(t, oauthtest.Config{})
	s.env = append(s.env, "BROWSER=agent allow %s")
	for _, name := range []string{"work", "home"} {
		exit, _, stderr := s.run(t, "", "oauthd", "login", name, "--issuer", s.provider.Issuer(), "--client-id", "native", "--scope", "openid", "--scope", "email")
		if exit != 0 {
			t.Fatalf("log in: got exit %d, %s", exit, stderr)
		}
	}
	return s
}

// completionCases are command lines, and what a shell completes them to.
var completionCases = []struct{ line, want string }{
	{"oauthd tok", "token"},
	{"oauthd token wo", "work"},
	{"oauthd account show ho", "home"},
	{"oauthd login x --provider goo", "google"},
	{"oauthd token work --scope op", "openid"},
	{"oauthd token work --format xoa", "xoauth2"},
	{"oauthd help kube", "kubernetes"},
	{"oauthd completion pow", "powershell"},
}

func TestBashCompletion(t *testing.T) {
	needProgram(t, "bash")
	const library = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(library); err != nil {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("bash-completion is not installed, and OAUTHD_TEST_REQUIRE is set")
		}
		t.Skip("bash-completion is not installed")
	}
	s := newShellSeat(t)
	for _, test := range completionCases {
		exit, stdout, stderr := s.run(t, "", "bash", "--norc", "-c", `
			compopt() { :; } # which works only while a person completes
			source `+library+`
			source <(oauthd completion bash)
			COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
			read -ra COMP_WORDS <<<"$1"
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			__start_oauthd
			printf '%s\n' "${COMPREPLY[@]}"`, "bash", test.line)
		if exit != 0 || strings.TrimSpace(stdout) != test.want || stderr != "" {
			t.Errorf("%s: got exit %d, %q, %q; want %q", test.line, exit, stdout, stderr, test.want)
		}
	}
}

func TestFishCompletion(t *testing.T) {
	needProgram(t, "fish")
	s := newShellSeat(t)
	for _, test := range completionCases {
		exit, stdout, stderr := s.run(t, "", "fish", "--no-config", "-c", `
			oauthd completion fish | source
			complete --do-complete $argv[1]`, test.line)
		got, _, _ := strings.Cut(strings.TrimSpace(stdout), "\t")
		if exit != 0 || got != test.want || strings.Count(stdout, "\n") != 1 || stderr != "" {
			t.Errorf("%s: got exit %d, %q, %q; want %q", test.line, exit, stdout, stderr, test.want)
		}
	}
	exit, stdout, _ := s.run(t, "", "fish", "--no-config", "-c", "oauthd completion fish | source; complete --do-complete 'oauthd exec -e TOKEN='")
	if exit != 0 || !strings.Contains(stdout, "TOKEN=work\t") || !strings.Contains(stdout, "TOKEN=home\t") || !strings.Contains(stdout, "ada@example.com") {
		t.Errorf("exec -e: got exit %d, %q, want the accounts with their identity", exit, stdout)
	}
}

// zsh completes only in its line editor, so this types.
func TestZshCompletion(t *testing.T) {
	needProgram(t, "zsh")
	s := newShellSeat(t)
	cmd := exec.Command("zsh", "-f")
	cmd.Dir, cmd.Env = s.dir, s.env
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	var screen transcript
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := terminal.Read(buffer)
			_, _ = screen.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		<-read
		_ = terminal.Close()
	})
	press := func(text, want string) {
		t.Helper()
		before := len(screen.String())
		if _, err := terminal.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if !poll(func() bool { return strings.Contains(screen.String()[before:], want) }) {
			t.Fatalf("%q: the screen does not come to show %q, it is\n%q", text, want, screen.String()[before:])
		}
	}
	press("autoload -U compinit; compinit -u -D; source <(oauthd completion zsh); PS1='rea''dy> '\n", "ready> ")
	for _, test := range completionCases {
		words := strings.Fields(test.line)
		press("\x15"+test.line+"\t"+"\x01print -r -- '[\x05]'\n", "["+strings.Join(append(words[:len(words)-1], test.want), " ")+"]")
	}
}

func TestPowerShellCompletion(t *testing.T) {
	needProgram(t, "pwsh")
	s := newShellSeat(t)
	for _, test := range completionCases {
		exit, stdout, stderr := s.run(t, "", "pwsh", "-NoProfile", "-Command", `
			oauthd completion powershell | Out-String | Invoke-Expression
			(TabExpansion2 -inputScript '`+test.line+`' -cursorColumn `+strings.Repeat("1+", len(test.line))+`0).CompletionMatches.CompletionText`)
		if exit != 0 || strings.TrimSpace(stdout) != test.want {
			t.Errorf("%s: got exit %d, %q, %q; want %q", test.line, exit, stdout, stderr, test.want)
		}
	}
}

// Without a daemon the accounts that have a file are completed, and none is started.
func TestCompletionStartsNoDaemon(t *testing.T) {
	s := newSeat(t, oauthtest.Config{})
	if err := os.MkdirAll(filepath.Join(s.home, ".config", "oauthd", "accounts"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write(t, filepath.Join("home", ".config", "oauthd", "accounts", "work.toml"), "provider = \"google\"\nclient_id = \"x\"\n")
	s.write(t, filepath.Join("home", ".config", "oauthd", "accounts", "Not an account.toml"), "")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"token", ""}, "work\n:4\n"},
		{[]string{"login", "x", "--provider", ""}, ":4\n"},
		{[]string{"token", "work", "--scope", ""}, ":4\n"},
		{[]string{"exec", "--proxy", ""}, "work=\n:6\n"},
		{[]string{"exec", "--proxy", "work="}, ":4\n"},
		{[]string{"exec", "--aws", ""}, "work\n:4\n"},
		{[]string{"login", "x", "--via", ""}, "work\n:4\n"},
		{[]string{"mcp", "https://mcp.example.com/mcp", "--account", ""}, "work\n:4\n"},
	} {
		exit, stdout, _ := s.run(t, "", append([]string{"oauthd", "__complete"}, test.args...)...)
		if exit != 0 || stdout != test.want {
			t.Errorf("%q: got exit %d, %q, want %q", test.args, exit, stdout, test.want)
		}
	}
	if exit, _, _ := s.run(t, "", "oauthd", "status"); exit != 6 {
		t.Errorf("got exit %d from status, want 6: no daemon", exit)
	}
}

func TestManualPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "man1")
	s := newSeat(t, oauthtest.Config{})
	for range 2 { // the second time they are replaced
		if exit, stdout, stderr := s.run(t, "", "oauthd", "man", dir); exit != 0 || stdout != "" || !strings.Contains(stderr, " manual pages written to "+dir) {
			t.Fatalf("got exit %d, %q, %q", exit, stdout, stderr)
		}
	}
	for _, v := range verbTable() {
		_, err := os.Stat(filepath.Join(dir, "oauthd-"+v.name+".1"))
		if hidden := v.name == keychainChild || v.name == emulationServer; (err != nil) != hidden {
			t.Errorf("%s: got %v", v.name, err)
		}
	}
	needProgram(t, "groff")
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("got %d pages, %v", len(pages), err)
	}
	for _, topic := range topics() {
		pages = append(pages, filepath.Join(filepath.Dir(dir), "man7", "oauthd-"+topic.name+".7"))
	}
	for _, page := range pages {
		exit, stdout, stderr := s.run(t, "", "groff", "-man", "-Tutf8", "-ww", "-rLL=78n", "-P-cbou", page)
		if exit != 0 || stderr != "" || !strings.Contains(stdout, "\nNAME\n") || !strings.Contains(stdout, "\nSEE ALSO\n") {
			t.Errorf("%s: got exit %d, %s\n%s", filepath.Base(page), exit, stderr, stdout)
		}
	}
	checkTopicPage(t, s, filepath.Join(filepath.Dir(dir), "man7"))
	if exit, _, stderr := s.run(t, "", "oauthd", "man", s.dir); exit != 0 {
		t.Errorf("another directory: got exit %d, %s", exit, stderr)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "oauthd-git.7")); err != nil {
		t.Errorf("another directory: %v, want the topics beside the verbs", err)
	}
	_, file, _ := s.run(t, "", "groff", "-man", "-Tutf8", "-rLL=200n", "-P-cbou", filepath.Join(dir, "oauthd-file.1"))
	for _, want := range []string{
		"oauthd-file - maintain a file with a token in it\n", "oauthd file NAME PATH [flags]\n", "\n       --min-ttl duration\n", "{{expires_at}} (RFC 3339)",
		`oauthd file work ~/.config/app/auth.json --template '{"bearer": "{{token}}"}'` + "\n", "\nVERBS\n", "oauthd(1), oauthd-file-list(1), oauthd-file-rm(1)\n",
	} {
		if !strings.Contains(file, want) {
			t.Errorf("oauthd-file.1 has no %q:\n%s", want, file)
		}
	}
}

// checkTopicPage reads the page of a topic that has sections, code and a table.
func checkTopicPage(t *testing.T, s *seat, dir string) {
	t.Helper()
	_, page, _ := s.run(t, "", "groff", "-man", "-Tutf8", "-rLL=78n", "-P-cbou", filepath.Join(dir, "oauthd-git.7"))
	topic, _ := findTopic("git")
	for _, want := range []string{"NAME\n       oauthd-git - " + topic.about + "\n", "\nDESCRIPTION\n", "\n         oauthd helper install git"} {
		if !strings.Contains(page, want) {
			t.Errorf("oauthd-git.7 has no %q:\n%s", want, page)
		}
	}
	if strings.ContainsAny(page, "\x1b`") {
		t.Errorf("oauthd-git.7 has marks of Markdown, or steers the terminal:\n%s", page)
	}
}
