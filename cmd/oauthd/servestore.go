package main

import (
	"os"
	"path/filepath"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/daemon/config"
	"oauthd/ipc/api"
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
