package words

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
)

func TestScopeNotGranted(t *testing.T) {
	const calendar = "https://www.googleapis.com/auth/calendar"
	for _, test := range []struct {
		name          string
		missing       []string
		message, hint string
	}{
		{"one", []string{"email"}, "work was not granted email", "oauthd login work --scope email"},
		{"several", []string{calendar, "a:b"}, "work was not granted " + calendar + " a:b",
			"oauthd login work --scope " + calendar + " --scope a:b"},
		{"a command for a shell", []string{"$(reboot)"}, "work was not granted $(reboot)", "oauthd login work --scope S, once for each of them"},
		{"a terminal escape", []string{"\x1b[31mX\x1b]0;Y\a"}, "work was not granted [31mX]0;Y", "oauthd login work --scope S, once for each of them"},
		{"a long one", []string{strings.Repeat("x", 60_000)}, "work was not granted " + strings.Repeat("x", 200) + "…",
			"oauthd login work --scope S, once for each of them"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ScopeNotGranted("work", test.missing)
			if got.Message != test.message || got.Hint != test.hint {
				t.Errorf("got %q, hint %q, want %q, hint %q", got.Message, got.Hint, test.message, test.hint)
			}
		})
	}
}

// Every sentence that quotes a stranger does it on one line, and shortly.
func FuzzQuotes(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := errors.New(text)
		work := account.Account{Name: "work"}
		for name, err := range map[string]error{
			"bad request":      BadRequest(Quoting("%s and %v", text, err), ""),
			"unknown provider": UnknownProvider(text, nil),
			"tenant":           Tenant("corp", true, err),
			"key":              Key(work, err),
			"machine":          Machine(work, err),
			"scope":            ScopeNotGranted("work", []string{text, text}),
			"doubted":          Doubted(text, ""),
			"ID token":         Login{Account: "work"}.WrongIDToken(err),
			"redirect":         NoRedirectServer(err, false),
			"other person":     Login{Account: "work"}.OtherPerson(text, text),
			"discovery":        Discovery("corp", &provider.IssuerMismatchError{Want: "https://a.example.com", Got: api.Excerpt(text)}),
		} {
			e := api.AsError(err)
			for _, said := range []string{e.Message, e.Hint} {
				if bad := apitest.Unprintable(said); bad != "" || strings.Contains(said, "\n") {
					t.Errorf("%s: got %q (%s), want one line of text", name, said, bad)
				}
				if n := utf8.RuneCountInString(said); n > 1000 {
					t.Errorf("%s: got %d characters", name, n)
				}
			}
		}
	})
}
