package main

import (
	"context"
	"fmt"
	"path/filepath"

	"oauthd/cmd/oauthd/ask"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// The ways to store credentials, as a person chooses among them.
const (
	byPassphrase = "passphrase"
	byIdentity   = "identity"
	bySeal       = "sealed"
	inMemory     = "memory"
)

// storeFlag reads --store; nil for none.
func storeFlag(backend string) (*api.StoreChoice, error) {
	switch backend {
	case "":
		return nil, nil
	case "keychain", "file", "memory":
		return &api.StoreChoice{Backend: backend}, nil
	}
	return nil, badRequest("--store is file, keychain or memory", "file is encrypted by a passphrase, memory ends with the daemon")
}

// readyStore has c's daemon use the store that was chosen. If none was, there is no keychain and config.toml names no
// store, a person at the terminal is asked. There, a store that is closed is opened too.
func readyStore(ctx context.Context, std stdio, c *client.Client, chosen *api.StoreChoice) error {
	if chosen == nil && !ask.Possible(std.in, std.err) {
		return nil
	}
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if chosen == nil && lacksStore(s.Store) {
		a, err := ask.New(ctx, std.in, std.err)
		if err != nil {
			return err
		}
		if chosen, err = whereToStore(ctx, a, std, s.Store); err != nil {
			return err
		}
	}
	if chosen != nil {
		anew, err := chooseStore(ctx, std, c, *chosen)
		if err != nil || !ask.Possible(std.in, std.err) {
			return err
		}
		if s, err = c.Status(ctx); err != nil {
			return err
		}
		if anew && s.Store.State == "locked" { // and if nothing has to be typed, this says why it is
			return openStoreOf(ctx, std, c, s.Store.Needs)
		}
	}
	if s.Store.State != "locked" || s.Store.Needs == "" {
		return nil
	}
	return openStoreOf(ctx, std, c, s.Store.Needs)
}

// lacksStore reports whether there is no keychain, and nobody has said what else to use.
func lacksStore(s api.Store) bool {
	return s.Backend == "keychain" && s.State == "unavailable" && !s.Chosen
}

// chooseStore has c's daemon write a choice into config.toml and use it, and says what was written where. anew is true if
// the daemon did not use it before.
func chooseStore(ctx context.Context, std stdio, c *client.Client, choice api.StoreChoice) (anew bool, err error) {
	chosen, err := c.ChooseStore(ctx, choice)
	if chosen.File != "" {
		screen.Say(std.err, "oauthd: %s:%d says backend = %q now\n", chosen.File, chosen.Line, choice.Backend)
	}
	return chosen.Restarting, err
}

// whereToStore asks where credentials are to be stored, because there is no keychain.
func whereToStore(ctx context.Context, a *ask.Asker, std stdio, now api.Store) (*api.StoreChoice, error) {
	a.Paragraph("", "oauthd: "+now.Detail+".")
	fmt.Fprint(std.err, "Where shall credentials be stored instead?\n\n")
	for {
		where, err := a.Ask(ask.Question{
			Text: "Store", Suggested: byPassphrase, Choices: storeChoices(ctx),
			Explain: "Encrypted files outlive the daemon and the machine's next start; what opens them is a passphrase that you " +
				"type once after each start, or an age identity: a file, or a plugin for a TPM or a security key. What is " +
				"only in memory is gone when the daemon ends, and you log in again. To use a keychain instead, press Ctrl-C, " +
				"start one in your desktop session, run oauthd stop, and log in again.",
		})
		if err != nil {
			return nil, err
		}
		switch where {
		case inMemory:
			return &api.StoreChoice{Backend: "memory"}, nil
		case byPassphrase:
			return &api.StoreChoice{Backend: "file"}, nil
		case bySeal:
			if err := sealWorks(ctx); err != nil {
				a.Complain(err)
				continue
			}
			return &api.StoreChoice{Backend: "file", Seal: "systemd-creds"}, nil
		}
		return whichIdentity(ctx, a)
	}
}

// storeChoices are the stores to choose from on this machine.
func storeChoices(ctx context.Context) []ask.Choice {
	all := []ask.Choice{
		{Name: byPassphrase, Title: "files, encrypted by a passphrase"},
		{Name: byIdentity, Title: "files, encrypted by an age identity or plugin (TPM, YubiKey)"},
	}
	if sealOffered(ctx) {
		all = append(all, ask.Choice{Name: bySeal, Title: "files, sealed for you by this machine (systemd-creds)"})
	}
	return append(all, ask.Choice{Name: inMemory, Title: "nowhere: only in memory, until the daemon ends"})
}

// whichIdentity asks for the file of the age identity that is to open the file store.
func whichIdentity(ctx context.Context, a *ask.Asker) (*api.StoreChoice, error) {
	file, err := a.Ask(ask.Question{
		Text: "Path of the identity file", Files: true,
		Explain: "A file as age-keygen -o FILE writes it, or as a plugin does: age-plugin-tpm --generate -o FILE, or " +
			"age-plugin-yubikey --identity > FILE. The plugin has to be on the PATH of the daemon too. Whoever has the " +
			"file can open the store, so that one without a plugin belongs on a disk that only you can read.",
		Check: func(s string) error {
			path, err := filepath.Abs(s)
			if s == "" || err != nil {
				return badRequest("give the path of a file", "? explains which")
			}
			return checkIdentity(ctx, path)
		},
	})
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(file)
	return &api.StoreChoice{Backend: "file", Identity: path}, err
}

// storeWords say where credentials are stored, or will be.
func storeWords(c api.StoreChoice) string {
	switch {
	case c.Backend == "memory":
		return "only in memory, until the daemon ends"
	case c.Backend == "keychain":
		return "in the keychain"
	case c.Identity != "":
		return "in files that " + c.Identity + " opens"
	case c.Seal != "":
		return "in files that this machine opens for you"
	}
	return "in files that a passphrase opens"
}
