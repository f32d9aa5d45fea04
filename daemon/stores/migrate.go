// Package stores changes where credentials are stored: it moves the records to another store, and it has a daemon begin
// anew with another store that a person chose. No credential gets lost by either: what is moved is read back before it is
// deleted, and a store that holds a credential is not left.
package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"oauthd/daemon/config"
	"oauthd/daemon/provider"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

// Migrate moves the records of cfg's accounts, of clients that issuers registered, the key of the audit log, and whatever
// else from can list, to another store, and returns how many it has moved. All are copied and read back before the first is
// deleted, and what is deleted is read once more from the other store just before. If both have a record the newer one is
// right, and from's, as the one in use, if that cannot be told. Stopped at any point, a second call goes on, whichever store
// was used in between; nobody else may write to either store meanwhile.
//
// A copy that is read back wrong is a [api.KeystoreUnavailable] error; other errors are the stores', with the code that
// goes with them.
func Migrate(ctx context.Context, cfg *config.Config, from, to keystore.Store) (moved int, err error) {
	names := recordNames(cfg)
	if len(names) > 0 { // else nothing was ever stored
		names = append(names, vault.AuditKeyName)
	}
	if lister, ok := from.(interface {
		Names(ctx context.Context) ([]string, error)
	}); ok {
		listed, err := lister.Names(ctx)
		if err != nil {
			return 0, migrationProblem("list the records", err)
		}
		names = append(names, listed...)
	}
	slices.Sort(names)
	var found []string
	for _, name := range slices.Compact(names) {
		switch err := copyRecord(ctx, name, from, to); {
		case err == nil:
			found = append(found, name)
		case !errors.Is(err, keystore.ErrNotFound):
			return 0, migrationProblem("copy "+name, err)
		}
	}
	for _, name := range found {
		if err := deleteCopied(ctx, name, from, to); err != nil {
			return moved, migrationProblem("delete "+name+" from the old store", err)
		}
		moved++
	}
	return moved, nil
}

// recordNames are the names under which records of cfg may rest.
func recordNames(cfg *config.Config) []string {
	names := slices.Collect(maps.Keys(cfg.Accounts))
	for _, a := range cfg.Accounts {
		issuer := a.Issuer
		if p, ok := cfg.Providers[a.Provider]; ok && issuer == "" {
			issuer = p.Issuer
		} else if p, ok := provider.Lookup(a.Provider); ok && issuer == "" {
			issuer = p.Issuer
		}
		if issuer != "" {
			names = append(names, vault.RegistrationName(issuer))
		}
	}
	return names
}

// copyRecord brings name's record to the other store; [keystore.ErrNotFound] if there is none.
func copyRecord(ctx context.Context, name string, from, to keystore.Store) error {
	data, err := from.Get(ctx, name)
	if err != nil {
		return err
	}
	if sameOrNewer(ctx, name, data, to) == nil {
		return nil // of a call that was stopped
	}
	if err := to.Put(ctx, name, data); err != nil {
		return notAbsent(err)
	}
	return sameOrNewer(ctx, name, data, to)
}

func deleteCopied(ctx context.Context, name string, from, to keystore.Store) error {
	data, err := from.Get(ctx, name)
	if err != nil {
		return err
	}
	if err := sameOrNewer(ctx, name, data, to); err != nil {
		return err
	}
	return from.Delete(ctx, name)
}

var errNotKept = errors.New("the new store does not give back what was put into it")

// sameOrNewer returns nil when to has data under name, or what came after it.
func sameOrNewer(ctx context.Context, name string, data []byte, to keystore.Store) error {
	there, err := to.Get(ctx, name)
	if err != nil {
		return notAbsent(err)
	}
	if !bytes.Equal(there, data) && !vault.Newer(name, there, data) {
		return errNotKept
	}
	return nil
}

// notAbsent keeps an absent copy from being taken for an absent original.
func notAbsent(err error) error {
	if errors.Is(err, keystore.ErrNotFound) {
		return errNotKept
	}
	return err
}

func migrationProblem(what string, err error) error {
	p := &api.Error{Code: api.KeystoreUnavailable, Message: fmt.Sprintf("the move stopped: %s: %v", what, api.Foreign(err))}
	switch {
	case errors.Is(err, keystore.ErrLocked):
		p.Code = api.KeystoreLocked
	case errors.Is(err, keystore.ErrFull):
		p.Code = api.KeystoreFull
	case errors.Is(err, context.Canceled):
		return err
	}
	return p.Because(err)
}
