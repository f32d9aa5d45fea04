package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"oauthd/cmd/oauthd/ask"
	"oauthd/cmd/oauthd/helpers"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// wizard asks for all that a first login needs. Nothing is sent to a provider or written before its summary is agreed to.
type wizard struct {
	*ask.Asker
	ctx    context.Context
	std    stdio
	client *client.Client
	def    *api.AccountDefinition
	p      api.Provider
	// name is the account's, and chosen the store, nil if it stays.
	name   string
	chosen *api.StoreChoice
	// command is the command line that says the same, and rows are the summary.
	command []string
	rows    [][]string
}

// askLogin asks for all that a first login needs, and fills in def. chosen is given, or is what the person chose because
// there is no keychain.
func askLogin(ctx context.Context, std stdio, def *api.AccountDefinition, given *api.StoreChoice) (name string, chosen *api.StoreChoice, err error) {
	a, err := ask.New(ctx, std.in, std.err)
	if err != nil {
		return "", nil, err
	}
	c := starting()
	defer c.Close()
	w := &wizard{Asker: a, ctx: ctx, std: std, client: c, def: def, chosen: given}
	s, err := c.Status(ctx)
	if err != nil {
		return "", nil, err
	}
	fmt.Fprint(std.err, "A few questions. Enter takes what is in brackets, ? explains, Tab completes,\n"+
		"and the arrow keys bring back earlier answers. Ctrl-C gives up.\n\n")
	for _, step := range []func() error{
		w.askProvider, w.askPlace, w.askClient, w.askScopes,
		func() error { return w.askName(s.Accounts) },
		func() error { return w.askStore(s.Store) },
		w.confirm,
	} {
		if err := step(); err != nil {
			return "", nil, err
		}
	}
	return w.name, w.chosen, nil
}

func (w *wizard) row(what, value string) { w.rows = append(w.rows, []string{"  " + what, value}) }

func (w *wizard) says(flag string, value string) { w.command = append(w.command, flag, value) }

func (w *wizard) askScopes() error {
	scopes, err := w.Ask(ask.Question{
		Text: "Scopes, with blanks between", Suggested: strings.Join(w.p.DefaultScopes, " "),
		Explain: "What the tokens may be used for, in the provider's words; its documentation lists them. Ask for no more " +
			"than you need: a later login with --scope adds to it.",
	})
	for _, scope := range strings.Fields(scopes) {
		w.def.Scopes = append(w.def.Scopes, scope)
		w.says("--scope", scope)
	}
	w.row("scopes", cmp.Or(strings.Join(w.def.Scopes, " "), "what the provider gives unasked"))
	return err
}

func (w *wizard) askName(accounts []api.Account) (err error) {
	w.name, err = w.Ask(ask.Question{
		Text: "A name for the account", Suggested: freeName(w.def.Provider, accounts), Check: api.CheckAccountName,
		Explain: "Yours to choose; programs ask for tokens by this name, as in oauthd token NAME.",
	})
	row := w.name
	if slices.ContainsFunc(accounts, func(a api.Account) bool { return a.Name == w.name }) {
		row += ", which exists: it gets this provider, client and scopes instead of its own"
	}
	w.rows = slices.Insert(w.rows, 0, []string{"  account", row})
	return err
}

// askStore asks where to store the login, if there is no keychain and nobody has said.
func (w *wizard) askStore(now api.Store) (err error) {
	if w.chosen != nil {
		w.row("stored", storeWords(*w.chosen))
		return nil
	}
	if !lacksStore(now) {
		w.row("stored", storeWords(api.StoreChoice{Backend: now.Backend, Identity: now.Identity, Seal: now.Seal}))
		return nil
	}
	fmt.Fprintln(w.std.err)
	if w.chosen, err = whereToStore(w.ctx, w.Asker, w.std, now); err == nil {
		w.row("stored", storeWords(*w.chosen))
	}
	return err
}

// confirm shows the summary, and goes on if the person agrees.
func (w *wizard) confirm() error {
	command := append([]string{"oauthd", "login", w.name}, w.command...)
	fmt.Fprint(w.std.err, "\nThis login:\n\n")
	if err := screen.Facts(w.std.err, w.rows); err != nil {
		return err
	}
	screen.Say(w.std.err, "\nThe same in one line:\n\n  %s\n\n", helpers.Quoted(command...))
	agreed, err := w.Yes("Log in now", "Nothing has been sent to the provider, or written, so far. yes does both: the browser opens for you to agree, "+
		"and what comes of it is stored. no ends this without a trace.")
	if err == nil && !agreed {
		fmt.Fprintln(w.std.err, "\nNothing was sent or written.")
		err = context.Canceled
	}
	if err == nil {
		fmt.Fprintln(w.std.err)
	}
	return err
}

// showUses shows the commands that use a new account.
func showUses(std stdio, name string) {
	screen.Say(std.err, `
Now use it:

  oauthd token %[1]s
  oauthd exec -e TOKEN=%[1]s -- CMD
  oauthd status
`, name)
}

// freeName suggests a name that no account has, because Enter must not log an account in again with other scopes.
func freeName(provider string, accounts []api.Account) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(accounts, func(a api.Account) bool { return a.Name == name })
	}
	for _, name := range []string{"work", provider} {
		if api.CheckAccountName(name) == nil && !taken(name) {
			return name
		}
	}
	for n := 2; ; n++ {
		if name := fmt.Sprintf("work%d", n); !taken(name) {
			return name
		}
	}
}
