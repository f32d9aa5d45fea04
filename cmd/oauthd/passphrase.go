package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"oauthd/cmd/oauthd/ask"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// maxPassphrase bounds what is read of a passphrase, in bytes; the socket takes no more.
const maxPassphrase = 4 << 10

// pipedPassphrase reads what --passphrase-stdin names.
func pipedPassphrase(stdin io.Reader) (api.Confidential, error) {
	text, err := readText(stdin, maxPassphrase, "a passphrase", fmt.Sprintf("it may have %d bytes", maxPassphrase))
	return api.Confidential(strings.TrimSpace(text)), err
}

// openStoreOf unlocks c's daemon, whose store needs a passphrase, or the PIN of a plugin. A PIN is asked for once, because
// a security key counts the wrong ones.
func openStoreOf(ctx context.Context, std stdio, c *client.Client, needs string) error {
	if needs != "" && needs != "pin" {
		return askPassphrase(ctx, std, needs, func(passphrase api.Confidential) error { return c.Unlock(ctx, passphrase) })
	}
	if needs == "" {
		err := c.Unlock(ctx, "")
		if !errors.Is(err, &api.Error{Code: api.Locked}) {
			return err
		}
		if s, problem := c.Status(ctx); problem != nil || s.Store.Needs != "pin" || !ask.Possible(std.in, std.err) {
			return err
		}
	}
	a, err := ask.New(ctx, std.in, std.err)
	if err != nil {
		return err
	}
	pin, err := a.Secret("PIN of the identity that opens the file store", "")
	if err != nil {
		return err
	}
	return c.Unlock(ctx, pin)
}

// askPassphrase asks for what the store needs, a new passphrase twice, until open takes it: what is mistyped, and then
// typed again, must not land in the shell.
func askPassphrase(ctx context.Context, std stdio, needs string, open func(api.Confidential) error) error {
	if !screen.IsTerminal(std.in) {
		return badRequest("there is no terminal to ask for the passphrase", "--passphrase-stdin reads a pipe")
	}
	a, err := ask.New(ctx, std.in, std.err)
	if err != nil {
		return err
	}
	for {
		passphrase, err := typePassphrase(a, std, needs == newPassphrase)
		if err != nil {
			return err
		}
		err = open(passphrase)
		switch e := api.AsError(err); {
		case errors.Is(err, &api.Error{Code: api.Locked}):
			a.Complain(errors.New(e.Message + "; try again, or Ctrl-C gives up"))
		case errors.Is(err, &api.Error{Code: api.Busy}):
			a.Complain(errors.New(e.Message + "; " + e.Hint + ", or Ctrl-C gives up"))
		default:
			return err
		}
	}
}

// newPassphrase is what a file store needs that is still to be made.
const newPassphrase = "new_passphrase"

// typePassphrase asks for one that is not empty; for a new one twice, until both are the same.
func typePassphrase(a *ask.Asker, std stdio, isNew bool) (api.Confidential, error) {
	text := "Passphrase of the file store"
	if isNew {
		screen.Say(std.err, "Without this passphrase nobody, you included, can read what is stored.\n")
		text = "A passphrase for the new file store"
	}
	for {
		first, err := a.Secret(text, "")
		if err != nil {
			return "", err
		}
		if first == "" {
			a.Complain(errors.New("it cannot be empty; Ctrl-C gives up"))
			continue
		}
		if !isNew {
			return first, nil
		}
		second, err := a.Secret("The same again", "")
		if err != nil {
			return "", err
		}
		if first == second {
			return first, nil
		}
		a.Complain(errors.New("the two passphrases differ; begin again with the first"))
	}
}

// openLocked returns a [client.Client.Locked] that has a person at the terminal open the file store.
func openLocked() func(ctx context.Context, locked error) error {
	var one sync.Mutex // so that callers that wait together ask once
	return func(ctx context.Context, locked error) error {
		std, ok := ctx.Value(stdioKey{}).(stdio)
		if !ok || !ask.Possible(std.in, std.err) {
			return locked
		}
		one.Lock()
		defer one.Unlock()
		c := &client.Client{}
		defer c.Close()
		s, err := c.Status(ctx)
		switch {
		case err != nil:
			return locked
		case s.Store.State != "locked":
			return nil
		case s.Store.Needs == "": // a person has locked it, and nothing would prove who unlocks it
			return locked
		}
		return openStoreOf(ctx, std, c, s.Store.Needs)
	}
}
