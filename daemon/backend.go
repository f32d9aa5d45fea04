package daemon

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Login runs one login; see [login.Logins.Login].
func (d *Daemon) Login(ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent)) error {
	err := d.logins.Login(ctx, name, def, events)
	d.audit.Note(ctx, api.AuditLogin, name, "", err)
	return err
}

// Callback gives a login the authorization response that a person pasted; see [login.Logins.Callback].
func (d *Daemon) Callback(_ context.Context, id, pasted string) error {
	return d.logins.Callback(id, pasted)
}

// CancelLogin ends a login that waits for its person; see [login.Logins.Cancel].
func (d *Daemon) CancelLogin(ctx context.Context, name string) error {
	err := d.logins.Cancel(name)
	if err == nil {
		account.LogCaller(ctx, d.log.Info()).Str("account", name).Msg("login cancelled")
	}
	return err
}

// Import makes an account of what another tool has saved; see [takeover.Imports.Import].
func (d *Daemon) Import(ctx context.Context, r api.ImportRequest, events func(api.ImportEvent)) error {
	err := d.imports.Import(ctx, r, events)
	d.audit.Note(ctx, api.AuditImport, r.As, "", err)
	return err
}

// Watch reports how name is, or every account for "", and then whatever changes; see [news.Desk.Watch].
func (d *Daemon) Watch(ctx context.Context, name string) (iter.Seq2[api.WatchEvent, error], error) {
	return d.news.Watch(ctx, name)
}

// Match returns the account whose tokens may be used at url; see [book.Book.Match].
func (d *Daemon) Match(ctx context.Context, url, user string) (api.Match, error) {
	return d.book.Match(ctx, url, user)
}

// Files lists the files that hold a token; see [files.Keeper.List].
func (d *Daemon) Files(ctx context.Context) ([]api.File, error) { return d.files.List(ctx) }

// AddFile writes a file that holds a token and maintains it; see [files.Keeper.Add].
func (d *Daemon) AddFile(ctx context.Context, r api.FileRequest) (api.File, error) {
	return d.files.Add(ctx, r)
}

// EndFile ends the maintenance of a file; see [files.Keeper.End].
func (d *Daemon) EndFile(ctx context.Context, path string) (api.File, error) {
	return d.files.End(ctx, path)
}

// Sockets lists the restricted sockets that are served.
func (d *Daemon) Sockets(context.Context) ([]api.Socket, error) { return d.sockets.List(), nil }

// AddSocket begins to serve a restricted socket; see [sockets.Keeper.Add].
func (d *Daemon) AddSocket(ctx context.Context, r api.SocketRequest) (api.Socket, error) {
	return d.sockets.Add(ctx, r)
}

// EndSocket ends a restricted socket; see [sockets.Keeper.End].
func (d *Daemon) EndSocket(ctx context.Context, path string) (api.Socket, error) {
	return d.sockets.End(ctx, path)
}

// ChooseStore writes another store into config.toml, and ends the daemon if it is to begin anew with that; see
// [stores.Chooser.Choose].
func (d *Daemon) ChooseStore(ctx context.Context, choice api.StoreChoice) (api.StoreChosen, error) {
	chosen, err := d.stores.Choose(ctx, choice)
	if chosen.Restarting {
		err = d.Shutdown(ctx)
	}
	return chosen, err
}

// OIDCAgent reports whether config.toml asks for a socket for oidc-agent's clients.
func (d *Daemon) OIDCAgent() bool { return d.book.OIDCAgent() }

// Reload reads the configuration again and takes it over whole. If anything is wrong in it everything stays as it was,
// and the error names every mistake with file and line.
func (d *Daemon) Reload(ctx context.Context) (api.ReloadResult, error) {
	result, backend, err := d.book.Reload(ctx)
	if err != nil {
		account.LogCaller(ctx, d.log.Error()).Err(err).Msg("reload refused, keeping the configuration as it was")
		return api.ReloadResult{}, words.ReloadRefused(err)
	}
	if d.cfg.Replaced != nil {
		d.cfg.Replaced()
	}
	if backend != d.cfg.Config.Backend {
		result.Warnings = append(result.Warnings, fmt.Sprintf(
			"the store stays %q until the daemon restarts: oauthd stop, then any command", d.cfg.Config.Backend))
	}
	account.LogCaller(ctx, d.log.Info()).Strs("added", result.Added).Strs("removed", result.Removed).
		Strs("changed", result.Changed).Strs("dropped", result.Dropped).Msg("reload")
	d.sockets.Settle()
	if changed := slices.Concat(result.Added, result.Removed, result.Changed); len(changed) > 0 {
		d.policyChanged(ctx, "", "reload: "+strings.Join(changed, " "))
	}
	d.holds.Settle(ctx)
	for _, warning := range result.Warnings {
		account.LogCaller(ctx, d.log.Warn()).Msg(warning) // a signal has nobody else to tell
	}
	return result, nil
}
