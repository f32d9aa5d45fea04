package daemon

import (
	"context"
	"testing"
	"testing/synctest"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

var agent = account.Evidence{UID: 1000, Process: account.Process{PID: 70, Executable: "/opt/agent", Start: 7}}

// asks asks for a token of work as e, and returns the question.
func (r *rig) asks(e account.Evidence) (q api.Question, answered <-chan error) {
	r.t.Helper()
	result := make(chan error, 1)
	go func() {
		_, err := r.d.Token(from(e), api.TokenRequest{Account: "work"})
		result <- err
	}()
	synctest.Wait()
	all := r.d.consent.List()
	if len(all.Questions) != 1 {
		r.t.Fatalf("got %d questions, want one", len(all.Questions))
	}
	return all.Questions[0], result
}

// TestConsentIsNoWayAroundARule changes the rules while a person is asked.
func TestConsentIsNoWayAroundARule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.rules("confirm = \"first\"\n")
		q, answered := r.asks(agent)
		r.rules("[[deny]]\nexe = \"/opt/**\"\n")
		if _, err := r.d.consent.Answer(q.ID, api.ConsentLock); err != nil {
			t.Fatal(err)
		}
		r.wants(<-answered, api.PolicyDenied)
	})
}

// TestConsentEndsWithTheLogin logs out: what a person has agreed to was for that login.
func TestConsentEndsWithTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.account("work")
		r.start()
		r.rules("confirm = \"first\"\n")
		q, answered := r.asks(agent)
		if _, err := r.d.consent.Answer(q.ID, api.ConsentLock); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		if _, err := r.d.Logout(context.Background(), "work"); err != nil {
			t.Fatal(err)
		}
		if given := r.d.consent.List().Given; len(given) != 0 {
			t.Errorf("got %+v, want nothing agreed to after the logout", given)
		}
	})
}
