package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"oauthd/cmd/oauthd/screen"
	"oauthd/cmd/oauthd/screen/screentest"
	"oauthd/ipc/api"
)

// onTerminal returns what print prints on a terminal of that size, without colours, and checks that nothing wraps.
func onTerminal(t *testing.T, columns, rows uint16, print func(std stdio) error) string {
	t.Helper()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	terminal := screentest.Open(t, columns, rows)
	w := screen.On(terminal.TTY)
	if err := print(stdio{out: w, err: w}); err != nil {
		t.Fatal(err)
	}
	text := colours.ReplaceAllString(terminal.End(), "")
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > int(columns) {
			t.Errorf("got a line of %d characters, want at most %d: %q", n, columns, line)
		}
	}
	return text
}

func someAccounts(names ...string) (all []api.Account) {
	ends := time.Now().Add(time.Hour)
	for _, name := range names {
		all = append(all, api.Account{
			Name: name, Provider: "login.corp.example", State: api.StateReady, ExpiresAt: &ends, NextRefreshAt: &ends,
			Email: "ada.of.the.long.identity@department.of.something.example.com",
		})
	}
	return all
}

func TestAccountsFitTheTerminal(t *testing.T) {
	for _, test := range []struct {
		name    string
		columns uint16
		account string
		want    string
	}{
		{"wide enough", 160, "work", `^work +login.corp.example +ready +ada.of.the.long.identity@department.of.something.example.com +in 59 min +in 59 min\n$`},
		{"100", 100, "work", `^work +login.corp.example +ready +ada\.of\.the\.long\.iden….*\.example\.com +in 59 min +in 59 min\n$`},
		{"80", 80, "work", `^work +login.corp.example +ready +ada\.of\.the.*….*xample\.com +in 59 min +in 59 min\n$`},
		{"80 and a long name", 80, "a-name-of-some-forty-characters@example.com", `^a-name-of-some-forty-characters@example.com +ready +ada.*….*ple\.com( +in 59 min)?\n$`},
		{"narrow", 40, "work", `^work +ready +ad.*….*om +in 59 min\n$|^work +ready +ad.*….*om\n$`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := onTerminal(t, test.columns, 24, func(std stdio) error { return printAccounts(std, someAccounts(test.account)) })
			_, row, _ := strings.Cut(text, "\n")
			if !regexp.MustCompile(test.want).MatchString(row) {
				t.Errorf("got %q, want %s", row, test.want)
			}
		})
	}
	short := someAccounts("work")
	short[0].Provider, short[0].Email = "google", ""
	text := onTerminal(t, 80, 24, func(std stdio) error { return printAccounts(std, short) })
	if !regexp.MustCompile(`\nwork +google +ready +- +in 59 min +in 59 min\n$`).MatchString(text) {
		t.Errorf("short cells: got %q, want all columns", text)
	}
	longest := strings.Repeat("n", 63)
	onTerminal(t, 40, 24, func(std stdio) error { return printAccounts(std, someAccounts(longest)) })
	var pipe bytes.Buffer
	if err := printAccounts(stdio{out: screen.On(&pipe)}, someAccounts(longest)); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`\n` + longest + ` +login\.corp\.example +ready +ada\.of\.the\.long\.identity@department\.of\.something\.example\.com +in 59 min +in 59 min\n$`).Match(pipe.Bytes()) {
		t.Errorf("a pipe: got %s, want all of it", &pipe)
	}
}

// A lock is one thing to say, however many accounts there are.
func TestNoteIsSaidOnce(t *testing.T) {
	all := someAccounts("a", "b", "c", "d", "e", "work")
	for i := range all[:5] {
		all[i].State = api.StateLocked
		all[i].LastError = &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}
	}
	all[5].LastError = &api.Error{Code: api.LoginRequired, Message: "nobody has logged in yet", Hint: "oauthd login work"}
	text := onTerminal(t, 80, 24, func(std stdio) error { return printAccounts(std, all) })
	_, notes, _ := strings.Cut(text, "\n\n")
	if want := "oauthd is locked: oauthd unlock\n\nwork: nobody has logged in yet\n  hint: oauthd login work\n"; notes != want {
		t.Errorf("got %q, want %q", notes, want)
	}
}

func TestOverviewFitsTheTerminal(t *testing.T) {
	var names []string
	for c := 'a'; c <= 'z'; c++ {
		names = append(names, "work-"+string(c))
	}
	all := someAccounts(names...)
	all[25].State = api.StateLoginRequired
	for i := range all {
		all[i].LastError = &api.Error{Code: api.ProviderUnreachable, Message: "it did not answer " + names[i], Hint: "try again later"}
	}
	text := onTerminal(t, 80, 24, func(std stdio) error { return overviewOf(std, all) })
	if n := strings.Count(text, "\n"); n > 20 {
		t.Errorf("got %d lines, want room for the next command and the prompt:\n%s", n, text)
	}
	lines := strings.Split(text, "\n")
	if !strings.HasPrefix(lines[1], "work-z ") || !strings.Contains(text, "and 18 more; oauthd accounts lists them all\n") {
		t.Errorf("got\n%s, want the account that needs a login first, and how many more there are", text)
	}
}

func TestNextCommand(t *testing.T) {
	account := func(name string, state api.State) api.Account {
		a := api.Account{Name: name, State: state}
		if state == api.StateLocked {
			a.LastError = &api.Error{Code: api.Locked}
		}
		return a
	}
	for _, test := range []struct {
		name     string
		accounts []api.Account
		want     string
	}{
		{"none", nil, "oauthd login"},
		{"all well", []api.Account{account("a", api.StateReady)}, "oauthd token a"},
		{"one logged out", []api.Account{account("a", api.StateReady), account("b", api.StateLoginRequired)}, "oauthd login b"},
		{"locked", []api.Account{account("b", api.StateLoginRequired), account("a", api.StateLocked)}, "oauthd unlock"},
		{"in trouble", []api.Account{account("a", api.StateError)}, "oauthd accounts"},
	} {
		if got := nextCommand(api.Status{Accounts: test.accounts}); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
