package daemon

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// requests are those that p followed.
func (p *person) requests() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []url.Values
	for _, page := range p.pages {
		if u, err := url.Parse(page); err == nil {
			all = append(all, u.Query())
		}
	}
	return all
}

// interactive asks for tokens n times at once, and returns the errors.
func (r *rig) interactive(n int, request api.TokenRequest) []error {
	request.Account, request.Interactive = "work", true
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			t, err := r.d.Token(r.t.Context(), request)
			if errs[i] = err; (err == nil) != (t.AccessToken != "") {
				r.t.Errorf("got a token %v, and %v", t.AccessToken != "", err)
			}
		})
	}
	wait.Wait()
	return errs
}

func attendedRig(t *testing.T, agrees bool) (*rig, *person) {
	p := &person{agrees: agrees}
	r := newRealRig(t, oauthtest.Config{})
	p.rig, r.person = r, p
	r.start()
	r.loggedIn("work", r.definition("openid", "calendar.read"))
	return r, p
}

// Twenty callers that need another scope cause one question and one login, for that scope and those there were.
func TestInteractiveRequestsForMoreScopes(t *testing.T) {
	r, p := attendedRig(t, true)
	for _, err := range r.interactive(20, api.TokenRequest{Scope: "calendar.write openid"}) {
		if err != nil {
			t.Errorf("got %v", err)
		}
	}
	if len(p.questions) != 1 || !strings.Contains(p.questions[0], ": calendar.write openid") {
		t.Errorf("got %q, want one question that names the scopes", p.questions)
	}
	a, err := r.d.Account(t.Context(), "work")
	want := []string{"openid", "calendar.read", "calendar.write"}
	if err != nil || !slices.Equal(a.ScopesRequested, want) || len(p.requests()) != 1 {
		t.Errorf("got scopes %q, %v, and %d logins, want %q by one", a.ScopesRequested, err, len(p.requests()), want)
	}
}

func TestInteractiveRequestForMoreScopesThatNobodyGrants(t *testing.T) {
	r, p := attendedRig(t, false)
	for range 3 {
		for _, scope := range []string{"calendar.write", "email", "profile"} {
			for _, err := range r.interactive(5, api.TokenRequest{Scope: scope}) {
				if !errors.Is(err, &api.Error{Code: api.ScopeNotGranted}) {
					t.Errorf("%s: got %v, want %s", scope, err, api.ScopeNotGranted)
				}
			}
		}
	}
	if len(p.questions) != 1 {
		t.Errorf("got %q, want one question", p.questions)
	}
	if _, err := r.d.Token(t.Context(), api.TokenRequest{Account: "work"}); err != nil {
		t.Errorf("the account's ordinary token: got %v", err)
	}
}

// A resource that wants a newer or stronger login (RFC 9470) gets a token of one, which asks for that once.
func TestInteractiveRequestForAStrongerLogin(t *testing.T) {
	r, p := attendedRig(t, true)
	age := int64(0)
	before, err := r.d.Token(t.Context(), api.TokenRequest{Account: "work"})
	if err != nil {
		t.Fatal(err)
	}
	after, err := r.d.Token(t.Context(), api.TokenRequest{Account: "work", Interactive: true, ACRValues: "phr", MaxAge: &age})
	if err != nil || after.AccessToken == before.AccessToken {
		t.Errorf("got the same token: %v, %v", after.AccessToken == before.AccessToken, err)
	}
	requests := p.requests()
	if len(requests) != 1 || requests[0].Get("acr_values") != "phr" || requests[0].Get("max_age") != "0" {
		t.Fatalf("got the requests %v, want one with acr_values and max_age", requests)
	}
	// The server is still not satisfied: nobody is asked again at once.
	_, err = r.d.Token(t.Context(), api.TokenRequest{Account: "work", Interactive: true, ACRValues: "phr", MaxAge: &age})
	if !errors.Is(err, &api.Error{Code: api.LoginRequired}) || len(p.questions) != 1 {
		t.Errorf("again: got %v and %d questions, want %s and one", err, len(p.questions), api.LoginRequired)
	}
	// Without somebody to ask the parameters mean nothing, and they are not saved.
	if _, err := r.d.Token(t.Context(), api.TokenRequest{Account: "work", ACRValues: "phr", MaxAge: &age}); err != nil {
		t.Errorf("not interactive: got %v", err)
	}
	l := r.begin("work", api.AccountDefinition{})
	if q := query(t, l.url()); q.Has("acr_values") || q.Has("max_age") {
		t.Errorf("the next login asks for %v", q)
	}
	l.cancel()
	<-l.ended
}
