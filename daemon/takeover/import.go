// Package takeover imports what other tools saved: a login whose refresh token another tool has obtained. The token is
// proved by one refresh before anything is stored, and it is not sent to any place that the person did not name and
// nobody vouches for.
package takeover

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/foreign"
	"oauthd/daemon/login"
	"oauthd/daemon/mint"
	"oauthd/daemon/provider"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// Config is what Imports are made of.
type Config struct {
	Book   *book.Book
	Vault  *vault.Vault
	Mint   *mint.Minter
	Logins *login.Logins
	// Store words the store's failures.
	Store words.Store
	Log   zerolog.Logger
}

// Imports are the imports of one daemon. They are safe for concurrent use.
type Imports struct {
	book   *book.Book
	vault  *vault.Vault
	mint   *mint.Minter
	logins *login.Logins
	store  words.Store
	log    zerolog.Logger
}

// New makes Imports.
func New(cfg Config) *Imports {
	return &Imports{
		book: cfg.Book, vault: cfg.Vault, mint: cfg.Mint, logins: cfg.Logins, store: cfg.Store, log: cfg.Log,
	}
}

// takeover is one import.
type takeover struct {
	*Imports
	out     login.Outcome
	slot    *login.Slot
	found   foreign.Found
	request api.ImportRequest
	secret  account.Secret
	// known is true if the account is configured already.
	known bool
}

// Import makes an account of what another tool has saved. The refresh token is proved by one refresh, and what comes of
// it is saved, before the import is done; one that fails before leaves nothing behind. Until the refresh token is sent,
// the end of ctx ends the import; from then on it is carried through.
func (m *Imports) Import(ctx context.Context, r api.ImportRequest, events func(api.ImportEvent)) error {
	t, err := m.read(r)
	if err != nil {
		return err
	}
	name := t.out.Account.Name
	if t.found.Kind == foreign.KindClient {
		return t.client(ctx, events)
	}
	leave, err := m.vault.Gate().Enter()
	if err != nil {
		return m.store.Problem(err)
	}
	defer leave()
	if err := t.claim(ctx); err != nil { // before a login of that name is told to end
		return err
	}
	ctx, t.slot, err = m.logins.Begin(ctx, name)
	if err != nil {
		return err
	}
	defer t.slot.End()
	done, err := t.run(ctx, events)
	event := m.log.Info()
	if err != nil {
		event = account.LogError(m.log.Warn(), err)
	}
	event = account.LogCaller(ctx, event).Str("account", name).Str("format", t.found.Format).Str("provider", t.out.Provider.Name)
	if err == nil {
		event = event.Str("email", done.Email).Str("subject", done.Subject).Strs("scopes", done.ScopesGranted)
	}
	event.Msg("import")
	if err != nil {
		return err
	}
	events(api.ImportEvent{
		Event: api.EventDone, Account: name, Provider: done.Provider, Email: done.Email, Subject: done.Subject,
		ScopesGranted: done.ScopesGranted, Rotated: t.out.Irreplaceable, Warnings: done.Warnings,
	})
	return nil
}

// read reads the data, brings together what it and the request say, and settles the account's name.
func (m *Imports) read(r api.ImportRequest) (*takeover, error) {
	f, err := foreign.Parse([]byte(r.Data))
	if err != nil {
		p := &api.Error{Code: api.ConfigInvalid, Message: err.Error(), Hint: "oauthd import --help lists the formats that oauthd reads"}
		var mistake *foreign.Mistake
		if errors.As(err, &mistake) {
			p.Hint = mistake.Hint
		}
		return nil, p
	}
	t := &takeover{Imports: m, out: login.Outcome{Asked: f.Scopes, Imported: true}, found: f, request: r}
	switch {
	case r.Provider != "" && r.Issuer != "":
		return nil, words.BadRequest("give a provider or an issuer, not both", "leave one out")
	case r.Sole && f.Shared != "":
		return nil, words.BadRequest(words.Quoting("the file cannot be removed after the import: %s", f.Shared),
			"leave out --delete-source, then remove the credential by the tool that wrote it")
	case r.ClientID != "" && f.ClientID != "" && r.ClientID != f.ClientID:
		return nil, words.BadRequest("the refresh token in the file belongs to another client",
			"leave out --client-id; a refresh token works only for its own client")
	}
	if r.Issuer != "" {
		if err := provider.CheckIssuer(r.Issuer); err != nil {
			return nil, words.BadRequest(words.Quoting("issuer: %v", err), "write it exactly as the provider's documentation does")
		}
	}
	if r.RedirectURI != "" {
		if u, err := url.Parse(r.RedirectURI); err != nil || u.Scheme == "" {
			return nil, words.BadRequest("the redirect URI is no URI", "write it exactly as the other tool registered it")
		}
	}
	for _, scope := range r.Scopes {
		if err := account.CheckScope(scope); err != nil {
			return nil, words.BadRequest(words.Quoting("%v", err), "give one --scope for each")
		}
	}
	t.secret = f.ClientSecret
	if r.ClientSecret != "" {
		t.secret = account.NewSecret(string(r.ClientSecret))
	}
	t.out.Account = account.Account{
		Name: cmp.Or(r.As, importName(f, r)), ClientID: cmp.Or(r.ClientID, f.ClientID),
		Scopes: slices.Clone(r.Scopes), Grant: account.GrantAuthorizationCode, Managed: true,
	}
	if len(r.Scopes) == 0 {
		t.out.Account.Scopes = slices.Clone(f.Scopes)
	}
	if f.Kind == foreign.KindKey {
		if r.Provider != "" || r.Issuer != "" || r.ClientID != "" || r.ClientSecret != "" {
			return nil, words.BadRequest("a service account's key names its own provider, and has no client", "leave them out")
		}
		t.out.Account.Grant, t.out.Account.ClientID = account.GrantServiceAccount, ""
	}
	if t.out.Account.Name == "" {
		return nil, words.BadRequest("the file suggests no name for the account", "pass --as NAME")
	}
	return t, account.CheckName(t.out.Account.Name)
}

// client answers data that is a client alone: a login goes on from there.
func (t *takeover) client(ctx context.Context, events func(api.ImportEvent)) error {
	t.book.Refresh(ctx, t.out.Account.Name)
	if _, known := t.book.Configured(t.out.Account.Name); known && t.request.As == "" {
		return t.taken("is there already")
	}
	found := t.event()
	found.TokenEndpoint = t.found.TokenURI
	events(found)
	events(api.ImportEvent{Event: api.EventLoginNeeded, Account: t.out.Account.Name})
	return nil
}

func (t *takeover) event() api.ImportEvent {
	return api.ImportEvent{
		Event: api.EventFound, Account: t.out.Account.Name, Grant: string(t.out.Account.Grant), Format: t.found.Format,
		Provider: cmp.Or(t.out.Provider.Name, t.found.Provider),
		Issuer:   t.out.Provider.Issuer, TokenEndpoint: t.out.Provider.Endpoints.Token, ClientID: t.out.Account.ClientID,
		HasSecret: !t.secret.IsZero(), Scopes: t.found.Scopes, Email: t.found.Email,
	}
}
