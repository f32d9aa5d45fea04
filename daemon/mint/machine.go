package mint

import (
	"cmp"
	"context"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/words"
)

// This file is about grants without a person. Their tokens are minted from a secret or a key that is not spent, so that
// there is nothing to rotate and no login that ends.

// FromFiles is the credential of an account of which nothing is kept.
func (m *Minter) FromFiles(ctx context.Context, a account.Account) (account.Credential, provider.Provider, error) {
	if !a.Grant.HasClient() {
		return account.Credential{}, book.MachineProvider(a), nil
	}
	p, err := m.book.Resolve(ctx, a, false)
	if err != nil {
		return account.Credential{}, p, words.Discovery(book.ProviderName(a), err)
	}
	auth, _, err := Pin(a, p, Given{}, account.Credential{})
	c := account.Credential{
		Issuer: p.Issuer, TokenEndpoint: p.Endpoints.Token,
		ClientID: auth.ID, AuthMethod: string(auth.Method), ClientSecret: auth.Secret,
	}
	if err == nil && a.DPoP {
		c.ProofKey, err = m.keys.of(a.Name)
	}
	return c, p, err
}

// mintFromFiles mints a token of an account of which nothing is kept.
func (m *Minter) mintFromFiles(ctx context.Context, a account.Account, key token.Key) (account.Token, error) {
	c, p, err := m.FromFiles(ctx, a)
	if err != nil {
		return account.Token{}, err
	}
	return m.mintMachine(ctx, a, key, c, p)
}

// mintMachine mints a token of a grant without a person.
func (m *Minter) mintMachine(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider,
) (account.Token, error) {
	got, err := m.Ask(ctx, a, key, c, p)
	if err != nil {
		return account.Token{}, err
	}
	if a.SelfContained() && key == (token.Key{Account: a.Name}) {
		c.Scopes, c.Email = got.Token.Scopes, got.Email
		m.book.Stored(a, book.FactsOf(c))
	}
	return got.Token, nil
}

// MachineToken is a token of a grant without a person, and whose it is where that is known.
type MachineToken struct {
	Token account.Token
	Email string
}

// Ask asks for a token of a grant without a person.
func (m *Minter) Ask(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider,
) (MachineToken, error) {
	scopes := key.Scopes.List()
	// An access token for an audience is for no scopes; where only the ID token is for it, the other one may have some.
	forAudience := key.Audience != "" && (a.Grant == account.GrantServiceAccount || a.Grant == account.GrantADC && !key.IDToken)
	if key.Scopes.Empty() && !forAudience {
		scopes = a.Scopes
	}
	var got MachineToken
	var err error
	switch a.Grant {
	case account.GrantClientCredentials:
		got, err = m.askAsClient(ctx, a, key, c, p, scopes)
	case account.GrantServiceAccount:
		got, err = m.askAsServiceAccount(ctx, a, key, c, scopes)
	case account.GrantIdentityAssertion:
		got, err = m.askVia(ctx, a, key, c, p, scopes)
	default:
		got, err = m.askAsHere(ctx, a, key, scopes)
	}
	if got.Token.Scopes == nil { // RFC 6749 §5.1: as asked for
		got.Token.Scopes = slices.Clone(scopes)
	}
	return got, words.Machine(a, err)
}

func (m *Minter) askAsClient(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider, scopes []string,
) (MachineToken, error) {
	auth, err := clientAuth(a, c, p)
	if err != nil {
		return MachineToken{}, err
	}
	r, err := m.grants.ClientCredentials(p.Confine(ctx), grant.ClientCredentials{
		TokenEndpoint: c.TokenEndpoint,
		Auth:          auth,
		Scopes:        scopes,
		Resource:      cmp.Or(key.Resource, a.Resource),
		Audience:      cmp.Or(key.Audience, a.Audience),
		Dialect:       Dialect(p),
	})
	return MachineToken{Token: r.Token}, err
}

func (m *Minter) askAsServiceAccount(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, scopes []string,
) (MachineToken, error) {
	text, err := keyText(a, c.Key)
	if err != nil {
		return MachineToken{}, err
	}
	robot, err := google.ParseServiceAccount([]byte(text.Reveal()))
	if err != nil {
		return MachineToken{}, words.Key(a, err)
	}
	r := google.ServiceAccountRequest{
		Account: robot, TokenEndpoint: a.Endpoints.Token, Scopes: scopes, Subject: a.Subject, IDToken: key.IDToken,
	}
	if key.IDToken || key.Scopes.Empty() {
		r.Audience = cmp.Or(key.Audience, a.Audience)
	}
	got, err := google.Client{Grants: m.grants}.ServiceAccount(ctx, r)
	if err == nil && got.Token.Access.IsZero() { // an ID token alone; an access token for the same costs no request
		idToken, expiry := got.Token.IDToken, got.Token.IDTokenExpiry
		r.IDToken = false
		got, err = google.Client{Grants: m.grants}.ServiceAccount(ctx, r)
		got.Token.IDToken, got.Token.IDTokenExpiry = idToken, expiry
	}
	return MachineToken{got.Token, cmp.Or(a.Subject, robot.ClientEmail)}, err
}

func (m *Minter) askAsHere(ctx context.Context, a account.Account, key token.Key, scopes []string) (MachineToken, error) {
	r, err := google.Client{Grants: m.grants}.ApplicationDefault(ctx, google.ADCRequest{
		File:     a.KeyFile,
		Places:   m.adc,
		Scopes:   scopes,
		Audience: cmp.Or(key.Audience, a.Audience),
		IDToken:  key.IDToken,
		Sources:  a.CredentialSources,
	})
	if err == nil && r.Response.Token.Access.IsZero() {
		err = words.OnlyIDToken()
	}
	return MachineToken{r.Response.Token, r.Email}, err
}
