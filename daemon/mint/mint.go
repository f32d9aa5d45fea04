// Package mint is the only place that spends a refresh token: for a refresh, to prove an import, and for a revocation.
// It saves what an answer of the token endpoint changed before anybody is served, authenticates clients, and asks for
// tokens of grants that need no person.
package mint

import (
	"context"
	"errors"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"

	"github.com/rs/zerolog"
)

// Config is what a Minter is made of.
type Config struct {
	Book   *book.Book
	Vault  *vault.Vault
	Grants *grant.Client
	// ADC is where Google's application default credentials are looked for.
	ADC google.ADCPlaces
	// Store words the store's failures.
	Store words.Store
	Log   zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
	// Tokens answers a request for a token from the cache, or has it minted. Mint asks it for the token of which another one
	// is made; nil if there are none.
	Tokens func(context.Context, token.Request) (account.Token, error)
}

// Minter is safe for concurrent use.
type Minter struct {
	book   *book.Book
	vault  *vault.Vault
	grants *grant.Client
	adc    google.ADCPlaces
	store  words.Store
	log    zerolog.Logger
	now    func() time.Time
	tokens func(context.Context, token.Request) (account.Token, error)

	retries retries
	keys    keys
}

var _ token.Minter = (*Minter)(nil)

// New makes a Minter.
func New(cfg Config) *Minter {
	return &Minter{
		book: cfg.Book, vault: cfg.Vault, grants: cfg.Grants, adc: cfg.ADC, store: cfg.Store, log: cfg.Log, now: cfg.Now,
		tokens: cfg.Tokens,
	}
}

// Mint implements [token.Minter]: it spends the refresh token, saves what came back, and only then returns.
func (m *Minter) Mint(ctx context.Context, key token.Key) (account.Token, error) {
	a, err := m.book.Account(ctx, key.Account)
	if err != nil {
		return account.Token{}, err
	}
	leave, err := m.vault.Gate().Enter()
	if err != nil {
		return account.Token{}, m.store.Problem(err)
	}
	defer leave()
	started := m.now()
	t, err := m.mintAlone(ctx, a, key)
	event := m.log.Info()
	if err != nil {
		event = account.LogError(m.log.Warn(), err)
	} else if !t.Expiry.IsZero() {
		event = event.Time("expires_at", t.Expiry)
	}
	account.LogCaller(ctx, event).Str("account", a.Name).Str("scope", key.Scopes.String()).Dur("took", m.now().Sub(started)).Msg(deed(key))
	return t, err
}

// deed is what is done for key, as the log calls it.
func deed(key token.Key) string {
	if key.Exchanged {
		return "exchange"
	}
	return "refresh"
}

// mintAlone mints with the record of a locked, so that nobody else spends its refresh token. An exchange spends nothing, and
// waits for the account's own token, which takes that lock.
func (m *Minter) mintAlone(ctx context.Context, a account.Account, key token.Key) (account.Token, error) {
	if key.Exchanged {
		return m.exchange(ctx, a, key)
	}
	unlock, err := m.vault.Lock(ctx, a.Name)
	if err != nil {
		return account.Token{}, err
	}
	defer unlock()
	return m.mint(ctx, a, key)
}

func (m *Minter) mint(ctx context.Context, a account.Account, key token.Key) (account.Token, error) {
	if a.SelfContained() {
		return m.mintFromFiles(ctx, a, key)
	}
	c, err := m.vault.Load(ctx, a.Name)
	if errors.Is(err, vault.ErrNoCredential) {
		return account.Token{}, words.NoCredential(a.Name, m.book.Missing(a.Name))
	}
	if err != nil {
		return account.Token{}, m.store.Problem(err)
	}
	m.book.Stored(a, book.FactsOf(c))
	if c.Dead {
		return account.Token{}, words.LoginRequired(a.Name, "the provider has ended this login")
	}
	p, err := m.bound(ctx, a, c)
	if err != nil {
		return account.Token{}, err
	}
	if c, err = m.bind(ctx, a, c); err != nil {
		return account.Token{}, err
	}
	if !a.Grant.Interactive() {
		return m.mintMachine(ctx, a, key, c, p)
	}
	if c.RefreshToken.IsZero() {
		return m.unrefreshable(a, c)
	}

	r, err := m.refresh(ctx, a, key, c, p)
	if !key.Scopes.Empty() && p.Narrowing == "" {
		if invalidScope(err) {
			m.book.SetNarrows(p, false)
			key.Scopes = account.ScopeSet{}
			if c, err = m.vault.Load(ctx, a.Name); err == nil { // the answer may have rotated it
				r, err = m.refresh(ctx, a, key, c, p)
			}
		} else if err == nil {
			m.book.SetNarrows(p, len(p.Covers(key.Scopes.List(), r.Token.Scopes)) == 0)
		}
	}
	if err != nil {
		return account.Token{}, err
	}
	t := r.Token
	t.RefreshLate = p.RefreshKillsAccessToken
	if t.Scopes == nil { // the provider gave what was asked for (RFC 6749 §5.1)
		if t.Scopes = key.Scopes.List(); key.Scopes.Empty() {
			t.Scopes = c.Scopes
		}
	}
	return t, nil
}

// bound returns a's provider after checking that c came from there: a refresh token goes to no other place. If the
// provider cannot be reached now, the record stands for it.
func (m *Minter) bound(ctx context.Context, a account.Account, c account.Credential) (provider.Provider, error) {
	if !a.Grant.HasClient() {
		return provider.Provider{}, nil // the key says where it goes
	}
	p, err := m.book.Resolve(ctx, a, false)
	if err != nil {
		if p, err = m.book.KnownProvider(a); err != nil {
			return provider.Provider{}, err
		}
		p = p.WithSaved(c.TokenEndpoint)
	}
	if why := book.OriginOf(c).Differs(a, p); why != "" {
		return provider.Provider{}, words.LoginRequired(a.Name, why)
	}
	return p, nil
}

// unrefreshable returns the access token of a login that came without a refresh token, while it lives.
func (m *Minter) unrefreshable(a account.Account, c account.Credential) (account.Token, error) {
	if c.AccessToken.IsZero() {
		return account.Token{}, words.LoginRequired(a.Name, "its grant was another one")
	}
	if !c.Expiry.IsZero() && !c.Expiry.After(m.now()) {
		return account.Token{}, words.LoginRequired(a.Name, "the access token has expired, and the provider gave no refresh token")
	}
	if a.DPoP && c.ProofKey.IsZero() {
		return account.Token{}, words.LoginRequired(a.Name, "its access token is not bound to a key, and cannot be refreshed")
	}
	return account.Token{Access: c.AccessToken, Type: c.TokenType, ProofKey: c.ProofKey, Expiry: c.Expiry, Scopes: c.Scopes, RefreshLate: true}, nil
}
