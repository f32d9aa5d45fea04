package daemon

import (
	"context"
	"errors"
	"io/fs"

	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

func (d *Daemon) lockedProblem() *api.Error {
	return &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}
}

// fileProblem words a failure of the file store.
func (d *Daemon) fileProblem(err error) *api.Error {
	p := &api.Error{}
	switch {
	case errors.Is(err, keystore.ErrLocked):
		p = d.lockedProblem()
	case errors.Is(err, keystore.ErrPassphrase):
		p.Code, p.Message = api.Locked, "the passphrase is wrong"
		p.Hint = "oauthd unlock asks again; nothing has changed"
	case errors.Is(err, keystore.ErrNoPassphrase):
		p.Code, p.Message = api.Locked, "a passphrase opens the file store, and none was given"
		p.Hint = "oauthd unlock asks for it; --passphrase-stdin reads a pipe"
	case errors.Is(err, keystore.ErrIdentity):
		p.Code, p.Message = api.ConfigInvalid, "the identity file does not open the file store"
		p.Hint = "check identity under [keystore] in config.toml, and that the file is the one it was made with; " +
			"the daemon's log has the detail"
	case errors.Is(err, keystore.ErrFull):
		p.Code, p.Message = api.KeystoreFull, "the file store has no room for the record"
		p.Hint = "free some space on the disk, then try again"
	case errors.Is(err, vault.ErrUnreadable):
		p.Code, p.Message = api.Internal, "the record of this account in the file store is damaged"
		p.Hint = "bring the file back from a backup, or log in again, which replaces it"
	case errors.Is(err, keystore.ErrDamaged):
		p.Code, p.Message = api.KeystoreUnavailable, "identity.age, which opens the file store, is missing or damaged"
		p.Hint = "bring it back from a backup; without it move the records away as well, and log in again"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p.Code, p.Message = api.Timeout, "the request ended before the disk of the file store answered"
		p.Hint = "try again"
	default:
		p.Code, p.Message = api.KeystoreUnavailable, "the file store cannot be read or written"
		var reason *fs.PathError
		if errors.As(err, &reason) {
			p.Message += ": " + reason.Path + ": " + reason.Err.Error()
		}
		p.Hint = "that directory must be yours and writable"
	}
	return p.Because(err)
}
