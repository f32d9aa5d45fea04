package login

import (
	"context"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Outcome is what a login, or an import, has obtained, and for which account.
type Outcome struct {
	Account  account.Account
	Provider provider.Provider
	// Before is what was stored until now; zero for nothing.
	Before account.Credential
	Auth   grant.ClientAuth
	// Key is what is stored of a private key; unset if there is none, or if its file is read each time.
	Key account.Secret
	// Asked are the scopes that were asked for.
	Asked []string
	// RedirectURI is where the code came, and Nonce that of the authorization request; "" if there was none.
	RedirectURI string
	Nonce       string
	Response    grant.Response

	// Registered is true when Auth is a client that the issuer registered for us.
	Registered bool
	// AnyPerson accepts another person than before.
	AnyPerson bool
	// Imported is true when another tool has logged in, so that who it was cannot be asked for again.
	Imported bool
	// Irreplaceable is true when this is the only valid credential there is: it is kept even if it cannot be saved yet.
	Irreplaceable bool
}

// finish is the end of one login.
type finish struct {
	*Logins
	Outcome
	slot     *Slot
	warnings []string
}

// Words returns the sentences about the login.
func (o *Outcome) Words() words.Login {
	return words.Login{
		Account: o.Account.Name, Provider: o.Provider.Name, Issuer: o.Provider.Issuer, New: o.Account.File == "",
		Scopes: o.Asked, Bound: o.Account.DPoP,
	}
}

// Finish learns who it was, and commits the account file and the credential of o together, if slot still is the
// account's login.
func (l *Logins) Finish(ctx context.Context, slot *Slot, o Outcome) (done api.LoginEvent, err error) {
	t := &finish{Logins: l, Outcome: o, slot: slot, warnings: o.Response.Warnings}
	p, response, tok := o.Provider, o.Response, o.Response.Token
	ctx = p.Confine(ctx)
	tok.RefreshLate = p.RefreshKillsAccessToken
	if tok.Scopes == nil { // RFC 6749 §5.1: as asked for
		tok.Scopes, _ = p.OneResource(t.Asked)
	}
	who, err := t.identify(ctx, tok)
	if err != nil && o.Imported {
		l.log.Info().Err(err).Str("account", t.Account.Name).Msg("identity")
		who, err = grant.Identity{}, nil
	}
	if err != nil {
		return done, err
	}
	if err := t.samePerson(who); err != nil {
		return done, err
	}
	c := account.Credential{
		Issuer:             p.Issuer,
		TokenEndpoint:      p.Endpoints.Token,
		RevocationEndpoint: p.Endpoints.Revocation,
		ClientID:           t.Auth.ID,
		AuthMethod:         string(t.Auth.Method),
		ClientSecret:       t.Auth.Secret,
		Key:                t.Key,
		ProofKey:           t.Auth.ProofKey.Text(),
		RefreshToken:       response.RefreshToken,
		Scopes:             t.granted(tok.Scopes),
		Subject:            who.Subject,
		Email:              who.Email,
		LoggedInAt:         l.now().UTC().Truncate(time.Second),
		RefreshExpiry:      response.RefreshExpiry.UTC().Truncate(time.Second),
	}
	if p.RedirectURIAtRefresh {
		c.RedirectURI = t.RedirectURI
	}
	if c.RefreshToken.IsZero() {
		c.AccessToken, c.TokenType, c.Expiry = tok.Access, tok.Type, tok.Expiry
		tok.RefreshLate = true // nothing could refresh it
	}
	if err := t.commit(ctx, c, tok); err != nil {
		return done, err
	}
	if t.Registered {
		l.saveRegistration(ctx, t.Account.Name, p.Issuer)
	}
	t.warn(c, tok)
	return api.LoginEvent{
		Event:         api.EventDone,
		Email:         c.Email,
		Subject:       c.Subject,
		Provider:      p.Name,
		Grant:         string(t.Account.Grant),
		ScopesGranted: c.Scopes,
		ScopesDenied:  p.Covers(c.Scopes, t.Account.Scopes),
		ScopesExtra:   p.Covers(t.Asked, c.Scopes),
		Warnings:      t.warnings,
	}, nil
}

// granted returns what the login brought: the scopes of its first token, and those consented to along with them that
// take a token of their own.
func (t *finish) granted(first []string) []string {
	all := slices.Clone(first)
	one, _ := t.Provider.OneResource(t.Asked)
	for _, scope := range t.Asked {
		if !slices.Contains(one, scope) {
			all = append(all, scope)
		}
	}
	return all
}
