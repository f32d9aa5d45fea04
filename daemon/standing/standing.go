// Package standing says how each account stands, from what the book, the vault and the token cache know of it: whether it
// gives tokens, what is in the way if not, and when its login ends. It asks no provider.
package standing

import (
	"cmp"
	"context"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Config is what a Board is made of.
type Config struct {
	Book   *book.Book
	Vault  *vault.Vault
	Tokens *token.Cache
	Store  words.Store
	// Waiting reports whether a person is asked to log in to the account of that name, and how many callers wait for it.
	Waiting func(name string) (asked bool, callers int)
	// Now is the wall clock.
	Now func() time.Time
}

// Board shows how accounts stand. It is safe for concurrent use.
type Board struct{ cfg Config }

// New makes a Board.
func New(cfg Config) *Board { return &Board{cfg: cfg} }

// Names returns the names of all accounts.
func (b *Board) Names() []string { return b.cfg.Book.Names() }

// Look reports on one account, every account for "", with the store's own trouble in it.
func (b *Board) Look(ctx context.Context, name string) ([]api.Account, error) {
	if name == "" {
		return b.All(ctx)
	}
	a, err := b.Account(ctx, name)
	return []api.Account{a}, err
}

// Learn asks the store about the credential of the account of that name if nothing is known of it yet.
func (b *Board) Learn(ctx context.Context, name string) error {
	_, err := b.cfg.Book.Facts(ctx, name)
	return err
}

// Known reports on one account without asking the store. storeErr is why nothing is known of its credential, nil for no
// trouble; known is false if nothing is, and exists is false if there is no such account.
func (b *Board) Known(name string, storeErr error) (a api.Account, known, exists bool) {
	c, exists := b.cfg.Book.Configured(name)
	if !exists {
		return a, false, false
	}
	f, known := b.cfg.Book.KnownFacts(name)
	if known {
		storeErr = nil
	} else if storeErr == nil {
		return a, false, true
	}
	return b.describe(c, f, storeErr), known, true
}

// All reports on every account, by name.
func (b *Board) All(ctx context.Context) ([]api.Account, error) {
	b.cfg.Book.Reread(ctx)
	names := b.cfg.Book.Names()
	all := make([]api.Account, 0, len(names))
	var storeErr error // a store that failed once is not asked again for each account
	for _, name := range names {
		a, ok := b.cfg.Book.Configured(name)
		if !ok {
			continue
		}
		var f book.Facts
		if storeErr == nil {
			f, storeErr = b.cfg.Book.Facts(ctx, name)
		} else {
			f, _ = b.cfg.Book.KnownFacts(name)
		}
		all = append(all, b.describe(a, f, storeErr))
	}
	return all, nil
}

// Account reports on one account.
func (b *Board) Account(ctx context.Context, name string) (api.Account, error) {
	a, err := b.cfg.Book.Account(ctx, name)
	if err != nil {
		return api.Account{}, err
	}
	f, err := b.cfg.Book.Facts(ctx, name)
	if a.Via != "" {
		_, _ = b.cfg.Book.Facts(ctx, a.Via) // which say whether it has tokens to give
	}
	return b.describe(a, f, err), nil
}

// describe puts together what is known of a and its credential.
func (b *Board) describe(a account.Account, f book.Facts, storeErr error) api.Account {
	if shut := b.cfg.Vault.Gate().Err(); shut != nil {
		storeErr = shut
	}
	schedule := b.cfg.Tokens.Schedule(a.Name)
	out := api.Account{
		Name:            a.Name,
		Provider:        book.ProviderName(a),
		Tenant:          a.Tenant,
		Issuer:          a.Issuer,
		ClientID:        a.ClientID,
		Grant:           string(a.Grant),
		Via:             a.Via,
		State:           api.StateReady,
		Degraded:        b.cfg.Vault.Degraded(a.Name),
		Refreshing:      schedule.Refreshing,
		Subject:         f.Subject,
		Email:           f.Email,
		ScopesRequested: list(a.Scopes),
		ScopesGranted:   list(f.Scopes),
		ExpiresAt:       api.Moment(schedule.ExpiresAt),
		NextRefreshAt:   api.Moment(schedule.NextRefreshAt),
		Hosts:           a.Hosts,
		File:            a.File,
	}
	end := b.cfg.Book.Forecast(a, f)
	out.LoginEndsAt, out.LoginEndsReason, out.LoginProlonged = api.Moment(end.At), end.Reason, end.Prolonged
	out.LoginAsked, out.LoginCallers = b.cfg.Waiting(a.Name)
	if schedule.LastError != nil {
		out.LastError = api.AsError(words.Token(a, book.ProviderName(a), b.cfg.Now(), schedule.LastError))
	}
	if p, err := b.cfg.Book.KnownProvider(a); err == nil {
		out.Issuer = cmp.Or(a.Issuer, p.Issuer)
		if f.LoginScopes != nil {
			out.ScopesLost = p.Covers(f.Scopes, f.LoginScopes)
		}
	}
	usable := !schedule.ExpiresAt.IsZero() && schedule.ExpiresAt.After(b.cfg.Now())
	switch {
	case storeErr != nil:
		p := b.cfg.Store.Problem(storeErr)
		out.State, out.LastError = api.StateError, p
		if p.Code == api.KeystoreLocked || p.Code == api.Locked {
			out.State = api.StateLocked
		}
	case !f.MissingSince.IsZero():
		out.State, out.MissingSince = api.StateLoginRequired, api.Moment(f.MissingSince)
		out.LastError = words.NoCredential(a.Name, f.MissingSince)
	case !f.LoggedIn || f.Dead:
		out.State = api.StateLoginRequired
		if f.LoggedIn && out.LastError == nil {
			out.LastError = words.LoginRequired(a.Name, "the provider has ended this login")
		}
	case !f.Ends.IsZero() && !f.Ends.After(b.cfg.Now()):
		out.State = api.StateLoginRequired
	case a.Via != "" && b.lacksVia(a):
		out.State, out.LastError = api.StateLoginRequired, words.LoginRequiredVia(a)
	case b.cfg.Book.Rebound(a, f) != "":
		out.State, out.LastError = api.StateLoginRequired, words.LoginRequired(a.Name, b.cfg.Book.Rebound(a, f))
	case out.LastError != nil && !usable:
		out.State = api.StateError
		if out.LastError.Code == api.LoginRequired {
			out.State = api.StateLoginRequired
		}
	}
	return out
}

// lacksVia reports whether the account whose login a's tokens come from has none, as far as that is known without asking the
// store.
func (b *Board) lacksVia(a account.Account) bool {
	of, ok := b.cfg.Book.Configured(a.Via)
	if !ok || of.Via != "" {
		return false
	}
	f, known := b.cfg.Book.KnownFacts(of.Name)
	return known && b.describe(of, f, nil).State == api.StateLoginRequired
}

// list makes a nil list an empty one, because these fields are always there.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
