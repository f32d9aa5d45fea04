package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/daemon/config"
	"oauthd/daemon/stores"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/keystore"

	"github.com/spf13/cobra"
)

func newKeystore(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keystore",
		Short: "move credentials between stores",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMigrate(std))
	return cmd
}

func newMigrate(std stdio) *cobra.Command {
	var to string
	var stdin bool
	cmd := &cobra.Command{
		Use:   "migrate --to file|keychain",
		Short: "move all credentials to another store",
		Long: `Moves all credentials from the store that config.toml names to the other one: each is
copied and read back, and once all have arrived the old ones are deleted. If it is
interrupted, nothing is lost; run the same command again. No daemon may be running.
At the end it prints the line to change in config.toml, which you write yourself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to != "file" && to != "keychain" {
				return badRequest("--to is file or keychain", "oauthd keystore migrate --help shows more")
			}
			return migrate(cmd.Context(), std, to, stdin)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "file or keychain")
	cmd.Flags().BoolVar(&stdin, "passphrase-stdin", false, "read the file store's passphrase from standard input")
	return cmd
}

func migrate(ctx context.Context, std stdio, to string, stdin bool) error {
	process.Harden()
	env := client.DefaultEnvironment()
	configDir, err := env.ConfigDir()
	if err != nil {
		return err
	}
	state, err := env.StateDir()
	if err != nil {
		return err
	}
	cfg, err := config.Load(configDir)
	if err != nil { // an account that cannot be read would be left behind
		return &api.Error{Code: api.ConfigInvalid, Message: err.Error(), Hint: "correct that first"}
	}
	main := config.MainFile(configDir)
	switch cfg.Backend {
	case to:
		return &api.Error{Code: api.BadRequest, Message: fmt.Sprintf("%s says backend = %q already", main, to),
			Hint: "the store it names is the one to move from; change that line after the move"}
	case "memory":
		return &api.Error{Code: api.Unsupported, Message: "the memory store lives in the daemon, so there is nothing to move",
			Hint: fmt.Sprintf("set backend = %q in %s and log in again", to, main)}
	}
	held, err := takeLock(ctx, lockPath(state, to, ""), "")
	if err != nil {
		return err
	}
	defer held.release()
	from, err := openStore(cfg, state)
	if err != nil {
		return err
	}
	other := *cfg
	other.Backend = to
	target, err := openStore(&other, state)
	if err != nil {
		return err
	}
	for _, store := range []keystore.Store{from, target} {
		if files, ok := store.(*keystore.File); ok {
			if err := openNow(ctx, std, files, stdin); err != nil {
				return err
			}
		}
	}
	moved, err := stores.Migrate(ctx, cfg, from, target)
	if err != nil {
		return &api.Error{Code: api.AsError(err).Code, Message: fmt.Sprintf("%v (%d of the credentials are out of the old store)", err, moved),
			Hint: "every credential is in one of the stores or in both; the same command goes on"}
	}
	fmt.Fprintf(std.out, "records moved from %s to %s: %d\n", cfg.Backend, to, moved)
	screen.Say(std.err, "oauthd: now say so in %s:\n\n[keystore]\nbackend = %q\n\n"+
		"then run oauthd stop: a daemon that some command has started meanwhile looks in %s\n", main, to, cfg.Backend)
	return nil
}

// openNow opens files for this process.
func openNow(ctx context.Context, std stdio, files *keystore.File, stdin bool) error {
	open := func(passphrase api.Confidential) error { return openProblem(files.Open(ctx, string(passphrase))) }
	passphrase, found, err := givenPassphrase()
	switch {
	case err != nil:
		return err
	case stdin:
		if passphrase, err = pipedPassphrase(std.in); err != nil {
			return err
		}
		return open(passphrase)
	case found || files.Needs() == keystore.NeedsNothing:
		return open(passphrase)
	}
	return askPassphrase(ctx, std, files.Needs(), open)
}

// openProblem words why a file store stays closed.
func openProblem(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, keystore.ErrPassphrase):
		return (&api.Error{Code: api.Locked, Message: "the passphrase is wrong", Hint: "nothing was moved; try again"}).Because(err)
	case errors.Is(err, keystore.ErrNoPassphrase):
		return (&api.Error{Code: api.Locked, Message: "a passphrase opens the file store, and none was given",
			Hint: "--passphrase-stdin reads a pipe"}).Because(err)
	}
	return (&api.Error{Code: api.KeystoreUnavailable, Message: api.Excerpt(err.Error()), Hint: "nothing was moved"}).Because(err)
}

// checkIdentity refuses a file without age identities, or whose plugin is not there.
func checkIdentity(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	if err := keystore.CheckIdentities(ctx, path); err != nil {
		return badRequest(api.Excerpt(err.Error()), "age-keygen -o FILE makes one; ? explains more")
	}
	return nil
}

// sealOffered reports whether this machine may be able to seal a file store; sealWorks tries it.
func sealOffered(ctx context.Context) bool { return keystore.SystemdCreds{}.Offered(ctx) == nil }

func sealWorks(ctx context.Context) error { return keystore.SystemdCreds{}.Works(ctx) }

// configHere returns what is wrong in the configuration; nil if nothing is.
func configHere() error {
	dir, err := client.DefaultEnvironment().ConfigDir()
	if err != nil {
		return err
	}
	if _, err = config.Load(dir); err != nil {
		return &api.Error{Code: api.ConfigInvalid, Message: err.Error()}
	}
	return nil
}

// storeHere tries the configured store, without a daemon, by asking it for a record that cannot exist.
func storeHere(ctx context.Context) (backend string, err error) {
	env := client.DefaultEnvironment()
	dir, err := env.ConfigDir()
	if err != nil {
		return "", err
	}
	cfg, _ := config.Load(dir) // what is wrong there is somebody else's finding
	if cfg == nil {
		cfg = &config.Config{Backend: "keychain"}
	}
	state, err := env.StateDir()
	if err != nil && cfg.Backend != "memory" {
		return cfg.Backend, err
	}
	store, err := openStore(cfg, state)
	if err != nil {
		return cfg.Backend, err
	}
	if _, err = store.Get(ctx, "oauthd-doctor"); errors.Is(err, keystore.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return cfg.Backend, words.Store{Backend: cfg.Backend}.Problem(err)
	}
	return cfg.Backend, nil
}

// busHere returns the address of the session bus.
func busHere() (string, error) { return keystore.SessionBus(os.Environ(), os.Getuid()) }
