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

// watchStatus shows how everything is, and goes on showing it: as a screen on a terminal, else as a line for each event. What
// the person chooses on the screen is a command line for run.
func watchStatus(ctx context.Context, std stdio, c *client.Client, run func(context.Context, []string, stdio) int) error {
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
		Do:            func(ctx context.Context, a live.Action) string { return screenCommand{std, run}.act(ctx, a) },
	})
}

// screenCommand runs what the person chose on the screen.
type screenCommand struct {
	std stdio
	run func(context.Context, []string, stdio) int
}

// act runs the command, and returns what it said.
func (c screenCommand) act(ctx context.Context, a live.Action) string {
	var said bytes.Buffer
	quiet := stdio{strings.NewReader(""), &said, &said}
	switch a.Verb {
	case live.Login:
		return c.here(ctx, "login", a.Account)
	case live.Unlock:
		return c.here(ctx, "unlock")
	case live.Logout:
		c.run(ctx, []string{"logout", a.Account}, quiet)
	case live.Lock:
		c.run(ctx, []string{"lock"}, quiet)
	case live.Refresh:
		if c.run(ctx, []string{"token", a.Account, "--force"}, stdio{strings.NewReader(""), &bytes.Buffer{}, &said}) == 0 {
			return a.Account + ": has a new token"
		}
	}
	return strings.Join(strings.Fields(said.String()), " ")
}

// here runs a command that talks with the person, and waits until it was read.
func (c screenCommand) here(ctx context.Context, args ...string) string {
	status := c.run(ctx, args, c.std)
	fmt.Fprint(c.std.err, "\nPress Enter to go back. ")
	_, _ = bufio.NewReader(c.std.in).ReadString('\n')
	if status == 0 {
		return ""
	}
	return fmt.Sprintf("oauthd %s did not succeed", strings.Join(args, " "))
}
