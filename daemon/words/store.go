package words

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

// Locked words a request that came while oauthd is locked; shut is the gate's error.
func Locked(shut error) *api.Error {
	p := &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}
	var kept *vault.ShutError
	if errors.As(shut, &kept) {
		reason := api.AsError(kept.Reason)
		p.Message += ", because its store could not be opened at the start: " + reason.Message
		if reason.Hint != "" {
			p.Hint += "; for the next start: " + reason.Hint
		}
	}
	return p
}

// Store words the failures of a store.
type Store struct {
	// Backend is the kind of store, as config.toml names it.
	Backend string
	// StartedBy is who started the daemon that uses it; "" for unknown, "auto" for a command that needed one.
	StartedBy string
}

// Problem words a failure of the store; an [api.Error] is returned as it is.
func (s Store) Problem(err error) *api.Error {
	if errors.Is(err, vault.ErrShut) {
		return Locked(err)
	}
	var told *api.Error
	if errors.As(err, &told) {
		return told
	}
	var many *vault.TooManyTries
	if errors.As(err, &many) {
		wait := seconds(many.Wait)
		return (&api.Error{Code: api.Busy, Message: "too many wrong passphrases", Hint: fmt.Sprintf("try again in %d s", wait), RetryAfter: wait}).Because(err)
	}
	if errors.Is(err, vault.ErrRetired) {
		return (&api.Error{Code: api.Busy, Message: "the daemon is changing to another store", Hint: "try again", RetryAfter: 1}).Because(err)
	}
	if s.Backend == "file" {
		return s.file(err)
	}
	p := &api.Error{}
	switch {
	case errors.Is(err, keystore.ErrLocked):
		p.Code, p.Message = api.KeystoreLocked, "the keychain is locked"
		p.Hint = "unlock it in your desktop session, or set a password for one that is new; then try again"
	case errors.Is(err, keystore.ErrFull):
		p.Code, p.Message = api.KeystoreFull, "the keychain does not take a record of this size"
		p.Hint = "see the daemon's log for details"
	case errors.Is(err, vault.ErrUnreadable):
		p = damaged(err, "keychain", "a new login replaces it")
	case errors.Is(err, context.Canceled):
		p.Code, p.Message = api.Timeout, "the request ended before the keychain answered"
	default:
		p = s.noKeychain(err)
	}
	return p.Because(err)
}

// damaged words an [vault.ErrUnreadable]; hint is for a record that is no more than damaged.
func damaged(err error, store, hint string) *api.Error {
	p := &api.Error{Code: api.Internal, Message: "the record of this account in the " + store + " is damaged", Hint: hint}
	switch {
	case errors.Is(err, vault.ErrMisplaced):
		p.Message += ": it belongs to another account"
		p.Hint = "put each record back in its place, or log in again, which replaces it"
	case errors.Is(err, vault.ErrOutdated):
		p.Message += ": it is older than the one saved last"
		p.Hint = "log in again, which replaces it; if you put it back yourself, the next daemon takes it: oauthd stop"
	}
	return p
}

// otherwise names the choices there are without a keychain.
const otherwise = `; or log in with --store file, to keep credentials encrypted by a passphrase, ` +
	`or with --store memory, to keep them only while the daemon runs`

// noKeychain words a keychain that cannot be used: who started the daemon, why it cannot, and the choices.
func (s Store) noKeychain(err error) *api.Error {
	p := &api.Error{Code: api.KeystoreUnavailable, Message: "no keychain is available to this daemon"}
	switch s.StartedBy {
	case "":
	case "auto":
		p.Message += ", which a command started automatically"
	default:
		p.Message += ", which was started by " + s.StartedBy
	}
	switch {
	case errors.Is(err, keystore.ErrNoBus):
		p.Message += ": there is no session bus"
		p.Hint = "run oauthd stop, then start it in your desktop session by any command there" + otherwise
	case errors.Is(err, keystore.ErrNoService):
		p.Message += ": nothing on the session bus stores secrets"
		p.Hint = "start a keyring (gnome-keyring, KWallet, KeePassXC) in your session, then try again" + otherwise
	case errors.Is(err, keystore.ErrNoAnswer):
		p.Message += ": there was no answer in time"
		p.Hint = "look for a prompt of the keyring in your desktop session, or restart the keyring; then try again"
	case errors.Is(err, keystore.ErrDismissed):
		p.Message = "the keychain did not store the record; its prompt may have been dismissed"
		p.Hint = "try again, and agree when it asks"
	default:
		p.Message += ": it failed"
		p.Hint = "restart the keyring; see the daemon's log for details" + otherwise
	}
	return p
}

// file words a failure of the file store.
func (s Store) file(err error) *api.Error {
	p := &api.Error{}
	switch {
	case errors.Is(err, keystore.ErrLocked):
		p = Locked(err)
	case errors.Is(err, keystore.ErrPassphrase):
		p.Code, p.Message = api.Locked, "the passphrase is wrong"
		p.Hint = "oauthd unlock asks again; nothing has changed"
	case errors.Is(err, keystore.ErrNoPassphrase):
		p.Code, p.Message = api.Locked, "a passphrase opens the file store, and none was given"
		p.Hint = "oauthd unlock asks for it; --passphrase-stdin reads a pipe"
	case errors.Is(err, keystore.ErrIdentity):
		p.Code, p.Message = api.ConfigInvalid, "the identity file does not open the file store"
		p.Hint = "check identity under [keystore] in config.toml, and that the file is the one it was made with; " +
			"see the daemon's log for details"
	case errors.Is(err, keystore.ErrSealed):
		p.Code, p.Message = api.KeystoreUnavailable, "this machine does not open the key that was sealed for the file store"
		p.Hint = "systemd-creds --user has to work here, for the user and on the machine that sealed it; without that, move " +
			"identity.age, identity.cred and the records away, and log in again"
	case errors.Is(err, keystore.ErrFull):
		p.Code, p.Message = api.KeystoreFull, "the file store has no room for the record"
		p.Hint = "free some space on the disk, then try again"
	case errors.Is(err, vault.ErrUnreadable):
		p = damaged(err, "file store", "restore the file from a backup, or log in again, which replaces it")
	case errors.Is(err, keystore.ErrDamaged):
		p.Code, p.Message = api.KeystoreUnavailable, "identity.age, which opens the file store, is missing or damaged"
		p.Hint = "restore it from a backup; without it, move the records away too, and log in again"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p.Code, p.Message = api.Timeout, "the request ended before the disk of the file store answered"
		p.Hint = "try again"
	default:
		p.Code, p.Message = api.KeystoreUnavailable, "the file store cannot be read or written"
		var reason *fs.PathError
		if errors.As(err, &reason) {
			p.Message += ": " + api.Excerpt(reason.Path) + ": " + reason.Err.Error()
		}
		p.Hint = "that directory must be yours and writable"
	}
	return p.Because(err)
}
