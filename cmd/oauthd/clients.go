package main

import (
	"context"
	"os"

	"oauthd/ipc/client"
)

// starting returns a client that starts a daemon when none runs, unless OAUTHD_NO_AUTOSTART forbids it.
func starting() *client.Client {
	c := existing()
	if os.Getenv("OAUTHD_NO_AUTOSTART") == "" {
		c.Start, c.Running = startDaemon, false
	}
	return c
}

// existing returns a client that only talks to a daemon that runs. At a terminal it asks for the passphrase of a file
// store that is closed, and shows that it waits.
func existing() *client.Client {
	return &client.Client{Running: true, Locked: openLocked(), Waiting: func(ctx context.Context) func() {
		return waitingFor(ctx, "Waiting for the daemon")
	}}
}

// unattended returns a client that starts a daemon, for a process in which nobody can be asked for a passphrase, or shown
// anything.
func unattended() *client.Client {
	c := starting()
	c.Locked, c.Waiting = nil, nil
	c.Hold = true
	return c
}
