package words

import (
	"context"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/redirect"
)

// Each way that a login fails has a text of its own, and none of the provider's words is on a page.
func TestFailurePages(t *testing.T) {
	const stranger = "zqstrangerqz"
	l := Login{Account: "work", Provider: "corp", Issuer: "https://corp.example.com"}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	refused := func(code string) error {
		return l.Response(&redirect.AuthorizationError{Code: code, Description: stranger})
	}
	seen := map[string]string{}
	for _, tt := range []struct {
		name          string
		err           error
		title         string
		message, hint string // in them
		command       string
	}{
		{"denied", refused("access_denied"), "The login was denied", "told not to give access", "", ""},
		{"a scope", refused("invalid_scope"), "", "does not accept a scope", "", ""},
		{"another refusal", refused("unauthorized_client"), "", "did not accept this client", "", ""},
		{"wrong issuer", l.Response(redirect.ErrIssuerMismatch), "The answer came from another provider", "different issuer", "", ""},
		{"expired", l.Compare(l.TimedOut(time.Minute), &api.Registration{ClientID: "c"}), "The login has expired", "Nobody finished it in time", "", ""},
		{"a different person", l.OtherPerson("ada@example.com", stranger), "This is a different person", "belongs to somebody else",
			"browser profile", "oauthd login work --force"},
		{"cancelled elsewhere", LoginCancelled("work"), "The login was cancelled", "before the provider answered", "", ""},
		{"given up", l.Cause(over, context.Canceled), "The login was cancelled", "before the provider answered", "", ""},
		{"superseded", &api.Error{Code: api.LoginSuperseded}, "Another login took over", "newer login", "close this tab", ""},
		{"locked", Locked(nil), "oauthd is locked", "while the login was waiting", "Unlock it", "oauthd unlock"},
		{"unreachable", &api.Error{Code: api.ProviderUnreachable}, "", "could not be reached", "", ""},
		{"the store", &api.Error{Code: api.KeystoreFull}, "", "could not be stored", "", ""},
		{"anything else", &api.Error{Code: api.Internal, Message: stranger}, "", "Your terminal shows why", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := l.FailurePage(tt.err)
			if p.Success || p.Title != tt.title || !strings.Contains(p.Message, tt.message) || !strings.Contains(p.Hint, tt.hint) ||
				tt.hint == "" && p.Hint != "" || p.Command != tt.command || p.Account != "work" {
				t.Errorf("got %+v, want title %q, message %q, hint %q, command %q", p, tt.title, tt.message, tt.hint, tt.command)
			}
			if strings.Contains(p.Title+p.Message+p.Hint, stranger) {
				t.Error("the page has a stranger's words")
			}
			text := p.Title + p.Message
			if other, twice := seen[text]; twice && tt.title != "The login was cancelled" {
				t.Errorf("it has the text of %q", other)
			}
			seen[text] = tt.name
		})
	}
	l.New = true
	if p := l.FailurePage(LoginCancelled("work")); !strings.Contains(p.Hint, "run the same command again") {
		t.Errorf("an account that is not kept: got %q, want the same command", p.Hint)
	}
}

func TestCompare(t *testing.T) {
	l := Login{Account: "work", Provider: "corp"}
	sent := &api.Registration{ClientID: "client-1", RedirectURI: "http://127.0.0.1/callback", URL: "https://corp.example.com/apps"}
	timedOut := l.TimedOut(time.Minute)
	hint := api.AsError(l.Compare(timedOut, sent)).Hint
	for _, want := range []string{"client-1", sent.RedirectURI, sent.URL, "corp", timedOut.Hint} {
		if !strings.Contains(hint, want) {
			t.Errorf("got %q, want %q in it", hint, want)
		}
	}
	if strings.Contains(timedOut.Hint, "client-1") {
		t.Error("the error that was given is changed")
	}
	for name, err := range map[string]error{"of an issuer's own client": l.Compare(timedOut, nil), "of another end": l.Compare(LoginCancelled("work"), sent)} {
		if strings.Contains(api.AsError(err).Hint, "client-1") {
			t.Errorf("%s: got %q", name, api.AsError(err).Hint)
		}
	}
}
