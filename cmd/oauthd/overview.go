package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// showOverview is what oauthd alone prints on a terminal: the accounts, what needs attention and the next command. It starts
// no daemon, because looking is not using.
func showOverview(ctx context.Context, std stdio) error {
	s, err := askStatus(ctx, std)
	switch {
	case errors.Is(err, &api.Error{Code: api.NoDaemon}):
		return overviewWithoutDaemon(std)
	case err != nil:
		return err
	case len(s.Accounts) == 0:
		fmt.Fprintln(std.out, "No accounts yet.")
	default:
		if err := overviewOf(std, s.Accounts); err != nil {
			return err
		}
	}
	printNext(std, nextCommand(s))
	return nil
}

// askStatus asks the daemon that runs.
func askStatus(ctx context.Context, std stdio) (api.Status, error) {
	defer screen.Progress(std.err, "Waiting for the daemon")()
	var c client.Client
	defer c.Close()
	return c.Status(ctx)
}

// overviewOf prints as many accounts as the terminal shows at once, those that need a person first.
func overviewOf(std stdio, all []api.Account) error {
	shown := slices.Clone(all)
	slices.SortStableFunc(shown, func(a, b api.Account) int { return urgency(b) - urgency(a) })
	const others = 16 // lines: the header, what needs attention, the next command and the prompt
	if most := max(screen.DisplayOf(std.out).Rows-others, 3); len(shown) > most {
		shown = shown[:most]
	}
	if err := listAccounts(std, shown); err != nil {
		return err
	}
	if more := len(all) - len(shown); more > 0 {
		screen.Say(std.out, "and %d more; oauthd accounts lists them all\n", more)
	}
	const mostNotes = 2
	notes := notesOn(all)
	for i, n := range notes {
		if i == mostNotes && len(notes) > mostNotes+1 {
			screen.Say(std.out, "\n%d more accounts need attention; oauthd accounts says which\n", len(notes)-i)
			break
		}
		n.print(std)
	}
	return nil
}

// urgency is how much an account needs a person.
func urgency(a api.Account) int {
	switch a.State {
	case api.StateLoginRequired:
		return 2
	case api.StateError, api.StateLocked:
		return 1
	}
	return 0
}

// nextCommand is what a person probably wants to do.
func nextCommand(s api.Status) string {
	for _, a := range s.Accounts {
		if a.State == api.StateLocked && a.LastError != nil && a.LastError.Code == api.Locked {
			return "oauthd unlock"
		}
	}
	for _, a := range s.Accounts {
		if a.State == api.StateLoginRequired {
			return "oauthd login " + a.Name
		}
	}
	for _, a := range s.Accounts {
		if a.State == api.StateReady {
			return "oauthd token " + a.Name
		}
	}
	if len(s.Accounts) > 0 {
		return "oauthd accounts"
	}
	return "oauthd login"
}

// overviewWithoutDaemon prints what can be known without one.
func overviewWithoutDaemon(std stdio) error {
	names := savedAccounts()
	if len(names) == 0 {
		fmt.Fprintln(std.out, "No accounts yet, and no daemon is running.")
		printNext(std, "oauthd login")
		return nil
	}
	starts := "the next token starts one"
	if os.Getenv("OAUTHD_NO_AUTOSTART") != "" {
		starts = "oauthd serve starts one"
	}
	paragraph(std, fmt.Sprintf("No daemon is running; %s. Accounts: %s.", starts, someOf(names, 8)))
	printNext(std, "oauthd token "+names[0])
	return nil
}

// printNext prints the next command, and where the others are.
func printNext(std stdio, command string) {
	screen.Say(std.out, "\nnext:  %s\n", screen.Styled(screen.Bold, command))
	other := "oauthd help"
	if command == "oauthd login" {
		other = "oauthd demo shows how it works; oauthd help"
	}
	screen.Say(std.out, "more:  %s\n", other)
}
