package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newAccounts(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "list the accounts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := starting()
			defer c.Close()
			accounts, err := c.Accounts(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, accounts)
			}
			return printAccounts(std, accounts)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printAccounts(std stdio, accounts []api.Account) error {
	if len(accounts) == 0 {
		fmt.Fprintln(std.err, "No accounts yet. oauthd login NAME makes one.")
		return nil
	}
	if err := listAccounts(std, accounts); err != nil {
		return err
	}
	for _, n := range notesOn(accounts) {
		n.print(std)
	}
	return nil
}

// listAccounts prints the table.
func listAccounts(std stdio, accounts []api.Account) error {
	now := time.Now()
	rows := [][]string{{"NAME", "PROVIDER", "STATE", "WHO", "TOKEN ENDS", "NEXT REFRESH"}}
	for _, a := range accounts {
		rows = append(rows, []string{
			a.Name, api.Excerpt(a.Provider), stateWords(a), api.Excerpt(cmp.Or(a.Email, a.Subject, "-")),
			cmp.Or(screen.When(a.ExpiresAt, now), "-"), cmp.Or(screen.When(a.NextRefreshAt, now), "-"),
		})
	}
	const provider, state, ends, nextRefresh = 1, 2, 4, 5
	return screen.Listing{Rows: rows, Spare: []int{nextRefresh, provider, ends}, Style: func(column int, cell string) screen.Style {
		if column != state {
			return screen.Plain
		}
		return stateStyle(cell)
	}}.Print(std.out)
}

// stateStyle is the colour of a state.
func stateStyle(state string) screen.Style {
	switch word, more, _ := strings.Cut(state, ","); {
	case word == string(api.StateReady) && strings.TrimPrefix(more, " ") != "refreshing" && more != "":
		return screen.Yellow
	case word == string(api.StateReady):
		return screen.Green
	case word == string(api.StateLocked):
		return screen.Yellow
	}
	return screen.Red
}

// note is something about accounts that a person should know, and what to do about it.
type note struct {
	names      []string // of the accounts; none for a note about all
	text, hint string
}

// notesOn returns what there is to say about accounts: each thing once, however many accounts it is true for.
func notesOn(accounts []api.Account) (notes []note) {
	add := func(name, text, hint string) {
		for i := range notes {
			if notes[i].text == text && notes[i].hint == hint {
				notes[i].names = append(notes[i].names, name)
				return
			}
		}
		notes = append(notes, note{[]string{name}, text, hint})
	}
	now := time.Now()
	for _, a := range accounts {
		if a.LastError != nil && a.LastError.Code == api.Locked { // it is oauthd that is locked
			if !slices.ContainsFunc(notes, func(n note) bool { return n.names == nil }) {
				notes = append(notes, note{nil, a.LastError.Message, a.LastError.Hint})
			}
			continue
		}
		if endsSoon(a, now) {
			add(a.Name, "the login ends "+screen.When(a.LoginEndsAt, now)+": "+a.LoginEndsReason, "")
		}
		if a.LastError != nil {
			add(a.Name, a.LastError.Message, a.LastError.Hint)
		}
	}
	return notes
}

func (n note) print(std stdio) {
	fmt.Fprintln(std.out)
	if len(n.names) == 0 {
		paragraph(std, n.text+": "+n.hint)
		return
	}
	if d := screen.DisplayOf(std.out); d.Columns > 0 || len(n.names) > 1 {
		paragraph(std, someOf(n.names, 3)+": "+n.text)
	} else {
		screen.Say(std.out, "%s: %s\n", n.names[0], n.text)
	}
	if n.hint != "" {
		screen.Say(std.out, "  %s %s\n", screen.Styled(screen.Cyan, "hint:"), n.hint)
	}
}

// paragraph prints text, wrapped to the terminal.
func paragraph(std stdio, text string) {
	for _, line := range screen.Wrap(api.Printable(text), screen.DisplayOf(std.out).Columns) {
		screen.Say(std.out, "%s\n", line)
	}
}

// endsSoon reports whether a listing warns of a login's end.
func endsSoon(a api.Account, now time.Time) bool {
	const soon = 14 * 24 * time.Hour
	return a.State != api.StateLoginRequired && a.LoginEndsAt != nil && !a.LoginProlonged && a.LoginEndsAt.Sub(now) < soon
}

// stateWords is the state with what else holds now.
func stateWords(a api.Account) string {
	s := string(a.State)
	if a.Refreshing {
		s += ", refreshing"
	}
	if a.Degraded {
		s += ", not saved"
	}
	if len(a.ScopesLost) > 0 {
		s += ", fewer scopes"
	}
	return s
}

// someOf lists names, but not more than most of them.
func someOf(names []string, most int) string {
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
