package daemon

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// rules appends text to the file of the account work, and has it read.
func (r *rig) rules(text string) {
	r.t.Helper()
	f, err := os.OpenFile(filepath.Join(r.dir, "accounts", "work.toml"), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.WriteString(text)
		_ = f.Close()
	}
	if err == nil {
		_, err = r.d.Reload(context.Background())
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// from is the context of a caller.
func from(e account.Evidence) context.Context {
	return account.WithCaller(context.Background(), account.Caller{UID: e.UID, PID: e.PID, Evidence: func() account.Evidence { return e }})
}

// TestARuleThatComesDuringALoginStays adds a rule while a person is at the provider.
func TestARuleThatComesDuringALoginStays(t *testing.T) {
	r := newRealRig(t, oauthtest.Config{})
	r.start()
	r.loggedIn("work", r.definition("openid"))
	l := r.begin("work", api.AccountDefinition{})
	at := l.url()
	r.rules("[[deny]]\nexe = \"/opt/**\"\n")
	if err := l.decide(at, oauthtest.Allow); err != nil {
		t.Fatal(err)
	}
	a, _ := r.d.book.Configured("work")
	if len(a.Policy.Rules) != 1 || a.Policy.Rules[0].Line == 0 {
		t.Errorf("got the rules %+v, want the one that came during the login, with its line", a.Policy.Rules)
	}
}
