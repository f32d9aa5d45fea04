package desktop_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/consent"
	"oauthd/daemon/desktop"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// mayUse is a question whether a program may use an account, with some of the answers.
func mayUse() (api.Question, words.Question) {
	q := api.Question{
		ID: "1", Account: "work", Scopes: []string{"repo"}, Answers: []string{api.ConsentOnce, api.ConsentLock, api.ConsentDeny},
		Caller: api.Evidence{Process: api.Process{PID: 7, Executable: "/usr/bin/<git>"}},
	}
	return q, words.MayUse(q)
}

func TestConsent(t *testing.T) {
	for _, test := range []struct {
		name   string
		happen func(t *testing.T, s *session, id uint32)
		want   string
	}{
		{"once", func(t *testing.T, s *session, id uint32) { s.emit(t, "ActionInvoked", id, api.ConsentOnce) }, api.ConsentOnce},
		{"no", func(t *testing.T, s *session, id uint32) { s.emit(t, "ActionInvoked", id, api.ConsentDeny) }, api.ConsentDeny},
		{"dismissed", func(t *testing.T, s *session, id uint32) { s.emit(t, "NotificationClosed", id, uint32(2)) }, ""},
		// A click on the text, which has no button, agrees to nothing.
		{"a click on the text", func(t *testing.T, s *session, id uint32) { s.emit(t, "ActionInvoked", id, "default") }, ""},
		{"an answer that was not offered", func(t *testing.T, s *session, id uint32) { s.emit(t, "ActionInvoked", id, api.ConsentAlways) }, ""},
		{"of another question", func(t *testing.T, s *session, id uint32) {
			s.emit(t, "ActionInvoked", id+1, api.ConsentLock)
			s.emit(t, "ActionInvoked", id, api.ConsentOnce)
		}, api.ConsentOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, d := newSession(t, "actions", "body", "body-markup")
			q, text := mayUse()
			type result struct {
				answer string
				err    error
			}
			results := make(chan result, 1)
			go func() {
				answer, err := desktop.Consent{Desktop: d}.Ask(t.Context(), q, text)
				results <- result{answer, err}
			}()
			test.happen(t, s, <-s.shown)
			if got := <-results; got.err != nil || got.answer != test.want {
				t.Errorf("got %+v, want %q", got, test.want)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			got, actions := s.notes[0], []string{api.ConsentOnce, "Once", api.ConsentLock, "Until locked", api.ConsentDeny, "No"}
			if got.summary != "May <git> use work?" || !slices.Equal(got.actions, actions) || got.expires != 0 ||
				!strings.Contains(got.body, "&lt;git&gt; (pid 7), wants tokens of work for repo.") {
				t.Errorf("got %+v, want the actions %q", got, actions)
			}
		})
	}
}

func TestConsentIsTakenBack(t *testing.T) {
	s, d := newSession(t, "actions", "body")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		q, text := mayUse()
		_, err := desktop.Consent{Desktop: d}.Ask(ctx, q, text)
		ended <- err
	}()
	id := <-s.shown
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || errors.Is(err, consent.ErrNoPerson) {
		t.Errorf("got %v, want the end of the context", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.closed, []uint32{id}) {
		t.Errorf("closed: got %v, want %v", s.closed, id)
	}
}

func TestConsentWithoutAPerson(t *testing.T) {
	_, buttonless := newSession(t, "body")
	for name, d := range map[string]*desktop.Desktop{
		"no buttons":                  buttonless,
		"nothing shows notifications": {Address: storetest.StartBus(t)},
		"no bus":                      {Address: "unix:path=/nonexistent/bus"},
	} {
		q, text := mayUse()
		if answer, err := (desktop.Consent{Desktop: d}).Ask(t.Context(), q, text); answer != "" || !errors.Is(err, consent.ErrNoPerson) {
			t.Errorf("%s: got %q, %v, want that there is no person", name, answer, err)
		}
	}
}
