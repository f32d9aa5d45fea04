package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strings"

	"oauthd/cmd/oauthd/live"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/gdamore/tcell/v3"
)

// watchStatus shows how everything is, and goes on showing it: as a screen on a terminal, else as a line for each event.
func watchStatus(ctx context.Context, std stdio, c *client.Client) error {
	if _, err := c.Status(ctx); err != nil {
		return err
	}
	if !screen.IsTerminal(std.in) || !screen.IsTerminal(std.out) {
		return live.Lines(ctx, std.out, c)
	}
	c.Waiting = nil // the screen is its own
	screen, err := tcell.NewScreen()
	if err != nil {
		return (&api.Error{Code: api.Unsupported, Message: "this terminal cannot show a screen: " + api.Excerpt(err.Error()),
			Hint: "oauthd status, or oauthd watch"}).Because(err)
	}
	return live.Run(ctx, screen, c, live.Do{
		TakesTerminal: func(a live.Action) bool { return a.Verb == live.Login || a.Verb == live.Unlock },
		Do:            func(ctx context.Context, a live.Action) string { return act(ctx, std, a) },
	})
}

// act runs the command that the person chose on the screen, and returns what it said.
func act(ctx context.Context, std stdio, a live.Action) string {
	var said bytes.Buffer
	quiet := stdio{strings.NewReader(""), &said, &said}
	switch a.Verb {
	case live.Login:
		return actHere(ctx, std, "login", a.Account)
	case live.Unlock:
		return actHere(ctx, std, "unlock")
	case live.Logout:
		run(ctx, []string{"logout", a.Account}, quiet)
	case live.Lock:
		run(ctx, []string{"lock"}, quiet)
	case live.Refresh:
		if run(ctx, []string{"token", a.Account, "--force"}, stdio{strings.NewReader(""), &bytes.Buffer{}, &said}) == 0 {
			return a.Account + ": has a new token"
		}
	}
	return strings.Join(strings.Fields(said.String()), " ")
}

// actHere runs a command that talks with the person, and waits until it was read.
func actHere(ctx context.Context, std stdio, args ...string) string {
	status := run(ctx, args, std)
	fmt.Fprint(std.err, "\nPress Enter to go back. ")
	_, _ = bufio.NewReader(std.in).ReadString('\n')
	if status == 0 {
		return ""
	}
	return fmt.Sprintf("oauthd %s did not succeed", strings.Join(args, " "))
}
