package stores

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// identityPatience bounds the trial of an identity, for which a plugin may ask a person something.
const identityPatience = 20 * time.Second

// Accounts are the accounts whose credentials are stored.
type Accounts interface {
	// Config returns the configuration in use.
	Config() *config.Config
	// Remembered returns the names of those that had a credential when the store last answered.
	Remembered() []string
}

// Chooser lets a person choose another store for a running daemon.
type Chooser struct {
	// Dir is the directory of config.toml.
	Dir string
	// InUse is what config.toml said of the store when it was opened; Store is that store.
	InUse config.Keystore
	Store keystore.Store
	// Gate closes the store in use.
	Gate     *vault.Gate
	Accounts Accounts
	Words    words.Store
	Log      zerolog.Logger
	// Again is called once another store was chosen: the daemon is to end, and another to begin with what config.toml says
	// now. Nil means that no store can be chosen.
	Again func()
}

// Choose writes another store into config.toml and has the daemon begin anew with it. No credential may get lost by that:
// while the store in use holds any, or a login is under way, it refuses.
func (c *Chooser) Choose(ctx context.Context, choice api.StoreChoice) (api.StoreChosen, error) {
	if c.Again == nil {
		return api.StoreChosen{}, &api.Error{Code: api.Unsupported, Message: "the store of this daemon cannot be changed",
			Hint: "oauthd serve runs one that reads config.toml"}
	}
	if err := check(ctx, choice); err != nil {
		return api.StoreChosen{}, err
	}
	want := config.Keystore(choice)
	if want == c.InUse {
		return c.write(ctx, want, false)
	}
	if err := c.mustHoldNothing(ctx, choice.Backend); err != nil {
		return api.StoreChosen{}, err
	}
	undo, ok := c.Gate.Retire()
	if !ok {
		return api.StoreChosen{}, &api.Error{Code: api.Busy, Message: "a login or a refresh is using the store now",
			Hint: "finish it, or end it, and try again"}
	}
	if err := c.mustHoldNothing(ctx, choice.Backend); err != nil { // which came between
		undo()
		return api.StoreChosen{}, err
	}
	chosen, err := c.write(ctx, want, true)
	if err != nil {
		undo()
		return api.StoreChosen{}, err
	}
	c.Again()
	return chosen, nil
}

func (c *Chooser) write(ctx context.Context, want config.Keystore, restarting bool) (api.StoreChosen, error) {
	line, err := config.SetKeystore(c.Dir, want)
	if err != nil {
		return api.StoreChosen{}, notWritten(err, want)
	}
	account.LogCaller(ctx, c.Log.Info()).Str("store", want.Backend).Bool("restarting", restarting).Msg("store chosen")
	return api.StoreChosen{File: config.MainFile(c.Dir), Line: line, Restarting: restarting}, nil
}

// notWritten words a config.toml that was left as it was.
func notWritten(err error, want config.Keystore) error {
	p := &api.Error{Code: api.ConfigInvalid, Message: err.Error()}
	var untouchable *config.Untouchable
	if errors.As(err, &untouchable) {
		p.Hint = "write these lines into it yourself, then run oauthd stop:\n" + want.Lines()
	} else {
		p.Hint = "correct the file, then try again"
	}
	return p.Because(err)
}

// check refuses a store that could not be used.
func check(ctx context.Context, c api.StoreChoice) error {
	switch {
	case c.Backend != "keychain" && c.Backend != "file" && c.Backend != "memory":
		return &api.Error{Code: api.BadRequest, Message: fmt.Sprintf("there is no store %q", api.Excerpt(c.Backend)), Hint: "it is keychain, file or memory"}
	case c.Backend != "file" && (c.Identity != "" || c.Seal != ""):
		return &api.Error{Code: api.BadRequest, Message: "an identity or a seal is for the file store alone", Hint: `give "backend": "file" with it`}
	case c.Identity != "" && c.Seal != "":
		return &api.Error{Code: api.BadRequest, Message: "an identity and a seal exclude each other", Hint: "give one of them"}
	case c.Seal != "" && c.Seal != config.SealSystemdCreds:
		return &api.Error{Code: api.BadRequest, Message: fmt.Sprintf("there is no seal %q", api.Excerpt(c.Seal)), Hint: "it is " + config.SealSystemdCreds}
	case c.Identity != "" && !filepath.IsAbs(c.Identity):
		return &api.Error{Code: api.BadRequest, Message: "the path of the identity is not absolute", Hint: "give the whole path"}
	}
	if c.Identity != "" {
		ctx, cancel := context.WithTimeout(ctx, identityPatience)
		defer cancel()
		if err := keystore.CheckIdentities(ctx, c.Identity); err != nil {
			return (&api.Error{Code: api.BadRequest, Message: api.Excerpt(err.Error()),
				Hint: "give a file as age-keygen -o FILE, or a plugin such as age-plugin-yubikey, writes it"}).Because(err)
		}
	}
	if c.Seal != "" {
		if err := (keystore.SystemdCreds{}).Works(ctx); err != nil {
			return (&api.Error{Code: api.Unsupported, Message: "this machine cannot seal the file store: " + api.Excerpt(err.Error()),
				Hint: "choose a passphrase or an age identity"}).Because(err)
		}
	}
	return nil
}

// mustHoldNothing refuses while the store in use holds a credential. A store that cannot be asked is believed to hold
// what was stored there before.
func (c *Chooser) mustHoldNothing(ctx context.Context, next string) error {
	// The key of the audit log's fingerprints is no credential: another store gets one of its own.
	if counted, ok := c.Store.(interface {
		Empty(but ...string) (bool, error)
	}); ok {
		empty, err := counted.Empty(vault.AuditKeyName)
		if err != nil {
			return c.Words.Problem(err)
		}
		if empty {
			return nil
		}
		return c.holds("credentials", next)
	}
	var held []string
	for _, name := range recordNames(c.Accounts.Config()) {
		data, err := c.Store.Get(ctx, name)
		clear(data)
		if err == nil {
			held = append(held, name)
		} else if !errors.Is(err, keystore.ErrNotFound) {
			held = c.Accounts.Remembered()
			break
		}
	}
	if len(held) == 0 {
		return nil
	}
	return c.holds("the credentials of "+api.Excerpt(strings.Join(held, ", ")), next)
}

func (c *Chooser) holds(what, next string) error {
	p := &api.Error{Code: api.BadRequest, Message: "the " + c.Words.Backend + " store holds " + what + ", which another store would not have"}
	switch {
	case c.Words.Backend == "memory":
		p.Hint = "log these accounts out first (oauthd logout NAME): what is only in memory cannot be moved"
	case next == "memory":
		p.Hint = "log these accounts out first (oauthd logout NAME): credentials are not moved to memory"
	default:
		p.Hint = "oauthd stop, then oauthd keystore migrate --to " + next + " moves them"
	}
	return p
}
