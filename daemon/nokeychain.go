package daemon

import (
	"errors"

	"oauthd/ipc/api"
	"oauthd/keystore"
)

const orMemory = `; or set backend = "memory" under [keystore] in config.toml, to keep credentials only while the daemon runs`

// noKeychain words a keychain that cannot be used: who started the daemon, why it cannot, and the choices.
func (d *Daemon) noKeychain(err error) *api.Error {
	p := &api.Error{Code: api.KeystoreUnavailable, Message: "no keychain answers this daemon"}
	switch d.cfg.StartedBy {
	case "":
	case "auto":
		p.Message += ", which a command started by itself"
	default:
		p.Message += ", which was started by " + d.cfg.StartedBy
	}
	switch {
	case errors.Is(err, keystore.ErrNoBus):
		p.Message += ": there is no session bus"
		p.Hint = "run oauthd stop, then start it in your desktop session by any command there" + orMemory
	case errors.Is(err, keystore.ErrNoService):
		p.Message += ": nothing on the session bus keeps secrets"
		p.Hint = "start a keyring (gnome-keyring, KWallet, KeePassXC) in your session, then try again" + orMemory
	case errors.Is(err, keystore.ErrNoAnswer):
		p.Message += " in time"
		p.Hint = "look for a prompt of the keyring in your desktop session, or start the keyring anew; then try again"
	case errors.Is(err, keystore.ErrDismissed):
		p.Message = "the keychain did not keep the record; its prompt may have been dismissed"
		p.Hint = "try again, and agree when it asks"
	default:
		p.Message += ": it failed"
		p.Hint = "start the keyring anew; the daemon's log has the detail" + orMemory
	}
	return p
}
