package daemon

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/attend"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// person is at a desktop: agrees to what is asked there, and follows the pages that are opened.
type person struct {
	rig    *rig
	agrees bool

	mu        sync.Mutex // guards the fields below
	questions []string
	texts     []string
	pages     []string // the authorization requests
}

func (p *person) Ask(_ context.Context, q words.Question) (attend.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.questions = append(p.questions, q.Body)
	return attend.Answer{Agreed: p.agrees}, nil
}

func (p *person) Tell(_ context.Context, q words.Question) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.texts = append(p.texts, q.Summary)
	return nil
}

func (p *person) Open(ctx context.Context, url, _ string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // leads to the provider
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	url = resp.Header.Get("Location")
	p.mu.Lock()
	p.pages = append(p.pages, url)
	p.mu.Unlock()
	_, err = oauthtest.Follow(ctx, p.rig.server.Client(), url, oauthtest.Allow)
	return err
}

func TestInteractiveRequestsShareOneLogin(t *testing.T) {
	p := &person{agrees: true}
	r := newRealRig(t, oauthtest.Config{})
	p.rig = r
	r.person = p
	r.start()
	r.loggedIn("work", r.definition())
	r.server.RevokeAll()
	const callers = 20
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			if _, err := r.d.Token(t.Context(), api.TokenRequest{Account: "work", Force: true, Interactive: true}); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	wait.Wait()
	if len(p.questions) != 1 || !strings.Contains(p.questions[0], "has ended this login") {
		t.Errorf("got %q, want one question that says why", p.questions)
	}
}

func TestInteractiveRequestThatNobodyAnswers(t *testing.T) {
	for _, test := range []struct {
		name    string
		desktop attend.Desktop
		want    string
	}{
		{"no desktop", nil, "has ended this login"},
		{"dismissed", &person{}, "work needs a login"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRealRig(t, oauthtest.Config{})
			r.person = test.desktop
			r.start()
			r.loggedIn("work", r.definition())
			r.server.RevokeAll()
			_, err := r.d.Token(t.Context(), api.TokenRequest{Account: "work", Force: true, Interactive: true})
			if !errors.Is(err, &api.Error{Code: api.LoginRequired}) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
