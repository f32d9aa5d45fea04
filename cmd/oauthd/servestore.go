package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/daemon/config"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
	"oauthd/keystore"

	"github.com/spf13/cobra"
)

// keychainChild is the hidden verb that the daemon runs for each call to the keychain.
const keychainChild = "keychain-child"

func newKeychainChild(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:    keychainChild,
		Short:  "make one call to the keychain",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			process.Harden()
			return keystore.RunChild(std.in, screen.Raw(std.out))
		},
	}
}

// openStore returns the store that cfg names, with its files in state; one of files is closed.
func openStore(cfg *config.Config, state string) (keystore.Store, error) {
	switch cfg.Backend {
	case "memory":
		return &keystore.Memory{}, nil
	case "file":
		files := keystore.FileConfig{Dir: state, Identity: cfg.Identity}
		if cfg.Seal == config.SealSystemdCreds {
			files.Sealer = keystore.SystemdCreds{}
		}
		return keystore.NewFile(files), nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, (&api.Error{Code: api.Internal, Message: "oauthd does not find its own program"}).Because(err)
	}
	return keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd",
		Command: []string{self, keychainChild},
		Env:     os.Environ(),
		Lock:    filepath.Join(state, "keychain.lock"),
	}), nil
}

// losesAtEnd reports whether a store holds what is lost when the daemon ends: credentials, or the key to them.
func losesAtEnd(store keystore.Store) bool {
	switch s := store.(type) {
	case *keystore.Memory:
		return s.Len() > 0
	case *keystore.File:
		return !s.Closed()
	}
	return false
}

// lostByRestart reports whether a daemon that begins anew would lack what store has now, until a person gives it again.
func lostByRestart(store keystore.Store) bool {
	if files, ok := store.(*keystore.File); ok {
		if _, found, err := givenPassphrase(); files.Needs() == keystore.NeedsNothing || found && err == nil {
			return false
		}
	}
	return losesAtEnd(store)
}

// stateDirOf is the directory of what outlives the daemon; "" if its credentials do not.
func stateDirOf(cfg *config.Config, state string) string {
	if cfg.Backend == "memory" {
		return ""
	}
	return state
}

// openPatience bounds the opening of the file store at the daemon's start: a plugin may wait for a touch.
const openPatience = 10 * time.Second

// openAtStart opens a store of files if that needs no person. An error says what stood in the way: the daemon runs all the
// same, locked.
func openAtStart(ctx context.Context, store keystore.Store) error {
	files, ok := store.(*keystore.File)
	if !ok {
		return nil
	}
	passphrase, found, err := givenPassphrase()
	if err != nil || !found && files.Needs() != keystore.NeedsNothing {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	switch err = files.Open(ctx, string(passphrase)); {
	case err == nil:
		return nil
	case errors.Is(err, keystore.ErrPassphrase):
		return (&api.Error{Code: api.Locked, Message: "the passphrase that the daemon was given is wrong",
			Hint: "correct what OAUTHD_PASSPHRASE_FILE names, or the service's credential"}).Because(err)
	}
	return (&api.Error{Code: api.KeystoreUnavailable, Message: api.Excerpt(err.Error())}).Because(err)
}

// givenPassphrase reads the passphrase that a service manager hands in (systemd.exec(5), credentials) or that
// OAUTHD_PASSPHRASE_FILE names.
func givenPassphrase() (passphrase api.Confidential, found bool, err error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		passphrase, err = passphraseIn(filepath.Join(dir, "oauthd"))
		if !errors.Is(err, fs.ErrNotExist) {
			return passphrase, err == nil, err
		}
	}
	path := os.Getenv("OAUTHD_PASSPHRASE_FILE")
	if path == "" {
		return "", false, nil
	}
	passphrase, err = passphraseIn(path)
	return passphrase, err == nil, err
}

func passphraseIn(path string) (api.Confidential, error) {
	problem := func(why error) error {
		return (&api.Error{Code: api.ConfigInvalid, Message: "no passphrase is read from a file: " + why.Error(),
			Hint: "give an absolute path of a file that belongs to you and that nobody else may write to"}).Because(why)
	}
	if !filepath.IsAbs(path) { // a daemon works in a directory of its own
		return "", problem(fmt.Errorf("%s is not an absolute path", path))
	}
	data, err := own.ReadNamed(path, maxPassphrase)
	if err != nil {
		return "", problem(err)
	}
	text, err := own.Text(data)
	if err != nil {
		return "", problem(fmt.Errorf("%s %w", path, err))
	}
	return api.Confidential(strings.TrimSpace(string(text))), nil
}

// oidcAgentWanted reports whether config.toml in dir asks for a socket for oidc-agent's clients.
func oidcAgentWanted(dir string) bool { return config.LoadMain(dir).OIDCAgent }
