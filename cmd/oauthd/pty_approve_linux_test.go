package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"github.com/creack/pty"
)

// asking starts programs that ask for a token of work, and wait for a person's consent. They have left the session that
// they were started in, so that the answer can come from this one.
type asking struct {
	*seat
	at string // the directory of what they wrote
}

// ask starts a program that runs n oauthd at once, and returns what waits for its end and returns what they wrote.
func (a *asking) ask(t *testing.T, name string, n string) (ended func() string) {
	t.Helper()
	out := filepath.Join(a.at, name)
	script := `exec >/dev/null 2>&1; for i in $(seq ` + n + `); do oauthd token work >` + out + `.$i 2>&1 & done; wait; cat ` + out + `.* >` + out + `.part; mv ` + out + `.part ` + out
	if exit, _, stderr := a.run(t, "", "setsid", "--fork", "sh", "-c", script); exit != 0 {
		t.Fatalf("start a program: got exit %d, %s", exit, stderr)
	}
	return func() string {
		t.Helper()
		var text []byte
		if !poll(func() (ok bool) {
			var err error
			text, err = os.ReadFile(out)
			return err == nil
		}) {
			t.Fatalf("the program %s does not end", name)
		}
		return string(text)
	}
}

// questions waits until that many questions are asked, for which at least so many requests wait.
func (a *asking) questions(t *testing.T, callers int) (all api.Consents) {
	t.Helper()
	if !poll(func() bool {
		exit, stdout, _ := a.run(t, "", "oauthd", "policy", "list", "--json")
		all = api.Consents{}
		return exit == 0 && json.Unmarshal([]byte(stdout), &all) == nil && len(all.Questions) == 1 && all.Questions[0].Waiting >= callers
	}) {
		t.Fatalf("got %d questions, %+v, want one for at least %d callers", len(all.Questions), all.Questions, callers)
	}
	return all
}

// A hundred programs of one session cause one question; its answer counts for them all, and for what the session starts
// later, until the store is locked. Nobody answers for themselves.
func TestApprove(t *testing.T) {
	storetest.Need(t, "setsid")
	a := &asking{seat: newSeat(t, oauthtest.Config{}), at: t.TempDir()}
	a.env = append(a.env, "BROWSER=agent allow %s")
	if exit, _, stderr := a.run(t, "", "oauthd", "login", "work", "--issuer", a.provider.Issuer(), "--client-id", "native", "--scope", "openid"); exit != 0 {
		t.Fatalf("login: got exit %d, %s", exit, stderr)
	}
	file := filepath.Join("home", ".config", "oauthd", "accounts", "work.toml")
	a.write(t, file, a.accountFile("work")+"confirm = \"first\"\n")
	if exit, _, stderr := a.run(t, "", "oauthd", "reload"); exit != 0 {
		t.Fatalf("reload: got exit %d, %s", exit, stderr)
	}

	window := pty.Winsize{Rows: 24, Cols: 80}
	a.start(t, window, "", "policy", "list").await(t, "Nobody has been asked") // the terminal stays

	ended := a.ask(t, "many", "20")
	q := a.questions(t, 20).Questions[0]
	if q.Account != "work" || !strings.HasSuffix(q.Caller.Executable, "sh") || !strings.Contains(q.Always, q.Caller.Executable) {
		t.Errorf("got the question %+v, want it to name the shell", q)
	}
	exit, stdout, _ := a.run(t, "", "curl", "-s", "--unix-socket", filepath.Join(runtimeDirOf(a.env), "oauthd", "oauthd.sock"),
		"-d", `{"answer":"until-locked"}`, "http://oauthd/v1/consent/"+q.ID)
	if exit != 0 || !strings.Contains(stdout, `"code":"forbidden"`) {
		t.Errorf("an answer that is no person's: got exit %d, %s, want it refused", exit, stdout)
	}
	if exit, _, stderr := a.run(t, "", "setsid", "--wait", "oauthd", "approve"); exit != 2 || !strings.Contains(stderr, "from a terminal, and there is none") {
		t.Errorf("approve without a terminal: got exit %d, %s", exit, stderr)
	}
	p := a.start(t, window, "", "approve")
	p.await(t, "May this program use the account work?", "all that the account may do", "until oauthd is locked", "Answer")
	p.press(t, "1"+enter)
	p.wantExit(t, 0)
	if got := ended(); len(tokenPattern.FindAllString(got, -1)) != 20 {
		t.Errorf("got %q, want twenty tokens", tokenPattern.ReplaceAllString(got, "[token]"))
	}
	if exit, _, stderr := a.run(t, "", "oauthd", "lock"); exit != 0 {
		t.Fatalf("lock: got exit %d, %s", exit, stderr)
	}
	if exit, stdout, _ := a.run(t, "", "oauthd", "policy", "list", "--json"); exit != 0 || !strings.Contains(stdout, `"given": []`) {
		t.Errorf("after a lock: got exit %d, %s, want nothing remembered", exit, stdout)
	}
	if exit, _, stderr := a.run(t, "", "oauthd", "unlock"); exit != 0 {
		t.Fatalf("unlock: got exit %d, %s", exit, stderr)
	}

	// A refusal is for those who wait, and is not remembered.
	ended = a.ask(t, "refused", "1")
	a.questions(t, 1)
	p = a.start(t, window, "", "approve")
	p.await(t, "Answer")
	p.press(t, "3"+enter)
	p.wantExit(t, 0)
	if got := ended(); !strings.Contains(got, "a person refused") {
		t.Errorf("got %q, want the refusal", got)
	}

	// Always becomes a rule in the file.
	ended = a.ask(t, "always", "1")
	a.questions(t, 1)
	p = a.start(t, window, "", "approve")
	p.await(t, "\"always\" writes into", "Answer")
	p.press(t, "6"+enter)
	p.await(t, "Written into")
	p.wantExit(t, 0)
	if got := ended(); !tokenPattern.MatchString(got) {
		t.Errorf("got %q, want a token", got)
	}
	if text := a.accountFile("work"); !strings.Contains(text, "[[allow]]\nexe = ") {
		t.Errorf("got the file %q, want the rule", text)
	}
	if got := a.ask(t, "again", "1")(); !tokenPattern.MatchString(got) {
		t.Errorf("with the rule: got %q, want a token", got)
	}
}

// runtimeDirOf is XDG_RUNTIME_DIR in an environment.
func runtimeDirOf(environ []string) string {
	for _, entry := range environ {
		if dir, ok := strings.CutPrefix(entry, "XDG_RUNTIME_DIR="); ok {
			return dir
		}
	}
	return ""
}
