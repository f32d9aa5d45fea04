package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// choose presses the button of a notification that says text.
func (b *board) choose(t *testing.T, n notice, text string) {
	t.Helper()
	i := slices.Index(n.actions, text)
	if i < 1 {
		t.Fatalf("got the actions %q, want %q", n.actions, text)
	}
	b.mu.Lock()
	delete(b.open, n.id)
	b.mu.Unlock()
	if err := b.conn.Emit(boardPath, "org.freedesktop.Notifications.ActionInvoked", n.id, n.actions[i-1]); err != nil {
		t.Fatal(err)
	}
}

// testDesktopConsent has a person answer on the desktop whether a program may use an account.
func testDesktopConsent(t *testing.T, h *house) {
	t.Parallel()
	p, b, _ := newDeskOfOne(t, h, nil, "work")
	file := filepath.Join(p.dir, ".config/oauthd/accounts/work.toml")
	text, err := os.ReadFile(file)
	if err := errors.Join(err, os.WriteFile(file, append([]byte("confirm = \"first\"\n"), text...), 0o600)); err != nil {
		t.Fatal(err)
	}
	if r := p.run("reload"); r.exit != 0 {
		t.Fatalf("reload: got exit %d, %s", r.exit, r.stderr)
	}
	const together = 5
	ask := func() <-chan result {
		results := make(chan result, together)
		for range together {
			go func() { results <- p.run("token", "work") }()
		}
		return results
	}
	results := ask()
	n := b.next(t)
	if !strings.HasPrefix(n.summary, "May ") || !strings.HasSuffix(n.summary, " use work?") || !strings.Contains(n.body, "wants tokens of work") {
		t.Errorf("got %+v", n)
	}
	b.choose(t, n, "Until locked")
	for range together {
		if r := <-results; r.exit != 0 || r.stdout == "" {
			t.Errorf("agreed: got exit %d, %s, want a token", r.exit, r.stderr)
		}
	}
	if r := p.run("token", "work"); r.exit != 0 {
		t.Errorf("later: got exit %d, %s, want a token without a question", r.exit, r.stderr)
	}
	b.done(t)

	for _, verb := range []string{"lock", "unlock"} {
		if r := p.run(verb); r.exit != 0 {
			t.Fatalf("%s: got exit %d, %s", verb, r.exit, r.stderr)
		}
	}
	results = ask()
	b.choose(t, b.next(t), "No")
	for range together {
		if r := <-results; r.exit != api.PolicyDenied.ExitStatus() || r.stdout != "" {
			t.Errorf("refused: got exit %d, %d bytes, %s, want %d", r.exit, len(r.stdout), r.stderr, api.PolicyDenied.ExitStatus())
		}
	}
}

// testAuditRequired takes the audit log's place away: a token that has to be in it is held back.
func testAuditRequired(t *testing.T, h *house) {
	t.Parallel()
	p, _, _ := newDeskOfOne(t, h, nil, "work", "home")
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n[audit]\nrequired = true\n")
	if r := p.run("reload"); r.exit != 0 {
		t.Fatalf("reload: got exit %d, %s", r.exit, r.stderr)
	}
	if r := p.run("token", "work"); r.exit != 0 {
		t.Fatalf("before: got exit %d, %s", r.exit, r.stderr)
	}
	// A socket that may hand out one token: what was held back does not count.
	one := filepath.Join(p.dir, "one.sock")
	if r := p.run("socket", "create", one, "--account", "work", "--max", "1"); r.exit != 0 {
		t.Fatalf("a restricted socket: got exit %d, %s", r.exit, r.stderr)
	}
	// A full disk is no matter of permissions, and neither is this, which holds for root too.
	state := filepath.Join(p.dir, ".local/state/oauthd")
	log := filepath.Join(state, "audit.jsonl")
	if err := errors.Join(os.Rename(log, log+".away"), os.Mkdir(log, 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := p.run("token", "home")
		if r.exit == 0 || r.stdout != "" || !strings.Contains(r.stderr, "the token was held back, because the audit log cannot be written") {
			t.Errorf("without a log: got exit %d, %d bytes, %s", r.exit, len(r.stdout), r.stderr)
		}
	}
	if r := p.runWith([]string{"OAUTHD_SOCK=" + one}, "token"); r.exit == 0 || !strings.Contains(r.stderr, "held back") {
		t.Errorf("without a log, by the socket: got exit %d, %s", r.exit, r.stderr)
	}
	if err := errors.Join(os.Remove(log), os.Rename(log+".away", log)); err != nil {
		t.Fatal(err)
	}
	if r := p.runWith([]string{"OAUTHD_SOCK=" + one}, "token"); r.exit != 0 || r.stdout == "" {
		t.Errorf("with the log again, by the socket: got exit %d, %s, want its one token", r.exit, r.stderr)
	}
	if r := p.run("token", "home"); r.exit != 0 || r.stdout == "" {
		t.Errorf("with the log again: got exit %d, %s, want a token", r.exit, r.stderr)
	}
	if r := p.run("audit", "--json", "--account", "home"); strings.Count(r.stdout, `"event":"token"`) != 1 {
		t.Errorf("audit: got %s%s, want one token of home", r.stdout, r.stderr)
	}
}
